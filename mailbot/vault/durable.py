"""Durable writes that lose nobody's text: a new file whole and on disk before it has its name, an old one replaced only where it
is what it was taken for.

An editor may save at any moment. So all that takes long comes first; then the two files change places in one step (Linux:
renameat2), and only then is looked at what came out. If that is a text nobody here has read, it is put back.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
AT_ONCE = 12
"""Files that wait for the disk at a time: it writes them together."""
SETTLE = 0.002
"""Seconds after which what came out is looked at once more: an editor that had the file open may have been about to write."""
TURNS = 1000
"""How often a race is undone before it is given up; each turn takes a few microseconds."""
_PREFIX, _SUFFIX = ".mailbot-", ".tmp"
_NOREPLACE, _EXCHANGE = 1, 2
_F_SETSIG = 10
_UMASK = os.umask(0)
os.umask(_UMASK)


def write_atomic(path: Path, data: bytes, scratch: Path | None = None, mode: int | None = None) -> None:
    """Make `path` hold `data`, durably, whatever it held. A reader sees the old content or the new, never a part; after a return
    the content survives a power cut. `scratch` is a folder for the unfinished file, on the same disk; `mode` are the
    permissions of a new file.

    Raises OSError if the disk says no; nothing of `path` has changed then.
    """
    ready = _prepared(path, data, scratch, mode)
    _or_away(ready, lambda: ready.replace(path))
    _sync(path.parent)


def create(path: Path, data: bytes, scratch: Path | None = None) -> None:
    """The same for a file that is not there yet. Raises FileExistsError if it is there after all."""
    (made,) = create_all([(path, data)], scratch)
    if isinstance(made, OSError):
        raise made


def create_all(
    files: Sequence[tuple[Path, bytes]], scratch: Path | None = None
) -> list[os.stat_result | OSError]:
    """The same for many files, which wait for the disk together; each with what it is now, or why it could not be made. They get
    their names in the order given."""
    begun: list[_Begun | OSError] = []
    made: list[os.stat_result | OSError] = []
    try:
        for path, data in files:
            begun.append(_begun_with(path, data, scratch))
        errors = iter(_at_once(_synced, [file for file in begun if isinstance(file, _Begun)]))
        for file in begun:
            made.append(file if isinstance(file, OSError) else next(errors) or file.named())
    except BaseException:
        for file in begun:
            if isinstance(file, _Begun):
                file.ready.unlink(missing_ok=True)
        raise
    folders = {
        path.parent for (path, _), file in zip(files, made, strict=True) if not isinstance(file, OSError)
    }
    for error in _at_once(_sync, list(folders)):
        if error:
            raise error
    return made


@dataclass(frozen=True, slots=True)
class _Begun:
    """A new file that is written and has no name yet."""

    path: Path
    ready: Path
    handle: int

    def named(self) -> os.stat_result | OSError:
        try:
            made = self.ready.stat()
            _or_away(self.ready, lambda: _named(self.ready, self.path))
        except OSError as error:
            return error
        return made


def _begun_with(path: Path, data: bytes, scratch: Path | None) -> _Begun | OSError:
    try:
        _make_folder(path.parent)
        handle, ready = _begun(path, scratch)
    except OSError as error:
        return error
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(data)
        os.fchmod(handle, _mode(path, None))
    except OSError as error:
        os.close(handle)
        ready.unlink(missing_ok=True)
        return error
    return _Begun(path, ready, handle)


def _synced(file: _Begun) -> None:
    """Wait until a file is on the disk."""
    try:
        os.fsync(file.handle)
    except OSError:
        file.ready.unlink(missing_ok=True)
        raise
    finally:
        os.close(file.handle)


def _at_once(act: Callable[[Item], object], items: Sequence[Item]) -> list[OSError | None]:
    """Act on each item, several at a time, since all of it is waiting for the disk; each with its error, or None."""
    found: list[OSError | None] = [None] * len(items)

    def every(start: int) -> None:
        for number in range(start, len(items), AT_ONCE):
            try:
                act(items[number])
            except OSError as error:
                found[number] = error

    threads = [threading.Thread(target=every, args=(n,)) for n in range(1, min(AT_ONCE, len(items)))]
    for thread in threads:
        thread.start()
    every(0)
    for thread in threads:
        thread.join()
    return found


def replace(path: Path, expected: Callable[[bytes], bool], data: bytes, scratch: Path | None = None) -> bool:
    """Replace a file whose content is the `expected` one, durably. False, with the file as its user has it, if it is another
    one: then it was saved meanwhile. Raises OSError if the disk says no."""
    ready = _prepared(path, data, scratch, None)
    done = _or_away(ready, lambda: _exchanged(ready, path, expected, data))
    _sync(path.parent)
    return done


def sweep(folder: Path) -> None:
    """Take away the unfinished files of programs that were killed; those of one that lives stay."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a name that is no text must not end it
    except OSError:
        return
    for name in names:
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX) and not _alive(name[len(_PREFIX) :]):
            (folder / name).unlink(missing_ok=True)


