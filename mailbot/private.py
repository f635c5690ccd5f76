"""Files and folders that nobody else on this machine may read: the state has mail and names in it."""

from __future__ import annotations

import glob
import os
import secrets
from pathlib import Path

from mailbot.effect import Effect
from mailbot.errors import BadData


def folder(path: Path) -> Path:
    """The folder, made where it is missing, and closed to others where it is ours; returns it. What lies above it is the
    user's own."""
    for missing in (p for p in reversed(path.parents) if not p.exists()):
        _made(missing)
    _made(path)
    _close(path, 0o700)
    return path


def file(path: Path) -> Path:
    """The file, made empty where it is missing, and closed to others; returns it. Raises BadData for a folder or a pipe: opened, a
    pipe would be waited for without end."""
    if path.exists() and not path.is_file():
        raise BadData(
            f"{path}: a file of mailbot's belongs there, and something else has its name; move it away"
        )
    if not path.exists():
        try:
            with Effect.FILE_WRITTEN:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except PermissionError:
            return path  # who opens it for real says why
    _close(path, 0o600)
    return path


def _close(path: Path, mode: int) -> None:
    found = path.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        with Effect.MODE_SET:
            path.chmod(mode)


def write(path: Path, data: bytes) -> None:
    """Make a file hold `data`, for its owner's eyes alone (0600), durably: a reader sees the old content or the new. Raises OSError
    if the disk says no; nothing of the file has changed then."""
    if not path.parent.exists():
        folder(path.parent)
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 12}"):
        remove(left)  # of a write that was killed
    ready = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with Effect.FILE_WRITTEN:
            _written(ready, data)
        with Effect.FILE_NAMED:
            ready.replace(path)
    except BaseException:
        remove(ready)
        raise
    where = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(where)
    finally:
        os.close(where)


def create(path: Path, data: bytes) -> None:
    """The same for a file that is not there yet. Raises FileExistsError if it is there after all."""
    if not path.parent.exists():
        folder(path.parent)
    try:
        with Effect.FILE_WRITTEN:
            _written(path, data)
    except FileExistsError:
        raise
    except BaseException:
        remove(path)
        raise


def _written(path: Path, data: bytes) -> None:
    """A new file with these octets, on disk."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(handle)


def remove(path: Path) -> None:
    """Take a file away, if it is there."""
    if os.path.lexists(path):
        with Effect.FILE_REMOVED:
            path.unlink(missing_ok=True)


def _made(path: Path) -> None:
    if not path.is_dir():
        with Effect.FOLDER_MADE:
            path.mkdir(exist_ok=True, mode=0o700)
