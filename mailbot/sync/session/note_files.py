"""The notes of a vault, as files: durable writes, and never over what the user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.email_note import EmailNote
from mailbot.vault.files import content_hash, inside, write_atomic
from mailbot.vault.note import Note, Properties


@dataclass(frozen=True, slots=True)
class Kept:
    """An email note that is durable: its path, its hash, and whether it was `adopted` as an earlier run had left it."""

    path: str
    hash: str
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class NoteFiles:
    """A vault's folder. Paths are relative to it; one that leads out of it raises BadData. A hash is of a note's bytes: it
    tells later whether the user has changed them. Raises OSError if the disk fails."""

    vault: Path

    def keep(self, email: EmailNote, sha256: str) -> Kept | None:
        """Write a new email note and its attachments, attachments first. If the note of this very mail is there already, from
        a run that was killed before it could say so, it is adopted as it is. None if another mail's note has the name."""
        path = inside(self.vault, email.path)
        if path.exists():
            data = path.read_bytes()
            ours = _property(data, email.path, "sha256") == sha256
            return Kept(email.path, content_hash(data), adopted=True) if ours else None
        for name, content in email.files.items():
            target = inside(self.vault, name)
            if not (target.exists() and target.read_bytes() == content):
                write_atomic(target, content)
        return Kept(email.path, self.write(email.path, email.note))

    def write(self, path: str, note: Note) -> str:
        """Write a note; returns its hash."""
        return self.write_text(path, notes.write(note))

    def write_text(self, path: str, text: str) -> str:
        """Write a note's text as it is; returns its hash."""
        data = text.encode()
        write_atomic(inside(self.vault, path), data)
        return content_hash(data)

    def exists(self, path: str) -> bool:
        return inside(self.vault, path).exists()

    def read(self, path: str) -> tuple[str, str] | None:
        """(text, hash) of a note, None if the user has removed it."""
        try:
            data = inside(self.vault, path).read_bytes()
        except FileNotFoundError:
            return None
        return data.decode("utf-8", "replace"), content_hash(data)

    def must_read(self, path: str) -> tuple[str, str]:
        """The same. Raises BadData if it is gone."""
        found = self.read(path)
        if found is None:
            raise BadData(f"{path}: the note is gone")
        return found

    def head(self, path: str, octets: int) -> bytes:
        """The first octets of a note, none if it cannot be read."""
        try:
            with inside(self.vault, path).open("rb") as file:
                return file.read(octets)
        except (OSError, BadData):
            return b""

    def editable(self, path: str) -> str:
        """The text of a note that is to be written back changed. Raises BadData if it is gone or no UTF-8: what cannot be
        read whole cannot be written back whole."""
        try:
            return inside(self.vault, path).read_bytes().decode("utf-8")
        except FileNotFoundError as error:
            raise BadData(f"{path}: the note is gone") from error
        except UnicodeDecodeError as error:
            raise BadData(
                f"{path}: it is not UTF-8; save it as UTF-8 so that mailbot can update it"
            ) from error

    def properties(self, path: str) -> Properties | None:
        """The properties of a note as they are now, None if it is gone or they are broken."""
        found = self.read(path)
        if found is None:
            return None
        try:
            return notes.read(found[0], path).properties
        except BadData:
            return None

    def change(self, path: str, last_written: str, changes: Mapping[str, Any]) -> str:
        """Set owned properties of a note and touch nothing else of it.

        Returns the hash to remember: the new one where the note was still ours, else the old one, so that a note which the
        user edited stays known as edited. A note that is gone, or whose properties the user has broken, is left alone.
        """
        found = self.read(path)
        if found is None:
            return last_written
        try:
            text = self.editable(path)
            properties = notes.read(text, path).properties
        except BadData:
            return last_written
        if all(properties.get(key) == value for key, value in changes.items()):
            return last_written
        written = self.write_text(path, notes.with_properties(text, changes))
        return written if found[1] == last_written else last_written


def _property(data: bytes, name: str, key: str) -> Any:
    try:
        return notes.read(data.decode("utf-8", "replace"), name).properties.get(key)
    except BadData:
        return None
