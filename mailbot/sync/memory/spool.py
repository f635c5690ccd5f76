"""Files that wait: raw mails for their draft, and composed drafts for their APPEND."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mailbot import private
from mailbot.effect import Effect
from mailbot.mail.message import MessageId
from mailbot.vault.durable import write_atomic
from mailbot.vault.files import content_hash
from mailbot.vault.unfinished import sweep


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder of the state. A mail is known by its SHA-256, a draft by its Message-ID. Raises OSError if the disk fails."""

    folder: Path

    def keep_mail(self, sha256: str, raw: bytes) -> None:
        write_atomic(self._closed(self._mail(sha256)), raw, mode=0o600)

    def mail(self, sha256: str) -> bytes | None:
        """The raw mail, None if it is not here."""
        return _read(self._mail(sha256))

    def drop_mail(self, sha256: str) -> None:
        private.remove(self._mail(sha256))

    def keep_draft(self, message_id: MessageId, composed: bytes) -> None:
        write_atomic(self._closed(self._draft(message_id)), composed, mode=0o600)

    def draft(self, message_id: MessageId) -> bytes | None:
        """The composed draft, None if it is not here."""
        return _read(self._draft(message_id))

    def drop_draft(self, message_id: MessageId) -> None:
        private.remove(self._draft(message_id))

    def sweep(self, mails: Collection[str], drafts: Collection[str]) -> None:
        """Keep the raw mails of these hashes and the drafts of these Message-IDs, and take all else away: what is done with, and
        what killed runs have left. A file of an earlier version, which had one folder for all accounts, is moved here."""
        wanted = {self._mail(s).name for s in mails} | {self._draft(MessageId(d)).name for d in drafts}
        for name in wanted:
            if (earlier := self.folder.parent / name).exists() and not (self.folder / name).exists():
                private.folder(self.folder)
                with Effect.FILE_NAMED:
                    earlier.replace(self.folder / name)
        if not self.folder.exists():
            return
        private.folder(private.folder(self.folder.parent) / self.folder.name)
        sweep(self.folder)
        for path in self.folder.glob("*.eml"):
            if path.name not in wanted:
                private.remove(path)

    def _closed(self, path: Path) -> Path:
        private.folder(private.folder(self.folder.parent) / self.folder.name)
        return path

    def _mail(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.eml"

    def _draft(self, message_id: MessageId) -> Path:
        return self.folder / f"{content_hash(message_id.encode())}.draft.eml"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
