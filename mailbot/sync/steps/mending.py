"""What `mailbot verify --repair` does: only what needs no guess, and nothing to what the user has touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailbot.errors import BadData
from mailbot.sync.decide.finding import FetchRaw, Mend, Remember, RemoveCopies, Sweep, TryNow, drafts, mails
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Location, MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.steps.deliver import MOST, Delivery
from mailbot.sync.steps.restore import Restorer
from mailbot.vault.files import content_hash
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
                done = self.restorer.everything(cursors=False)
                again = f"; approve again: {', '.join(done.notes)}" if done.notes else ""
                return f"written into the journal: {mails(done.mails)}, {drafts(done.drafts)}{again}"
            case RemoveCopies(draft_id, kept, uids):
                return self._remove(draft_id, kept, uids)
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

    def _remove(self, draft_id: int, kept: int, uids: tuple[int, ...]) -> str:
        """What was looked at is looked at again: only the very bytes that mailbot stored leave Drafts, and where one is to stay, it lies
        there."""
        draft, server = self.journal.drafts.get(draft_id), self.delivery.server
        if not server.can_remove():
            return "the server cannot remove one message alone; delete them in your mail client"
        uidvalidity = server.examine(draft.mailbox).uidvalidity
        stays = content_hash(server.message(draft.mailbox, kept, MOST) or b"") if kept else draft.sha256
        if not draft.ours or stays != draft.sha256:
            return "nothing, since it has changed meanwhile; run `mailbot sync`"
        gone = sum(
            server.take_away(draft.mailbox, uidvalidity, uid, draft.sha256, marked=True) for uid in uids
        )
        if kept and (draft.uidvalidity, draft.uid) != (uidvalidity, kept):
            self.journal.drafts.save(replace(draft, uidvalidity=uidvalidity, uid=kept))
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
