"""Files and folders that nobody else on this machine may read: the state has mail and names in it."""

from __future__ import annotations

import glob
import os
import secrets
from pathlib import Path

from mailbot.errors import BadData


def folder(path: Path) -> Path:
    """The folder, made where it is missing, and closed to others where it is ours; returns it. What lies above it is the
    user's own."""
    for missing in (p for p in reversed(path.parents) if not p.exists()):
        missing.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(exist_ok=True, mode=0o700)
    _close(path, 0o700)
    return path


def file(path: Path) -> Path:
    """The file, made empty where it is missing, and closed to others; returns it. Raises BadData for a folder or a pipe: opened, a
    pipe would be waited for without end."""
    if path.exists() and not path.is_file():
        raise BadData(
            f"{path}: a file of mailbot's belongs there, and something else has its name; move it away"
        )
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except PermissionError:
        return path  # who opens it for real says why
    _close(path, 0o600)
    return path


def _close(path: Path, mode: int) -> None:
    found = path.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        path.chmod(mode)


def write(path: Path, data: bytes) -> None:
    """Make a file hold `data`, for its owner's eyes alone (0600), durably: a reader sees the old content or the new. Raises OSError
    if the disk says no; nothing of the file has changed then."""
    if not path.parent.exists():
        folder(path.parent)
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 12}"):
        left.unlink(missing_ok=True)  # of a write that was killed
    ready = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        handle = os.open(ready, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(handle)
        ready.replace(path)
    except BaseException:
        ready.unlink(missing_ok=True)
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
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(handle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
