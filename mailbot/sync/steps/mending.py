"""What `mailbot verify --repair` does: only what needs no guess, and nothing to what the user has touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailbot.errors import BadData
from mailbot.sync.decide.finding import FetchRaw, Mend, Remember, RemoveCopies, Sweep, TryNow
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Location, MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.steps.deliver import Delivery
from mailbot.sync.steps.restore import Restorer
from mailbot.vault.unfinished import sweep

PASSED = "an earlier run has passed this mail without keeping it"


@dataclass(frozen=True, slots=True)
class Mender:
    """Mends what was found of one account. Every call may raise MailbotError if the server as a whole fails."""

    account: str
    journal: Journal
    notes: NoteFiles
    spool: Spool
    delivery: Delivery
    restorer: Restorer
    as_it_came: Callable[[MailRow], bytes]

    def mend(self, what: Mend) -> str:
        """Do it; says what was done, or why not."""
        match what:
            case TryNow(mailbox, uids):
                return self._try_now(mailbox, uids)
            case Remember():
                self.restorer.mails()
                self.restorer.drafts()
                done = self.restorer.done
                return f"{done.mails} mails and {done.drafts} drafts were written into the journal"
            case RemoveCopies(draft_id, uids):
                return self._remove(draft_id, uids)
            case FetchRaw(mail_ids):
                return self._fetch_raw(mail_ids)
            case Sweep():
                sweep(self.notes.scratch)
                sweep(self.spool.folder)
                return "the unfinished files were taken away"

    def _try_now(self, mailbox: str, uids: tuple[int, ...]) -> str:
        opened = self.delivery.server.examine(mailbox)
        for uid in uids:
            at = Location(mailbox, opened.uidvalidity, uid)
            self.journal.failures.record(self.account, at, PASSED, 0, datetime.now(UTC))
        return f"the next `mailbot fetch` takes them: {len(uids)}"

    def _remove(self, draft_id: int, uids: tuple[int, ...]) -> str:
        draft, server = self.journal.drafts.get(draft_id), self.delivery.server
        if not server.can_remove():
            return "the server cannot remove one message alone; delete them in your mail client"
        opened = server.examine(draft.mailbox)
        copies = [replace(draft, uidvalidity=opened.uidvalidity, uid=uid) for uid in uids]
        gone = sum(self.delivery.take_away(copy) for copy in copies)
        kept = [uid for uid in server.by_id(draft.mailbox).get(draft.message_id, []) if uid not in uids]
        if kept and draft.uid not in kept:
            self.journal.drafts.save(replace(draft, uidvalidity=opened.uidvalidity, uid=kept[-1]))
        return f"{gone} of {len(uids)} removed from {draft.mailbox}"

    def _fetch_raw(self, mail_ids: tuple[int, ...]) -> str:
        there = 0
        for mail_id in mail_ids:
            row = self.journal.mails.get(mail_id)
            try:
                self.spool.keep_mail(row.sha256, self.as_it_came(row))
            except BadData:
                continue  # it is on the server no more: `mailbot status` goes on naming it
            self.journal.mails.failed(row.id, row.error, 0, datetime.now(UTC))
            there += 1
        return f"{there} of {len(mail_ids)} were read from the server again"
