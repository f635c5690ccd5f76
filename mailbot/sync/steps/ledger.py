"""What a plan says beside the mails to keep: failures that are over or new, UIDs that mean other mails, and how far a mailbox was
read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.mail.server.listing import Opened
from mailbot.sync.decide.mailbox import ForgetFailure, ForgetRenumbered, MoveCursor, Quarantine
from mailbot.sync.decide.retry import backoff
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, Location
from mailbot.sync.session.report import Report
from mailbot.sync.steps.look import Look


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes that down for one account."""

    account: str
    journal: Journal
    report: Report

    def begin(self, look: Look) -> None:
        """What comes before the mails."""
        opened = look.opened
        for action in look.actions:
            match action:
                case ForgetRenumbered(before):
                    self.report.remark(
                        f"{opened.name}: the server renumbered its mails (UIDVALIDITY {before} became {opened.uidvalidity});"
                        " mails that you already have are not saved twice"
                    )
                    self.journal.failures.forget_renumbered(self.account, opened.name, opened.uidvalidity)
                case ForgetFailure(uid):
                    self.journal.failures.forget(self.account, at(opened, uid))
                case Quarantine(uid, reason, moves):
                    with self.journal.together():
                        self.failed(opened, uid, reason, moves)

    def end(self, look: Look) -> None:
        """What comes after them: the cursor."""
        for action in look.actions:
            if isinstance(action, MoveCursor):
                reached = Cursor(look.opened.uidvalidity, action.uid)
                self.journal.cursors.move(self.account, look.opened.name, reached)

    def failed(self, opened: Opened, uid: int, reason: str, moves: bool) -> None:
        """A mail cannot be kept now; a later run tries again. `moves` says that the cursor follows it."""
        self.report.failed.append(f"{opened.name}, UID {uid}: {reason}; it is tried again later")
        here = at(opened, uid)
        attempts = self.journal.failures.attempts(self.account, here) + 1
        again = datetime.now(UTC) + backoff(attempts)
        self.journal.failures.record(self.account, here, reason, attempts, again)
        if moves:
            self.journal.cursors.move(self.account, opened.name, Cursor(opened.uidvalidity, uid))


def at(opened: Opened, uid: int) -> Location:
    """Where a mail of an opened mailbox lies."""
    return Location(opened.name, opened.uidvalidity, uid)
