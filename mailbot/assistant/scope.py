"""For whom a context is gathered, within which limits, and as of when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mailbot.mail.message import Address
from mailbot.settings import Disclosure
from mailbot.vault.index import NoteRow


@dataclass(frozen=True, slots=True)
class Scope:
    """`own` are the user's addresses (case-folded) and `own_names` what they are called, `internal_domains` where the user's own
    people are, `readers` the addresses that the answer goes to, `strangers` those of them (case-folded) with whom the user never
    exchanged mail, `written_to` the domains that the user has written to, `rules` the user's rules of disclosure.

    `people_folder` is where every note is about a person. Left out are the mail's `own_note` and all that lies in `left_out`
    (folders or notes). What was written after `until` did not exist yet: a mail counts by its date, any other note by the
    time of its last change, or by its `date` property where `trust_dates` says so.
    """

    own: frozenset[str] = frozenset()
    own_names: tuple[str, ...] = ()
    internal_domains: tuple[str, ...] = ()
    readers: tuple[Address, ...] = ()
    strangers: frozenset[str] = frozenset()
    written_to: frozenset[str] = frozenset()
    rules: Disclosure = field(default_factory=Disclosure)
    own_note: str = ""
    people_folder: str = "People"
    left_out: tuple[str, ...] = ("Email/Drafts",)
    until: datetime | None = None
    trust_dates: bool = False


def existed(note: NoteRow, scope: Scope) -> bool:
    """Whether all that a note says was there at the time that the context is for; in doubt it was not."""
    if scope.until is None:
        return True
    by_date = note.type == "email" or scope.trust_dates
    when = _moment(note.date) if by_date and note.date else None
    if when is None and note.type != "email":
        when = datetime.fromtimestamp(note.mtime_ns / 1e9, UTC)
    return when is not None and when < scope.until.astimezone()


def _moment(text: str) -> datetime | None:
    """A date property as a moment; a day alone as its end, since nothing says when in it."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        when += timedelta(days=1 if len(text.strip()) <= 10 else 0)
        return when if when.tzinfo else when.astimezone()
    except (OverflowError, ValueError):
        return None
