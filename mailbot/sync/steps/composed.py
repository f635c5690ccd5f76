"""A draft that is ready to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.mail.message import MessageId
from mailbot.sync.memory.rows import DraftRow, DraftStatus
from mailbot.vault.files import content_hash


@dataclass(frozen=True, slots=True)
class Composed:
    """A draft that is ready to be stored: its mail, its note (path and hash), the Message-ID chosen, and its bytes, of whose text
    the last `quote_lines` quote the mail; what bytes and note say, as hashes; what it `becomes`, and what was approved of it."""

    mail_id: int
    note: str
    note_hash: str
    message_id: MessageId
    raw: bytes
    quote_lines: int = 0
    server_base: str = ""
    note_base: str = ""
    becomes: DraftStatus = "draft"
    ours: bool = True
    """False where it holds what a mail client has put there, and the note does not: it is not replaced without a word."""
    approved: str = ""
    approved_at: datetime | None = None

    def row(self, mailbox: str, sent_mark: int) -> DraftRow:
        """The journal's row of it, before anything is done."""
        return DraftRow(
            0, self.mail_id, self.message_id, "intent", "", self.note, self.note_hash, mailbox, 0, 0, content_hash(self.raw),
            datetime.now(UTC), quote_lines=self.quote_lines, server_base=self.server_base, note_base=self.note_base,
            becomes=self.becomes, ours=self.ours, approved=self.approved, approved_at=self.approved_at, sent_mark=sent_mark,
        )  # fmt: skip
