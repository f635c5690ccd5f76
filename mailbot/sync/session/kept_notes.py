"""The note of a mail that is in the vault already, though the journal does not know it: it was lost, or a run was killed."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.errors import BadData
from mailbot.mail.message import Message
from mailbot.sync.session.note_files import Kept, NoteFiles
from mailbot.vault.index import Index
from mailbot.vault.note import property_text
from mailbot.vault.read_back import identity_in


@dataclass(frozen=True, slots=True)
class KeptNotes:
    """Finds notes by what their properties say, wherever they lie and whatever they are called. Without an index nothing is
    found."""

    account: str
    notes: NoteFiles
    index: Index | None

    def of(self, message: Message) -> Kept | None:
        """The note of a mail: the one of its hash, else one of its Message-ID that names no hash any more."""
        if self.index is None:
            return None
        message_id = property_text(message.message_id or "")
        for path in self.index.mail_notes(message.sha256, message_id):
            try:
                found = self.notes.read(path)
            except BadData:
                continue
            if found is None:
                continue
            identity = identity_in(found[0])
            ours = identity.account in (self.account, "")
            same = identity.sha256 == message.sha256
            unnamed = not identity.sha256 and identity.message_id == message_id
            if ours and (same or unnamed):
                return Kept(path, found[1], adopted=True)
        return None
