"""Writing into the vault: durable, never over what the user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.email_note import EmailNote
from mailbot.vault.files import content_hash, inside, write_atomic
from mailbot.vault.note import Note


def keep(vault: Path, email: EmailNote, sha256: str) -> str | None:
    """Write a new email note and its attachments, attachments first.

    Returns its hash, also where the very note lies there already, from a run that was killed before it could say so;
    None where another mail's note has the name. Raises OSError.
    """
    path = inside(vault, email.path)
    if path.exists():
        text = path.read_bytes()
        return content_hash(text) if _property(text, email.path, "sha256") == sha256 else None
    for name, content in email.files.items():
        target = inside(vault, name)
        if not (target.exists() and target.read_bytes() == content):
            write_atomic(target, content)
    return write(vault, email.path, email.note)


def write(vault: Path, path: str, note: Note) -> str:
    """Write a note; returns the hash of its bytes."""
    data = notes.write(note).encode()
    write_atomic(inside(vault, path), data)
    return content_hash(data)


def read(vault: Path, path: str) -> tuple[str, str] | None:
    """(text, hash) of a note, None where the user has removed it."""
    try:
        data = inside(vault, path).read_bytes()
    except FileNotFoundError:
        return None
    return data.decode("utf-8", "replace"), content_hash(data)


def editable(vault: Path, path: str) -> str:
    """The text of a note that is to be written back changed. Raises BadData where it is gone or no UTF-8: what cannot be read
    whole cannot be written back whole."""
    try:
        return inside(vault, path).read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise BadData(f"{path}: the note is gone") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: it is not UTF-8; save it as UTF-8 to have it kept current") from error


def must_read(vault: Path, path: str) -> tuple[str, str]:
    """The same. Raises BadData where it is gone."""
    found = read(vault, path)
    if found is None:
        raise BadData(f"{path}: the note is gone")
    return found


def change(vault: Path, path: str, last_written: str, changes: Mapping[str, Any]) -> str:
    """Set owned properties of a note and touch nothing else of it.

    Returns the hash to remember: the new one where the note was still ours, else the old one, so that a note which the
    user edited stays known as edited. A note that is gone, or whose properties the user has broken, is left alone.
    """
    found = read(vault, path)
    if found is None:
        return last_written
    _, current = found
    try:
        text = editable(vault, path)
        properties = notes.read(text, path).properties
    except BadData:
        return last_written
    if all(properties.get(key) == value for key, value in changes.items()):
        return last_written
    data = notes.with_properties(text, changes).encode()
    write_atomic(inside(vault, path), data)
    return content_hash(data) if current == last_written else last_written


def properties(vault: Path, path: str) -> dict[str, Any] | None:
    """The properties of a note as they are now, None where it is gone or they are broken."""
    found = read(vault, path)
    if found is None:
        return None
    try:
        return notes.read(found[0], path).properties
    except BadData:
        return None


def _property(data: bytes, name: str, key: str) -> Any:
    try:
        return notes.read(data.decode("utf-8", "replace"), name).properties.get(key)
    except BadData:
        return None
