"""Renames in one step that the standard library lacks: without replacing what is there, and two files for each other (Linux:
renameat2)."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from mailbot.effect import Effect

NOREPLACE, EXCHANGE = 1, 2


def give_name(ready: Path, path: Path) -> None:
    """Rename a file to a name that nobody has. Raises FileExistsError if somebody has it."""
    with Effect.FILE_NAMED:
        _renamed(ready, path)


def _renamed(ready: Path, path: Path) -> None:
    if renameat2(ready, path, NOREPLACE):
        return
    try:
        path.hardlink_to(ready)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        ready.rename(path)


def _c_library() -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL(None, use_errno=True)
        return found if hasattr(found, "renameat2") else None
    except OSError:
        return None


_LIBC = _c_library()
_HERE = -100  # AT_FDCWD
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EXDEV)


def renameat2(one: Path, other: Path, how: int) -> bool:
    """Rename, or exchange, in one step. False if this system or this disk cannot. Raises OSError for all else."""
    if _LIBC is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if _LIBC.renameat2(_HERE, names[0], _HERE, names[1], how) == 0:
        return True
    failed = ctypes.get_errno()
    if failed in _CANNOT:
        return False
    raise OSError(failed, os.strerror(failed), str(other))
