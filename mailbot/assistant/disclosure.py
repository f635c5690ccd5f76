"""Which notes may stand in a draft to whom. Rules over plain values; the first that forbids a note gives the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailbot.assistant.scope import Scope
from mailbot.settings import Disclosure
from mailbot.vault.entry import UNREADABLE, name_key
from mailbot.vault.index import Marks, NoteRow
from mailbot.vault.walk import lies_in, places


@dataclass(frozen=True, slots=True)
class Audience:
    """Who will read the draft. Addresses and names are case-folded.

    `readers` are the addresses that the answer goes to; `people` the person notes of those on
    the mail and of those whom it mentions, by id, and `called` their names and places; `strangers` are those readers whom the user never
    wrote with and has made no note of.
    """

    readers: frozenset[str]
    people: frozenset[int] = frozenset()
    called: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A note that could be used: `parties` are the addresses that a mail was from or to, `person_of` the id and the name of
    the person in whose folder it lies (0 where only the folder says who), `in_thread` that it is an earlier mail of the same
    thread."""

    note: NoteRow
    parties: frozenset[str] = frozenset()
    person_of: tuple[int, str] | None = None
    in_thread: bool = False


def kept_back(note: NoteRow | Marks, rules: Disclosure) -> str:
    """Why a note goes into nobody's draft and to no server; empty if it may."""
    if note.audience == UNREADABLE:
        return "its properties cannot be read; correct them in the note"
    if note.private:
        return "it is private"
    if tag := next((t for t in rules.private_tags if _tagged(note.tags, t.lstrip("#").casefold())), ""):
        return f"its tag {tag.lstrip('#')} is private"
    if folder := next((f for f in rules.private_folders if lies_in(note.path, places([f]))), ""):
        return f"its folder {folder.strip('/')} is private"
    return ""


def withheld(candidate: Candidate, to: Audience, rules: Disclosure) -> str:
    """Why a note may not be used in a draft to these readers; empty if it may."""
    note = candidate.note
    if reason := kept_back(note, rules):
        return reason
    if note.audience == "internal":
        domains = tuple(d.casefold().lstrip("@") for d in rules.internal_domains)
        outside = sorted(r for r in to.readers if not _within(r, domains))
        if outside or not to.readers:
            return (
                f"it is internal, and {outside[0]} is outside your internal domains"
                if outside
                else "the reply has no known recipient"
            )
    if note.type == "email":
        left_out = sorted(to.readers - candidate.parties)
        if left_out or not to.readers:
            return f"{left_out[0]} was not on this mail" if left_out else "the reply has no known recipient"
        if candidate.in_thread:
            return ""
    if to.strangers and rules.strangers == "thread":
        return f"{min(to.strangers)} would read it, and you have never written to them (disclosure.strangers)"
    if note.type == "email":
        return ""
    if note.person and note.id not in to.people:
        return f"it is about {note.title}, who is neither on this mail nor mentioned in it"
    if candidate.person_of:
        id_, name = candidate.person_of
        if id_ not in to.people and (id_ or name_key(name) not in to.called):
            return f"it is about {name}, who is neither on this mail nor mentioned in it"
    about = {part for link in note.about.split("|") if link for part in (link, link.rpartition("/")[2])}
    if about and not about & to.called:
        return "it is about somebody who is neither on this mail nor mentioned in it"
    return ""


def _tagged(tags: frozenset[str], wanted: str) -> bool:
    """Whether a tag or one nested in it is there."""
    return any(tag == wanted or tag.startswith(f"{wanted}/") for tag in tags)


def _within(email: str, domains: tuple[str, ...]) -> bool:
    domain = email.rpartition("@")[2]
    return any(domain == d or domain.endswith(f".{d}") for d in domains)


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
