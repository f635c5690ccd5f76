"""Draft -> draft note, and back to the mail that goes to the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.errors import BadData
from mailbot.hearsay import confidence
from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, MessageId
from mailbot.mail.mime import reply_header
from mailbot.mail.mime.compose import Reply, new_message_id
from mailbot.settings import Account, Settings
from mailbot.sync.decide.noted import quoted
from mailbot.sync.decide.outgoing import outgoing, signed
from mailbot.sync.memory.drafts import Drafts
from mailbot.sync.memory.rows import DraftRow, MailRow
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.steps.compose import of_note
from mailbot.sync.steps.composed import Composed
from mailbot.sync.steps.waiting import Waiting
from mailbot.vault import draft_note, read_draft
from mailbot.vault import note as notes
from mailbot.vault.draft import Draft
from mailbot.vault.draft_note import DraftNote
from mailbot.vault.email_body import whole_quoted
from mailbot.vault.index import Index
from mailbot.vault.note import property_text
from mailbot.vault.read_back import identity_in
from mailbot.vault.source import Context


@dataclass(frozen=True, slots=True)
class DraftNotes:
    """The draft notes of an account."""

    settings: Settings
    account: Account
    drafts: Drafts
    notes: NoteFiles
    index: Index
    clock: Callable[[], datetime]

    def write(self, waiting: Waiting, draft: Draft, context: Context) -> tuple[str, MessageId]:
        """Write the draft note; returns its path and the Message-ID that was chosen for the draft."""
        row, mail = waiting.row, waiting.mail
        own = tuple(Address(self.account.display_name, each) for each in self.account.own_addresses)
        message_id = new_message_id(reply_header.sender_alias(mail.message, own).email)
        if not self.account.signature:  # the note says what the server's draft will
            draft = replace(draft, reply=signed(draft.reply, self.account.display_name))
        planned = self._outgoing(mail, draft.reply, message_id)
        first = planned.to[0] if planned.to else Address("", "")
        note = DraftNote(
            original=f"{row.stem}.md",
            created=datetime.now(),
            to=first.email,
            to_name=first.name,
            cc=tuple(quoted(a) for a in (*planned.to[1:], *planned.cc)),
            subject=planned.subject,
            original_quoted=whole_quoted(mail),
            draft=draft,
            verdict=waiting.verdict,
            context=context,
            account=self.account.name,
            message_id=mail.message.message_id or "",
            draft_message_id=message_id,
            earlier=self.earlier(row),
            history=self.history(row),
        )
        text = notes.write(draft_note.render(note))
        confidence.text(draft.reply)
        last = self._last(row)
        path = self._write(row, last, text)
        if last and last.note != path:
            # The user has edited that one: it stays, and says that it is no longer the draft.
            self.notes.change(last.note, last.note_hash, {"status": "superseded"})
        return path, message_id

    def composed(self, row: MailRow, mail: Mail, note: str, message_id: MessageId) -> Composed:
        """The draft of a note as it lies in the vault, ready to be stored. Raises BadData if the note cannot be read, or names
        recipients or files that cannot be."""
        return of_note(self.settings, self.account, self.notes, row, mail, note, message_id, self.clock())

    def earlier(self, row: MailRow) -> tuple[tuple[str, str], ...]:
        """What was drafted for a mail before, newest first: the last draft note's reply, as the user may have changed it, and
        the history that stands in that note."""
        last = self._last(row)
        found = self.notes.read(last.note) if last else None
        if last is None or found is None:
            return ()
        try:
            before = read_draft.parse(found[0], last.note)
        except BadData:
            return ()
        when = f"{last.created:%Y-%m-%d %H:%M}, {before.model or 'unknown model'}"
        return ((when, before.reply), *before.earlier)

    def history(self, row: MailRow) -> tuple[str, ...]:
        """What became of the drafts of a mail so far, as the last draft note says."""
        last = self._last(row)
        found = self.notes.read(last.note) if last else None
        return read_draft.history_in(found[0].replace("\r\n", "\n")) if found else ()

    def doubts(self, row: MailRow) -> tuple[str, ...]:
        """Why the last draft of a mail is in its lane, as its note says."""
        last = self._last(row)
        found = self.notes.read(last.note) if last else None
        try:
            return read_draft.parse(found[0], last.note).lane_reasons if last and found else ()
        except BadData:
            return ()

    def on_disk(self, waiting: Waiting) -> tuple[str, MessageId] | None:
        """The draft note of a mail that lies in the vault though the journal knows no draft, and its Message-ID. It is known by
        its properties; of several the newest counts."""
        message_id = property_text(waiting.mail.message.message_id or "")
        return self._first_of(waiting, self.index.draft_notes(message_id))

    def usual(self, waiting: Waiting) -> tuple[str, MessageId] | None:
        """The same, where it lies at the usual place: another machine that shares the vault may have made it a moment ago."""
        return self._first_of(waiting, ())

    def _first_of(self, waiting: Waiting, paths: Sequence[str]) -> tuple[str, MessageId] | None:
        row, message_id = waiting.row, property_text(waiting.mail.message.message_id or "")
        if self._last(row):
            return None
        usual = f"{self._folder}/{row.stem}.draft.md"
        found: list[tuple[str, str, MessageId]] = []
        for path in dict.fromkeys((*paths, usual)):
            said = (self.notes.properties(path) if self.notes.exists(path) else None) or {}
            id_, status = str(said.get("draft_message_id") or ""), said.get("status")
            account = said.get("account") == self.account.name
            if (
                id_
                and not self.drafts.known(id_)
                and account
                and status != "superseded"
                and said.get("message_id") == message_id
            ):
                found.append((str(said.get("created") or ""), path, MessageId(id_)))
        return max(found)[1:] if found else None

    def was_drafted(self, row: MailRow) -> bool:
        """Whether a mail's note names a draft that the journal does not know: it was made before the journal was lost."""
        found = self.notes.read(row.note)
        return bool(found and identity_in(found[0]).draft and not self._last(row))

    def _outgoing(self, mail: Mail, text: str, message_id: MessageId) -> Reply:
        return outgoing(self.settings, self.account, mail, text, message_id, self.clock())

    @property
    def _folder(self) -> str:
        return f"{self.settings.email_folder}/Drafts"

    def _last(self, row: MailRow) -> DraftRow | None:
        return next(reversed(self.drafts.of(row.id)), None)

    def _write(self, row: MailRow, last: DraftRow | None, text: str) -> str:
        """Write a draft note; returns its path: in the place of the last one where that is still as we wrote it, else beside."""
        if last and self.notes.replace(last.note, last.note_hash, text):
            return last.note
        number = 1
        while True:
            path = f"{self._folder}/{row.stem}.draft{f'-{number}' if number > 1 else ''}.md"
            try:
                self.notes.create(path, text)
            except FileExistsError:
                number += 1
            else:
                return path
