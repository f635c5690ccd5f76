"""The user's second thoughts: a `disposition` that was changed in the note of a mail that was done with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.decide.users_word import SAID
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.mails import Mails
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report
from mailbot.vault.read_back import disposition_in, sender_in
from mailbot.vault.verdict import Disposition

RECENT = timedelta(days=30)
"""How old a mail may be whose note is still looked at for a change of mind."""
_HEAD = 256 * 1024


def second_thoughts(account: str, mails: Mails, notes: NoteFiles) -> list[tuple[MailRow, Disposition]]:
    """The mails that were done with and whose notes now say another disposition than ours. Reads the head of each recent
    note and changes nothing."""
    found = []
    for row in mails.done_since(account, datetime.now(UTC) - RECENT):
        said = disposition_in(notes.head(row.note, _HEAD))
        if said and said != row.disposition:
            found.append((row, said))
    return found


@dataclass(frozen=True, slots=True)
class SecondThoughts:
    """Carries out what the user has changed. `raw_mail` gives a mail as it came."""

    journal: Journal
    notes: NoteFiles
    spool: Spool
    server: ImapAccount
    raw_mail: Callable[[MailRow], bytes]
    report: Report

    def obey(self, thoughts: Sequence[tuple[MailRow, Disposition]]) -> None:
        """A mail that now wants a reply is fetched again and waits for its draft, the others are noted. What the user says of
        a sender is remembered."""
        for row, said in thoughts:
            properties = self.notes.properties(row.note)
            if properties is None:
                continue
            if said == "reply":
                self._reopen(row)
                continue  # recorded when it is obeyed
            changes = {"decided_by": "user", "reason": SAID}
            self._done(row, said, changes)
            sender = sender_in(properties)
            if sender.email:
                self.journal.corrections.add(row.id, sender.key, said, datetime.now(UTC))

    def _reopen(self, row: MailRow) -> None:
        try:
            self.spool.keep_mail(row.sha256, self.raw_mail(row))
        except ServerUnavailable as error:  # it may be there in the next run
            self.server.ensure()
            self.report.remark(f"{row.note}: {error}; its draft waits")
        except BadData as error:
            self.report.remark(str(error))
            self._done(
                row, "reply", {"reason": "You asked for a reply, but the mail is no longer on the server"}
            )
        else:
            self.journal.mails.update(
                row.id, stage="draft", disposition=row.disposition, note_hash=row.note_hash
            )

    def _done(self, row: MailRow, said: Disposition, changes: dict[str, str]) -> None:
        note_hash = self.notes.change(row.note, row.note_hash, changes)
        self.journal.mails.update(row.id, stage="done", disposition=said, note_hash=note_hash)
