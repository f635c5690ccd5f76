"""A path inside a vault, looked at when it is opened and not before: no link, and no folder that is put in the place of another
meanwhile, leads out of it.

On Linux the system itself keeps to that (openat2(2) with RESOLVE_BENEATH), and what is done to a file is done through its open folder.
Elsewhere the path is looked at before (`files.inside`).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mailbot.effect import Effect
from mailbot.errors import BadData, TryAgain
from mailbot.regular_file import MAX_FILE, read_descriptor, read_file
from mailbot.vault.files import inside
from mailbot.vault.unfinished import make_folder, sync_folder

_OPENAT2 = 437  # the same on every architecture (Linux 5.6)
_RESOLVE_BENEATH = 0x08
_OUT = (errno.EXDEV, errno.ELOOP)
AGAIN = 50
"""How often a path is tried again while folders are being renamed."""
_PATH = getattr(os, "O_PATH", 0)


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


Disk = tuple[int, int]
"""Which folder a folder is, whatever its name: its device and its inode."""


def disk_of(root: Path) -> Disk | None:
    """None if it is not there."""
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def beneath(root: Path, relative: str, *, make: bool = False, disk: Disk | None = None) -> Iterator[Path]:
    """A path to act on, good inside the block: the name `relative` has in its folder, through that folder as it was opened. With
    `make` folders that are missing are made.

    Raises BadData if it would lead out of `root`, FileNotFoundError if its folder is not there, and TryAgain if the root is not, or is
    another folder than `disk` says: that is never made, since its disk may only not be mounted.
    """
    path = inside(root, relative)
    if not _SUPPORTED:
        _there(root, disk)
        if make:
            make_folder(path.parent)
        yield path
        return
    parts = PurePosixPath(relative).parts
    top = _root(root, disk)
    try:
        folder = _folder(root, top, parts[:-1], make)
    finally:
        os.close(top)
    try:
        yield Path(f"/proc/self/fd/{folder}/{parts[-1]}")
    finally:
        os.close(folder)


def read_beneath(
    root: Path, relative: str, most: int = MAX_FILE, *, head: bool = False, disk: Disk | None = None
) -> bytes:
    """The content of a file; a link to another file of the vault is followed. Raises what `read_file` and `beneath` raise."""
    path = inside(root, relative)
    if not _SUPPORTED:
        _there(root, disk)
        return read_file(path, most, head=head)
    top = _root(root, disk)
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = _opened(root, top, "/".join(PurePosixPath(relative).parts), flags)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror})") from error
    finally:
        os.close(top)
    return read_descriptor(descriptor, path, most, head=head)


def _there(root: Path, disk: Disk | None) -> None:
    if not root.is_dir() or (disk and disk_of(root) != disk):
        raise _gone(root)


def _gone(root: Path) -> TryAgain:
    return TryAgain(
        f"the vault {root} is not there any more: was it moved, or its disk unmounted? Nothing was lost; run mailbot again"
    )


def _root(root: Path, disk: Disk | None) -> int:
    try:
        top = os.open(root, _PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        _there(root, disk)
        raise
    found = os.fstat(top)
    if disk and (found.st_dev, found.st_ino) != disk:
        os.close(top)
        raise _gone(root)
    return top


def _folder(root: Path, top: int, parts: tuple[str, ...], make: bool) -> int:
    """An open folder below the root."""
    if not parts:
        return os.dup(top)
    flags = _PATH | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return _opened(root, top, "/".join(parts), flags)
    except FileNotFoundError:
        if not make:
            raise
    above = _folder(root, top, parts[:-1], make)
    try:
        try:
            with Effect.FOLDER_MADE:
                os.mkdir(parts[-1], dir_fd=above)
        except FileExistsError:
            pass  # another run was faster
        sync_folder(Path(f"/proc/self/fd/{above}"))
    finally:
        os.close(above)
    return _opened(root, top, "/".join(parts), flags)


def _opened(root: Path, top: int, relative: str, flags: int) -> int:
    """A descriptor of what lies below the root. A link that names a place in the vault by its whole path is followed too: what it names
    is opened as if it had been asked for, by a path without links."""
    for _ in range(AGAIN):
        try:
            return _openat2(top, relative, flags)
        except OSError as error:
            if error.errno in _OUT:
                break
            if (
                error.errno != errno.EAGAIN
            ):  # something was renamed just now, and a `..` of a link may lead elsewhere
                raise
    try:
        target = (root / relative).resolve().relative_to(root.resolve())
        return _openat2(top, str(target), flags)
    except (ValueError, RuntimeError) as error:
        raise BadData(f"{relative}: leads out of the vault {root} through a link; remove the link") from error
    except OSError as error:
        if error.errno not in (*_OUT, errno.EAGAIN):
            raise
        raise BadData(f"{relative}: leads out of the vault {root} through a link; remove the link") from error


def _openat2(top: int, relative: str, flags: int) -> int:
    assert _LIBC is not None
    how = _How(flags, 0, _RESOLVE_BENEATH)
    done = _LIBC.syscall(
        ctypes.c_long(_OPENAT2), ctypes.c_int(top), ctypes.c_char_p(os.fsencode(relative)), ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )  # fmt: skip
    if done >= 0:
        return int(done)
    failed = ctypes.get_errno()
    raise OSError(failed, os.strerror(failed), relative)


def _supported() -> bool:
    """Whether the system can open beneath a folder, and shows open folders under /proc."""
    if not _PATH or _LIBC is None:
        return False
    top = os.open("/", _PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(_openat2(top, ".", _PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        return Path(f"/proc/self/fd/{top}").is_dir()
    except (OSError, AttributeError):
        return False
    finally:
        os.close(top)


def _c_library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None


_LIBC = _c_library()
_SUPPORTED = _supported()
