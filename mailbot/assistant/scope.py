"""For whom a context is gathered, within which limits, and as of when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mailbot.mail.message import Address
from mailbot.settings import Disclosure


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
