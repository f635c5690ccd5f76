"""What is left to do once a draft has gone out: a copy into Sent, `\\Answered` on the mail, the draft out of Drafts. Each is journalled
when it is done, so that a later run goes on where this one stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot import stopping
from mailbot.errors import BadData, MailbotError, NoSuchMailbox, TryAgain
from mailbot.mail.discovery.providers import files_sent_itself
from mailbot.mail.message import MessageId, message_ids
from mailbot.settings import Account
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.session.report import Report, in_log, log
from mailbot.sync.steps.deliver import Delivery
from mailbot.sync.steps.sent import read_sent
from mailbot.vault import note as notes
from mailbot.vault.draft_life import with_history

ALL = ("file", "answered", "remove")
FILED_WITHIN = 2.0
"""Seconds in which a server may file a copy in Sent by itself."""
NOTE = "note"
"""That its own note says so: done with the sending itself, and here where a run was killed in between."""


@dataclass(frozen=True, slots=True)
class AfterSending:
    """Finishes what was sent from an account."""

    account: Account
    journal: Journal
    delivery: Delivery
    report: Report
    clock: Callable[[], datetime]

    def finish_all(self) -> None:
        """Finish what earlier runs have left."""
        for draft in self.journal.drafts.unfinished(self.account.name):
            self.finish(draft)

    def finish(self, draft: DraftRow) -> None:
        """Do what is left to do after a draft went out. What fails is reported and stays for a later run: the mail is sent, and is
        never sent again for that. Raises TryAgain if the server asks for patience."""
        acts: dict[str, Callable[[DraftRow], None]] = {
            NOTE: self._told,
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
                if draft.why != str(error):  # said once
                    self.journal.drafts.save(replace(self.journal.drafts.get(draft.id), why=str(error)))
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

    def _told(self, draft: DraftRow) -> None:
        """The note of a draft says that it was sent, if it does not yet."""
        sent_as = str(_id_of(self.delivery.spool.draft(MessageId(draft.message_id))) or draft.message_id)

        def changed(text: str) -> str:
            if notes.read(text, draft.note).properties.get("status") == "sent":
                return text
            text = notes.with_properties(text, {"status": "sent", "sent_message_id": sent_as})
            return with_history(text, f"{self.clock():%Y-%m-%d %H:%M}", "Sent.")

        with suppress(BadData):  # the user has deleted it, or it can no longer be read
            self.delivery.notes.edit(draft.note, changed)

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
        except NoSuchMailbox as error:
            self.report.remark(f"{draft.note}: it was sent, but no copy could be filed: {error}")
            return
        message_id = _id_of(raw) or MessageId(draft.message_id)
        if not self.delivery.server.copies(name, message_id):
            stopping.pause(FILED_WITHIN)  # a provider that we do not know may file it a moment later
        self.delivery.server.file(name, raw, message_id)

    def _answered(self, draft: DraftRow) -> None:
        """The mail that was answered says so, and nothing else of it changes."""
        server, places = self.delivery.server, self.journal.locations.of(draft.mail_id)
        marked = [server.set_answered(at.mailbox, at.uidvalidity, at.uid) for at in places]
        if any(marked):
            return
        source = self.journal.mails.get(draft.mail_id).message_id
        if source and self._moved(MessageId(source)):
            return
        self.report.remark(
            f"{draft.note}: it was sent, but the mail that it answers is in none of your mailboxes here, so it is not marked as answered"
        )

    def _moved(self, source: MessageId) -> bool:
        """Mark a mail that was moved, to another mailbox of the account or to Archive."""
        server = self.delivery.server
        there = {m.name: m.attributes for m in server.mailboxes() if m.selectable}
        archives = [n for n, a in there.items() if n == "Archive" or "\\archive" in {x.casefold() for x in a}]
        for name in dict.fromkeys([*(n for n in self.account.mailboxes if n in there), *archives]):
            for uid in server.copies(name, source):
                if server.set_answered(name, server.examine(name).uidvalidity, uid):
                    return True
        return False

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
        gone = self.delivery.take_away(draft)
        if not gone and self.delivery.lies(draft):
            self.report.remark(
                f"{draft.note}: it was sent; its draft in Drafts was changed meanwhile, and stays"
            )


def _id_of(raw: bytes | None) -> MessageId | None:
    """The Message-ID of a mail as it went out."""
    head = (raw or b"").partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    lines = (line for line in head.split("\r\n") if line.lower().startswith("message-id:"))
    return next((each for line in lines for each in message_ids(line)), None)
