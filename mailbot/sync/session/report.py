"""What the user asked of a run, and what it did."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol

from mailbot.errors import AuthenticationFailed, BudgetSpent, MailbotError, ServerUnavailable, TryAgain

log = logging.getLogger("mailbot")
"""Never given mail text or a secret: ids and counts only. (A note's name has the subject in it: see `in_log`.)"""
log.addHandler(logging.NullHandler())  # a command without a log prints none either


def in_log(error: BaseException) -> str:
    """What the log says of an error: its words where they are of servers and settings, else its kind alone, since they may name
    a note. The report and the journal have them whole."""
    if isinstance(error, (ServerUnavailable, TryAgain, AuthenticationFailed, BudgetSpent)):
        return str(error)
    return type(error).__name__


class Progress(Protocol):
    """Told of long work: what it is, how much is done and of how much."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


def silent(what: str, done: int, total: int) -> None:
    """The progress of a run that nobody watches."""


def midnight(day: date) -> datetime:
    """The beginning of a day in the user's zone."""
    start = datetime.combine(day, datetime.min.time())
    try:
        return start.astimezone()
    except (OverflowError, ValueError, OSError):  # a day that no time zone reaches
        return start.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of this run. `limit` is for each mailbox."""

    since: date | None = None
    limit: int | None = None
    max_drafts: int | None = None
    no_drafts: bool = False

    @property
    def since_time(self) -> datetime | None:
        """`since` as a time, in the user's zone."""
        return midnight(self.since) if self.since else None


@dataclass
class Report:
    """What a run did to one account. `people` are the person notes that were made, `noticed` what became of drafts (note,
    status, what), `sent` what was handed to the mail server; `failed` is what wants another run, each
    with the reason; `would` is what a dry run would do; `error` ended the account's run early, with its exit code."""

    account: str
    notes: list[str] = field(default_factory=list)
    recognised: int = 0
    adopted: int = 0
    """How many of `notes` were there, though this journal did not know them."""
    drafts: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    dispositions: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    would: list[dict[str, Any]] = field(default_factory=list)
    noticed: list[dict[str, str]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    error: str = ""
    busy: bool = False
    """Another run has the account: that is no failure."""
    told: bool = False
    """Only the user can go on, and an earlier run has told them."""
    exit_code: int = 0

    _counted: dict[int, str] = field(default_factory=dict, repr=False)

    def count(self, mail_id: int, disposition: str) -> None:
        """A mail was decided. One that is decided again in the same run counts once, by its last disposition."""
        before = self._counted.get(mail_id, "")
        if before:
            self.dispositions[before] -= 1
            if not self.dispositions[before]:
                del self.dispositions[before]
        self._counted[mail_id] = disposition
        self.dispositions[disposition] = self.dispositions.get(disposition, 0) + 1

    def remark(self, text: str) -> None:
        """Something that the user should know, said once."""
        if text not in self.remarks:
            self.remarks.append(text)


def exit_code(reports: Sequence[Report]) -> int:
    """0 all is well; the error's own code where every account failed alike; 1 where some mails or accounts failed."""
    codes = {r.exit_code for r in reports}
    if len(codes) == 1 and (code := codes.pop()):
        return code
    return 1 if any(r.exit_code or r.failed for r in reports) else 0


def bug(error: Exception) -> MailbotError:
    """An error that nobody foresaw, as the user is told of it."""
    return MailbotError(f"a bug in mailbot ({type(error).__name__}); its log has the details")
