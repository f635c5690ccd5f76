"""Files that wait: raw mails for their draft, and composed drafts for their APPEND."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailbot.mail.message import MessageId
from mailbot.vault.files import content_hash, write_atomic


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder of the state. A mail is known by its SHA-256, a draft by its Message-ID. Raises OSError if the disk fails."""

    folder: Path

    def keep_mail(self, sha256: str, raw: bytes) -> None:
        write_atomic(self._mail(sha256), raw)

    def mail(self, sha256: str) -> bytes | None:
        """The raw mail, None if it is not here."""
        return _read(self._mail(sha256))

    def drop_mail(self, sha256: str) -> None:
        self._mail(sha256).unlink(missing_ok=True)

    def keep_draft(self, message_id: MessageId, composed: bytes) -> None:
        write_atomic(self._draft(message_id), composed)

    def draft(self, message_id: MessageId) -> bytes | None:
        """The composed draft, None if it is not here."""
        return _read(self._draft(message_id))

    def drop_draft(self, message_id: MessageId) -> None:
        self._draft(message_id).unlink(missing_ok=True)

    def _mail(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.eml"

    def _draft(self, message_id: MessageId) -> Path:
        return self.folder / f"{content_hash(message_id.encode())}.draft.eml"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
