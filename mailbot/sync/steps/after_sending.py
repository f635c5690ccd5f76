"""What is left to do once a draft has gone out: a copy into Sent, `\\Answered` on the mail, the draft out of Drafts. Each is journalled
when it is done, so that a later run goes on where this one stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mailbot.errors import MailbotError, ServerUnavailable, TryAgain
from mailbot.mail.discovery.providers import files_sent_itself
from mailbot.mail.message import MessageId, message_ids
from mailbot.settings import Account
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.session.report import Report, in_log, log
from mailbot.sync.steps.deliver import Delivery
from mailbot.sync.steps.sent import read_sent

ALL = ("file", "answered", "remove")


@dataclass(frozen=True, slots=True)
class AfterSending:
    """Finishes what was sent from an account."""

    account: Account
    journal: Journal
    delivery: Delivery
    report: Report

    def finish_all(self) -> None:
        """Finish what earlier runs have left."""
        for draft in self.journal.drafts.unfinished(self.account.name):
            self.finish(draft)

    def finish(self, draft: DraftRow) -> None:
        """Do what is left to do after a draft went out. What fails is reported and stays for a later run: the mail is sent, and is
        never sent again for that. Raises TryAgain if the server asks for patience."""
        acts: dict[str, Callable[[DraftRow], None]] = {
            "file": self._file,
            "answered": self._answered,
            "remove": self._remove,
        }
        for what in draft.todo.split():
            try:
                acts[what](draft)
            except TryAgain:
                raise
            except MailbotError as error:
                self.report.failed.append(
                    f"{draft.note}: it was sent, but {error}; the next run tries that again"
                )
                log.warning("account %s: after draft %d: %s", self.account.name, draft.id, in_log(error))
                self.delivery.server.ensure()
                continue
            left = " ".join(each for each in self.journal.drafts.get(draft.id).todo.split() if each != what)
            self.journal.drafts.save(replace(self.journal.drafts.get(draft.id), todo=left))
        if not self.journal.drafts.get(draft.id).todo:
            self.delivery.spool.drop_draft(MessageId(draft.message_id))
            read_sent(self.delivery.server, self.account, self.journal)

    def _file(self, draft: DraftRow) -> None:
        """A copy into Sent, the very bytes that went out, unless the server does that itself."""
        smtp = self.account.smtp
        if smtp and files_sent_itself(smtp.host, smtp.port):
            return
        raw = self.delivery.spool.draft(MessageId(draft.message_id))
        if raw is None:
            return
        try:
            name = self.delivery.server.find("sent", self.account.sent_mailbox)
        except ServerUnavailable as error:
            self.report.remark(f"{draft.note}: it was sent, but no copy could be filed: {error}")
            return
        head = raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        ids = [
            i
            for line in head.split("\r\n")
            if line.lower().startswith("message-id:")
            for i in message_ids(line)
        ]
        self.delivery.server.file(name, raw, ids[0] if ids else MessageId(draft.message_id))

    def _answered(self, draft: DraftRow) -> None:
        """The mail that was answered says so, and nothing else of it changes."""
        for at in self.journal.locations.of(draft.mail_id):
            self.delivery.server.set_answered(at.mailbox, at.uidvalidity, at.uid)

    def _remove(self, draft: DraftRow) -> None:
        """The draft itself goes, by its own bytes: also one that a mail client has saved, since it is what was sent."""
        if not draft.mailbox:
            return
        server = self.delivery.server
        if not server.can_remove():
            self.report.remark(
                f"{draft.note}: it was sent; the server cannot remove one message alone, so delete the draft yourself"
            )
            return
        draft = self.delivery.found_again(draft)
        gone = server.take_away(draft.mailbox, draft.uidvalidity, draft.uid, draft.sha256)
        if not gone and self.delivery.lies(draft):
            self.report.remark(
                f"{draft.note}: it was sent; its draft in Drafts was changed meanwhile, and stays"
            )
