"""A file that somebody may be editing, replaced only where it is what it was taken for.

An editor may save at any moment. So all that takes long comes first; then the two files change places in one step, and only
then is looked at what came out. If that is a text nobody here has read, it is put back.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailbot.effect import Effect
from mailbot.private import remove
from mailbot.vault.rename import EXCHANGE, give_name, renameat2
from mailbot.vault.unfinished import SUFFIX, or_away, prepared, sync_folder

SETTLE = 0.002
"""Seconds after which what came out is looked at once more: an editor that had the file open may have been about to write."""
TURNS = 1000
"""How often a race is undone before it is given up; each turn takes a few microseconds."""
_F_SETSIG = 10


def replace(path: Path, expected: Callable[[bytes], bool], data: bytes, scratch: Path | None = None) -> bool:
    """Replace a file whose content is the `expected` one, durably. False, with the file as its user has it, if it is another
    one: then it was saved meanwhile. Raises OSError if the disk says no."""
    ready = prepared(path, data, scratch, None)
    done = or_away(ready, lambda: _exchanged(ready, path, expected, data))
    sync_folder(path.parent)
    return done


def _exchanged(ready: Path, path: Path, expected: Callable[[bytes], bool], ours: bytes) -> bool:
    """Let `ready` and `path` change places. False, and all as before, if what came out is not the expected."""
    try:
        with _leased(path) as old:
            if old.being_written or not expected(path.read_bytes()):
                return False
            if not _exchange(ready, path):
                return _linked(ready, path, expected)
            if expected(ready.read_bytes()):
                time.sleep(SETTLE)
                if expected(ready.read_bytes()) and not old.wanted():
                    return True
            return _put_back(ready, path, ours)
    except FileNotFoundError:
        return False


def _exchange(one: Path, other: Path) -> bool:
    with Effect.FILES_EXCHANGED:
        return renameat2(one, other, EXCHANGE)


def _put_back(ready: Path, path: Path, ours: bytes) -> bool:
    """Undo an exchange. Until it is ours that comes out, what came out is the user's, and the newest of it. Returns False."""
    for _ in range(TURNS):
        try:
            _exchange(ready, path)
        except FileNotFoundError:  # the user has moved or deleted the note meanwhile
            give_name(ready, path)
            return False
        if ready.read_bytes() == ours:
            return False
    return False


@dataclass(frozen=True, slots=True)
class _Lease:
    """A read lease (fcntl(2), F_SETLEASE): nobody has the file open for writing, and who opens it so waits, and is seen.
    Without it, on another system or disk, nothing is known."""

    descriptor: int
    held: bool = False
    being_written: bool = False

    def wanted(self) -> bool:
        """Whether somebody waits to write to the file."""
        return self.held and fcntl.fcntl(self.descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK


@contextmanager
def _leased(path: Path) -> Iterator[_Lease]:
    """The lease on a file, ended with the block: whoever waited goes on then, with the file that has the name by then or with
    one that was put back under it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _lease(descriptor)
    finally:
        os.close(descriptor)


def _lease(descriptor: int) -> _Lease:
    if not hasattr(fcntl, "F_SETLEASE"):
        return _Lease(descriptor)
    try:
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)  # the default would end the process
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return _Lease(descriptor, being_written=True)
    except OSError:  # a disk without leases, or a file of somebody else's
        return _Lease(descriptor)
    return _Lease(descriptor, held=True)


def _linked(ready: Path, path: Path, expected: Callable[[bytes], bool]) -> bool:
    """The same on a system that cannot exchange: the old file keeps a second name until it was looked at."""
    kept = ready.with_name(f"{ready.name.removesuffix(SUFFIX)}-old{SUFFIX}")
    try:
        with Effect.FILE_NAMED:
            kept.hardlink_to(path)
    except FileNotFoundError:
        return False
    except OSError:  # a disk without links: then only this look is left
        if not expected(path.read_bytes()):
            return False
        with Effect.FILES_EXCHANGED:
            ready.replace(path)
        return True
    try:
        with Effect.FILES_EXCHANGED:
            ready.replace(path)
        time.sleep(SETTLE)
        if expected(kept.read_bytes()):
            return True
        with Effect.FILES_EXCHANGED:
            kept.replace(path)
        return False
    finally:
        remove(kept)
