"""Draft notes -> journal. Where a draft lies now, Drafts says by its Message-ID; what became of one that is not there, the next sync finds
out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot.errors import BadData, NoSuchMailbox
from mailbot.mail.mail import read_mail
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Account, Settings
from mailbot.sync.decide.content import content_of
from mailbot.sync.decide.noted import agrees, noted
from mailbot.sync.decide.recovery import Recovered, quote_lines, recovered
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import OPEN, DraftRow, MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report
from mailbot.sync.steps.compose import plain_text, with_files
from mailbot.sync.steps.deliver import MOST
from mailbot.sync.steps.restore_mails import moment
from mailbot.vault import draft_life, read_draft
from mailbot.vault import note as notes
from mailbot.vault.catalogue import every_draft
from mailbot.vault.files import content_hash
from mailbot.vault.index import Index
from mailbot.vault.note import property_text
from mailbot.vault.read_draft import ReadDraft

Compose = Callable[[MailRow, str, MessageId], bytes]
"""The bytes of the draft of a note. Raises BadData where they cannot be made."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A draft note of the account, as it is now."""

    path: str
    read: ReadDraft
    said: dict[str, Any]

    @property
    def created(self) -> str:
        return str(self.said.get("created") or "")


@dataclass(frozen=True, slots=True)
class RestoreDrafts:
    """Restores the drafts of one account. Every call may raise MailbotError if the server as a whole fails."""

    settings: Settings
    account: Account
    server: ImapAccount
    journal: Journal
    notes: NoteFiles
    index: Index
    spool: Spool
    report: Report
    compose: Compose
    clock: Callable[[], datetime]

    def drafts(self) -> tuple[int, list[str]]:
        """Write down the draft of each draft note, oldest first, of mails of which the journal knows no draft: where it knows one, another
        note is a copy, or is finished by the next sync. Returns how many, and the notes whose approval was taken back."""
        found = [each for path in every_draft(self.index) for each in self._draft_note(path)]
        if not found:
            return 0, []
        mailbox, uids = self._in_drafts()
        rows = self._mails()
        drafted = {d.mail_id for d in self.journal.drafts.of_account(self.account.name)}
        count, told = 0, []
        for each in sorted(found, key=lambda n: (n.created, n.path)):
            if self.journal.drafts.known(each.read.draft_message_id):
                continue  # a copy of the note that a sync program has made
            row = self._mail_of(each, rows)
            if row is None:
                self.report.remark(
                    f"{each.path}: mailbot knows no note of the mail that it answers; its draft is left alone"
                )
            elif row.id not in drafted and (draft := self._draft(each, row, mailbox, uids)):
                outcome = recovered(each.read.status)
                if outcome.tells and self._tell(each.path, outcome):
                    told.append(each.path)
                self.journal.drafts.add(draft)
                count += 1
        return count, told

    def _draft_note(self, path: str) -> list[_Noted]:
        try:
            found = self.notes.read(path)
            said = dict(notes.read(found[0], path).properties) if found else {}
            if said.get("account") != self.account.name or not said.get("draft_message_id"):
                return []
            return [_Noted(path, read_draft.parse(found[0] if found else "", path), said)]
        except BadData as error:
            self.report.remark(f"{error}; until then mailbot does not know this draft")
            return []

    def _in_drafts(self) -> tuple[str, dict[str, list[int]]]:
        """(the name of Drafts, Message-ID -> its UIDs there); nothing where there is no Drafts."""
        try:
            name = self.server.find("drafts", self.account.drafts_mailbox)
        except NoSuchMailbox:
            return "", {}
        return name, self.server.by_id(name)

    def _mails(self) -> dict[str, list[MailRow]]:
        """The account's mails by what a draft note calls them: the Message-ID as a property has it, and the name of the mail's note."""
        found: dict[str, list[MailRow]] = defaultdict(list)
        for row in self.journal.mails.of_account(self.account.name):
            for name in {property_text(row.message_id), f"{row.stem}.md"} - {""}:
                found[name].append(row)
        return found

    def _mail_of(self, each: _Noted, rows: dict[str, list[MailRow]]) -> MailRow | None:
        """The mail that a draft answers: by its Message-ID, and of several, or without one, by the name of its note."""
        by_id = rows.get(str(each.said.get("message_id") or ""), [])
        by_name = rows.get(each.read.original, [])
        both = [row for row in by_id if row in by_name]
        chosen = both or by_id or by_name
        return chosen[0] if len(chosen) == 1 else None

    def _draft(
        self, each: _Noted, mail: MailRow, mailbox: str, uids: dict[str, list[int]]
    ) -> DraftRow | None:
        """The row of a draft, None for one that is known by its note alone and cannot be composed again."""
        outcome, created = recovered(each.read.status), moment(each.created) or self.clock()
        message_id = MessageId(each.read.draft_message_id)
        note = with_files(noted(each.read), self.settings.vault)
        row = DraftRow(
            0, mail.id, message_id, outcome.status, outcome.why, each.path, "", mailbox, 0, 0, "", created, ours=False, note_base=note.hash,
            becomes="edited" if outcome.status == "edited" else "draft", ended_by="user" if outcome.status == "discarded" else "",
            sent_at=created if outcome.status == "unknown" else None, sent_mark=self._sent_before(mail, created),
        )  # fmt: skip
        open_ = outcome.status in OPEN
        if there := uids.get(message_id):
            raw = self.server.message(mailbox, there[-1], MOST)
            validity = self.server.examine(mailbox).uidvalidity
            row = replace(row, uidvalidity=validity, uid=there[-1])
            return (
                self._as_it_lies(row, raw, agrees(note, read_mail(raw), self.account.signature))
                if raw
                else row
            )
        spooled = self.spool.draft(message_id)
        if self.settings.drafts.to_server:
            if spooled is None or outcome.status not in ("draft", "edited"):
                return row
            # It was about to be stored: the next run looks for it, and stores it if it is nowhere.
            row = self._as_it_lies(row, spooled, True)
            return replace(row, status="intent", becomes=outcome.status, ours=True)
        if not open_:
            return replace(row, mailbox="")
        try:
            spooled = spooled if spooled is not None else self.compose(mail, each.path, message_id)
        except BadData as error:
            self.report.remark(
                f"{each.path}: its draft cannot be made again ({error}); `mailbot draft` makes another"
            )
            return None
        self.spool.keep_draft(message_id, spooled)
        return self._as_it_lies(replace(row, mailbox=""), spooled, True)

    def _as_it_lies(self, row: DraftRow, raw: bytes, agrees_with_note: bool) -> DraftRow:
        """A draft with its bytes. An open one is ours where it says what the note says: then the note loses nothing by replacing it. Else
        nobody knows which of the two was edited last, and the next sync shows both. One that is done with is never ours: a mail client
        may have written it."""
        ours = agrees_with_note and row.status in OPEN
        return replace(
            row, sha256=content_hash(raw), server_base=content_of(read_mail(raw)).hash, ours=ours, quote_lines=quote_lines(plain_text(raw)),
            note_base=row.note_base if agrees_with_note or row.status not in OPEN else "",
        )  # fmt: skip

    def _sent_before(self, mail: MailRow, created: datetime) -> int:
        """The newest mail in Sent that answered the mail before the draft was made: such a one is not the draft."""
        if not mail.message_id:
            return self.journal.sent.newest_id()
        answers = self.journal.sent.answering(self.account.name, mail.message_id, 0)
        return max((row.id for row, _ in answers if row.date and row.date < created), default=0)

    def _tell(self, path: str, outcome: Recovered) -> bool:
        """The note says what the journal does; False for one that cannot be changed, which is reported."""

        def changed(text: str) -> str:
            text = notes.with_properties(text, {"status": outcome.status})
            return draft_life.with_history(text, f"{self.clock():%Y-%m-%d %H:%M}", outcome.tells)

        try:
            self.notes.edit(path, changed)
        except BadData as error:
            self.report.remark(f"{path}: its approval is taken back, which it cannot say: {error}")
            return False
        return True
