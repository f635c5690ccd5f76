"""Files that are not finished: written whole beside their place before they get its name, and swept away where a run was killed."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mailbot.effect import Effect
from mailbot.private import remove

PREFIX, SUFFIX = ".mailbot-", ".tmp"
_UMASK = os.umask(0)
os.umask(_UMASK)


def sweep(folder: Path) -> None:
    """Take away the unfinished files of programs that were killed; those of one that lives stay."""
    for path in left(folder):
        remove(path)


def left(folder: Path) -> list[Path]:
    """The unfinished files of programs that were killed."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a name that is no text must not end it
    except OSError:
        return []
    ours = (n for n in names if n.startswith(PREFIX) and n.endswith(SUFFIX))
    return [folder / name for name in ours if not _alive(name[len(PREFIX) :])]


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


def prepared(path: Path, data: bytes, scratch: Path | None, mode: int | None) -> Path:
    """A file that holds the data, on disk, with the permissions of the one that it is to be."""
    make_folder(path.parent)
    with Effect.FILE_WRITTEN:
        handle, ready = begun(path, scratch)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), mode_of(path, mode))
        except BaseException:
            remove(ready)
            raise
    return ready


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing, and its own entry durable."""
    if folder.is_dir():
        return
    above = next((f for f in folder.parents if f.is_dir()), None)
    try:
        with Effect.FOLDER_MADE:
            folder.mkdir(parents=True, exist_ok=True)
    except (
        FileExistsError
    ) as error:  # a file where a folder is to be: that is not the file that was asked for
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error
    while above is not None and folder != above:
        folder = folder.parent
        sync_folder(folder)


def begun(path: Path, scratch: Path | None) -> tuple[int, Path]:
    """A new empty file, open for writing, in the scratch folder if that is on the same disk."""
    name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(6)}{SUFFIX}"
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
        with suppress(FileExistsError), Effect.FOLDER_MADE:
            scratch.mkdir(exist_ok=True, mode=0o700)
        found = os.lstat(scratch)
    return stat.S_ISDIR(found.st_mode) and found.st_dev == os.stat(beside).st_dev  # noqa: PTH116 - a Path costs


def mode_of(path: Path, mode: int | None) -> int:
    if mode is not None:
        return mode
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o666 & ~_UMASK


def or_away(ready: Path, act: Callable[[], object]) -> bool:
    """Act, and leave no unfinished file behind, whatever happens."""
    try:
        return act() is not False
    finally:
        remove(ready)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
