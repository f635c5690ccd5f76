"""Mails that were taken for old by a clock that was wrong: kept at a time that is still to come. They are looked at again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles

SLACK = timedelta(hours=1)
"""By how much clocks differ that are right."""


@dataclass(frozen=True, slots=True)
class WrongClock:
    """Finds such mails, and has them decided anew. `raw_mail` gives a mail as it came; `newer_than` is how old a mail may be that
    gets a draft."""

    account: str
    journal: Journal
    notes: NoteFiles
    spool: Spool
    server: ImapAccount
    raw_mail: Callable[[MailRow], bytes]
    newer_than: timedelta

    def put_right(self, now: datetime) -> None:
        """A mail that is new after all, and for which only rules have spoken, waits for triage. What the user or a model has
        decided stands. Raises MailbotError if the server asks for patience, OSError if the disk fails."""
        for row in self.journal.mails.kept_after(self.account, now + SLACK):
            properties = self.notes.properties(row.note) or {}
            if (
                row.stage == "done"
                and row.date > now - self.newer_than
                and properties.get("decided_by") == "rule"
            ):
                self._reopen(row)
            self.journal.mails.kept_now(row.id, now)

    def _reopen(self, row: MailRow) -> None:
        try:
            self.spool.keep_mail(row.sha256, self.raw_mail(row))
        except ServerUnavailable:
            self.server.ensure()
            return
        except BadData:
            return  # it is no longer on the server: it stays as it was decided
        changes = {"disposition": "", "decided_by": "", "reason": "Not looked at yet"}
        note_hash = self.notes.change(row.note, row.note_hash, changes)
        self.journal.mails.update(row.id, stage="triage", disposition="", note_hash=note_hash)