def _alive(rest: str) -> bool:
    number = rest.partition("-")[0]
    if not number.isascii() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _prepared(path: Path, data: bytes, scratch: Path | None, mode: int | None) -> Path:
    """A file that holds the data, on disk, with the permissions of the one that it is to be."""
    _make_folder(path.parent)
    handle, ready = _begun(path, scratch)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), _mode(path, mode))
    except BaseException:
        ready.unlink(missing_ok=True)
        raise
    return ready


def _make_folder(folder: Path) -> None:
    """Make a folder where it is missing, and its own entry durable."""
    if folder.is_dir():
        return
    above = next((f for f in folder.parents if f.is_dir()), None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (
        FileExistsError
    ) as error:  # a file where a folder is to be: that is not the file that was asked for
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error
    while above is not None and folder != above:
        folder = folder.parent
        _sync(folder)


def _begun(path: Path, scratch: Path | None) -> tuple[int, Path]:
    """A new empty file, open for writing, in the scratch folder if that is on the same disk."""
    name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(6)}{_SUFFIX}"
    for last in (False, False, False, True):
        folder = path.parent
        if scratch is not None and _is_ours(scratch, folder):
            folder = scratch
        try:
            return os.open(
                folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            ), folder / name
        except FileNotFoundError:  # another run has just cleared the folder away
            if last:
                raise
    raise AssertionError("the last try returns or raises")


def _is_ours(scratch: Path, beside: Path) -> bool:
    """Whether the scratch folder is one, on the disk of another folder; made where it is missing. It is no link that leads
    elsewhere, and nothing else of that name."""
    try:
        found = os.lstat(scratch)
    except FileNotFoundError:
        with suppress(FileExistsError):
            scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = os.lstat(scratch)
    return stat.S_ISDIR(found.st_mode) and found.st_dev == os.stat(beside).st_dev  # noqa: PTH116 - a Path costs


def _mode(path: Path, mode: int | None) -> int:
    if mode is not None:
        return mode
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o666 & ~_UMASK


def _or_away(ready: Path, act: Callable[[], object]) -> bool:
    """Act, and leave no unfinished file behind, whatever happens."""
    try:
        return act() is not False
    finally:
        ready.unlink(missing_ok=True)


def _named(ready: Path, path: Path) -> None:
    if _renameat2(ready, path, _NOREPLACE):
        return
    try:
        path.hardlink_to(ready)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        ready.rename(path)


def _exchanged(ready: Path, path: Path, expected: Callable[[bytes], bool], ours: bytes) -> bool:
    """Let `ready` and `path` change places. False, and all as before, if what came out is not the expected."""
    try:
        with _leased(path) as old:
            if old.being_written or not expected(path.read_bytes()):
                return False
            if not _renameat2(ready, path, _EXCHANGE):
                return _linked(ready, path, expected)
            if expected(ready.read_bytes()):
                time.sleep(SETTLE)
                if expected(ready.read_bytes()) and not old.wanted():
                    return True
            return _put_back(ready, path, ours)
    except FileNotFoundError:
        return False


def _put_back(ready: Path, path: Path, ours: bytes) -> bool:
    """Undo an exchange. Until it is ours that comes out, what came out is the user's, and the newest of it. Returns False."""
    for _ in range(TURNS):
        try:
            _renameat2(ready, path, _EXCHANGE)
        except FileNotFoundError:  # the user has moved or deleted the note meanwhile
            _named(ready, path)
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
    kept = ready.with_name(f"{ready.name.removesuffix(_SUFFIX)}-old{_SUFFIX}")
    try:
        kept.hardlink_to(path)
    except FileNotFoundError:
        return False
    except OSError:  # a disk without links: then only this look is left
        if not expected(path.read_bytes()):
            return False
        ready.replace(path)
        return True
    try:
        ready.replace(path)
        time.sleep(SETTLE)
        if expected(kept.read_bytes()):
            return True
        kept.replace(path)
        return False
    finally:
        kept.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _c_library() -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL(None, use_errno=True)
        return found if hasattr(found, "renameat2") else None
    except OSError:
        return None


_LIBC = _c_library()
_HERE = -100  # AT_FDCWD
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EXDEV)


def _renameat2(one: Path, other: Path, how: int) -> bool:
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
