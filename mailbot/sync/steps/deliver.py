"""A draft into the server's Drafts, exactly once: intent, APPEND, result.

`_looked_for` and `_copy` look at the server, `fate` decides, and only then is something done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailbot.errors import MailbotError, NoSuchMailbox, ServerUnavailable, TryAgain
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.special_use import SpecialUse
from mailbot.settings import Account
from mailbot.sync.decide.fate import Append, Confirm, Copy, Fate, LookedFor, Mark, Replace, fate
from mailbot.sync.decide.retry import backoff
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import OPEN, DraftRow, DraftStatus
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report, in_log, log
from mailbot.sync.steps.composed import Composed
from mailbot.vault.files import content_hash

MOST = 50_000_000
"""Octets: what is larger was not made here."""
NEWER = "a newer draft took its place"
REPLACED: tuple[DraftStatus, ...] = ("draft", "edited", "approved", "conflict")
"""The drafts that a newer one of the same mail may replace."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Stores drafts on an account's server. Every call may raise MailbotError if the server as a whole fails, and OSError
    if the disk does."""

    account: Account
    server: ImapAccount
    journal: Journal
    notes: NoteFiles
    spool: Spool
    report: Report

    def settle(self) -> None:
        """Finish what earlier runs began. A draft that fails again is reported and waits; the others, and the run, go on."""
        for row in self.journal.drafts.due_intents(self.account.name, datetime.now(UTC)):
            try:
                self._finish(row)
            except TryAgain:
                raise
            except MailbotError as error:
                self.postpone(row.mail_id, row.note, error)

    def store(self, draft: Composed) -> None:
        """Append a new draft whose note is durable, and take away the one that it replaces, if it is ours.
        A later run's `settle` goes on where this one stops."""
        self.server.ensure()  # the model may have taken minutes
        self._append(self._intend(draft), draft.raw)

    def keep_here(self, draft: Composed) -> None:
        """Keep a draft that does not go to the server, so that it can be sent."""
        self.spool.keep_draft(draft.message_id, draft.raw)
        row = draft.row("", self.journal.sent.newest_id())
        earlier = [d for d in self.journal.drafts.of(draft.mail_id) if d.status in OPEN and not d.mailbox]
        with self.journal.together():
            self.journal.drafts.add(replace(row, status=draft.becomes))
            for older in earlier:
                self.journal.drafts.mark(older.id, "superseded", NEWER)
        for older in earlier:
            self.spool.drop_draft(MessageId(older.message_id))

    def adopt(self, draft: Composed, stored: bool) -> None:
        """Store the draft of a note that the journal does not know. It may be on the server already, so look first. `stored`
        says that it was there once: if it is there no more, the user has sent or discarded it."""
        row = self._intend(draft)
        if stored:
            self.spool.drop_draft(draft.message_id)
        self._finish(row)

    def postpone(self, mail_id: int, note: str, error: MailbotError) -> None:
        """Record that a draft could not be stored. Raises MailbotError if the server does not answer any more."""
        attempts = self.journal.mails.get(mail_id).attempts + 1
        self.journal.mails.failed(mail_id, str(error), attempts, datetime.now(UTC) + backoff(attempts))
        self.report.failed.append(
            f"{note}: {error}; the draft note is saved, and a later run will put the draft into Drafts"
        )
        log.warning(
            "account %s: the draft of mail %d could not be stored: %s",
            self.account.name,
            mail_id,
            in_log(error),
        )
        self.server.ensure()

    def drafts_mailbox(self) -> str:
        """The account's Drafts; made where the user allowed that. Raises ServerUnavailable if there is none."""
        name = self.account.drafts_mailbox
        try:
            return self.server.find("drafts", name)
        except NoSuchMailbox:
            if not self.account.create_drafts_mailbox:
                raise
            return self.server.create("Drafts" if name == "auto" else name)

    def foreseen(self) -> Iterable[tuple[DraftRow, Fate]]:
        """What `settle` would do, changing nothing."""
        for row in self.journal.drafts.due_intents(self.account.name, datetime.now(UTC)):
            try:
                yield row, fate(row, self._looked_for(row))
            except ServerUnavailable as error:
                self.server.ensure()
                self.report.remark(f"{row.note}: its draft could not be looked for: {error}")

    def _intend(self, draft: Composed) -> DraftRow:
        mailbox = self.drafts_mailbox()
        self.spool.keep_draft(draft.message_id, draft.raw)
        return self.journal.drafts.add(draft.row(mailbox, self.journal.sent.newest_id()))

    def _finish(self, row: DraftRow) -> None:
        """Look for an intended draft, and act on its fate."""
        if row.mailbox not in {m.name for m in self.server.mailboxes()}:
            row = replace(row, mailbox=self.drafts_mailbox())
            self.journal.drafts.redirect(row.id, row.mailbox)
        match fate(row, self._looked_for(row)):
            case Confirm(uid):
                self._stored(row, uid)
            case Append():
                composed = self.spool.draft(MessageId(row.message_id))
                assert composed is not None  # else its fate were another
                self._append(row, composed)
            case Mark(status, why):
                self.report.remark(f"{row.note}: its server draft was {why}; it is not stored again")
                mail = self.journal.mails.get(row.mail_id)
                if status == "discarded":
                    self.notes.change(row.note, row.note_hash, {"status": status})
                with self.journal.together():
                    self.journal.drafts.save(replace(row, status=status, why=why, ended_by="client"))
                    self.journal.mails.update(
                        mail.id, stage="done", disposition="reply", note_hash=mail.note_hash
                    )
                self.spool.drop_draft(MessageId(row.message_id))
                self.spool.drop_mail(mail.sha256)

    def _looked_for(self, row: DraftRow) -> LookedFor:
        """What Drafts and Sent hold of an intended draft, and of other answers to its mail."""
        message_id = MessageId(row.message_id)
        if uids := self.server.copies(row.mailbox, message_id):
            return LookedFor(uids=tuple(uids))
        composed = self.spool.draft(message_id) is not None
        source = self.journal.mails.get(row.mail_id).message_id
        in_trash = bool((trash := self._mailbox("trash")) and self.server.copies(trash, message_id))
        if not source:
            return LookedFor(composed=composed, in_trash=in_trash)
        parent = MessageId(source)
        earlier = {d.uid for d in self.journal.drafts.of(row.mail_id) if d.mailbox == row.mailbox}
        others = set(self.server.copies(row.mailbox, message_id, parent=parent))
        if others - earlier:
            return LookedFor(answer_in_drafts=True, composed=composed)
        sent = self._mailbox("sent", self.account.sent_mailbox)
        in_sent = bool(sent and self.server.copies(sent, message_id, parent=parent))
        return LookedFor(answer_in_sent=in_sent, in_trash=in_trash, composed=composed)

    def _mailbox(self, use: SpecialUse, configured: str = "auto") -> str:
        """The name of a mailbox, empty if there is none."""
        try:
            return self.server.find(use, configured)
        except NoSuchMailbox:
            return ""

    def _append(self, row: DraftRow, composed: bytes) -> None:
        uid = self.server.append_draft(row.mailbox, composed, MessageId(row.message_id))
        self._stored(row, uid or 0)

    def _stored(self, row: DraftRow, uid: int) -> None:
        opened = self.server.examine(row.mailbox)
        mail = self.journal.mails.get(row.mail_id)
        link = f"[[{row.note.removesuffix('.md')}]]"
        note_hash = self.notes.change(mail.note, mail.note_hash, {"draft": link})
        with self.journal.together():
            self.journal.drafts.stored(row.id, opened.uidvalidity, uid)
            self.journal.mails.update(mail.id, stage="done", disposition="reply", note_hash=note_hash)
        self.spool.drop_draft(MessageId(row.message_id))
        self.spool.drop_mail(mail.sha256)
        log.info(
            "account %s: draft %s stored in %s as uid %d", self.account.name, row.message_id, row.mailbox, uid
        )
        for older in self.journal.drafts.of(mail.id):
            if older.id < row.id and older.status in REPLACED:
                self._supersede(older)

    def _supersede(self, older: DraftRow) -> None:
        """Take a draft away that another replaces, if it is still ours."""
        older = self.found_again(older)
        match fate(older, self._copy(older)):
            case Replace(uid) if self.take_away(replace(older, uid=uid)):
                self.journal.drafts.mark(older.id, "superseded", NEWER)
                return
            case Mark(status, why):
                pass
            case _:
                status, why = "edited", "it was changed or moved in this very moment"
        self.report.remark(f"{older.note}: the earlier draft in {older.mailbox} was not removed: {why}")
        self.journal.drafts.save(replace(older, status=status, why=why, ours=False))

    def take_away(self, draft: DraftRow) -> bool:
        """Take a draft's message out of Drafts, where it is as it was seen last. That it goes is written down before: a run may be
        killed when it has marked it and not yet removed it."""
        if not self.server.can_remove():
            return False
        marked = self.journal.drafts.leaving(draft.id)
        if not marked:
            self.journal.drafts.leave(draft.id, True)
        done = self.server.take_away(draft.mailbox, draft.uidvalidity, draft.uid, draft.sha256, marked=marked)
        self.journal.drafts.leave(draft.id, False)
        return done

    def clear(self) -> None:
        """Take away the drafts that newer ones have replaced, where a run was killed in between."""
        for older in self.journal.drafts.replaced(self.account.name):
            if older.mailbox:
                self._supersede(older)

    def withdraw(self, row: DraftRow) -> str:
        """Take a draft out of Drafts that is not wanted any more, if it is still ours; why not, if it is not."""
        if not row.mailbox:
            self.spool.drop_draft(MessageId(row.message_id))
            return ""
        row = self.found_again(row)
        match fate(row, self._copy(row)):
            case Replace(uid):
                return (
                    ""
                    if self.take_away(replace(row, uid=uid))
                    else "it was changed or moved in this very moment"
                )
            case Mark(_, why):
                return why
            case _:
                return "it could not be looked for"

    def found_again(self, draft: DraftRow) -> DraftRow:
        """A draft whose mailbox was renumbered, at the UID that it has now, if it is there with its very bytes."""
        if not draft.uid or draft.mailbox not in {m.name for m in self.server.mailboxes()}:
            return draft
        opened = self.server.examine(draft.mailbox)
        if opened.uidvalidity == draft.uidvalidity:
            return draft
        for uid in self.server.copies(draft.mailbox, MessageId(draft.message_id)):
            raw = self.server.message(draft.mailbox, uid, MOST)
            if raw and content_hash(raw) == draft.sha256:
                return replace(draft, uidvalidity=opened.uidvalidity, uid=uid)
        return draft

    def lies(self, draft: DraftRow) -> bool:
        """Whether a draft still lies where it lay."""
        return self.bytes_of(draft) is not None

    def bytes_of(self, draft: DraftRow) -> bytes | None:
        """The bytes of a draft, None if what lies there is gone or is not what was seen last."""
        if not draft.mailbox:
            return self.spool.draft(MessageId(draft.message_id))
        if self.server.examine(draft.mailbox).uidvalidity != draft.uidvalidity:
            return None
        raw = self.server.message(draft.mailbox, draft.uid, MOST)
        return raw if raw and content_hash(raw) == draft.sha256 else None

    def _copy(self, draft: DraftRow) -> Copy:
        """What lies at the UID of a stored draft."""
        if not draft.uid:
            return Copy()
        if self.server.examine(draft.mailbox).uidvalidity != draft.uidvalidity:
            return Copy(renumbered=True)
        raw = self.server.message(draft.mailbox, draft.uid, MOST)
        ours = raw is not None and draft.ours and content_hash(raw) == draft.sha256
        return Copy(present=raw is not None, unchanged=ours, removable=self.server.can_remove())
