"""Durable writes: a new file whole and on disk before it has its name. What a user may be editing is replaced in `exchange`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mailbot.effect import Effect
from mailbot.private import remove
from mailbot.vault.rename import give_name
from mailbot.vault.unfinished import begun, make_folder, mode_of, or_away, prepared, sync_folder

Item = TypeVar("Item")
AT_ONCE = 12
"""Files that wait for the disk at a time: it writes them together."""


def write_atomic(path: Path, data: bytes, scratch: Path | None = None, mode: int | None = None) -> None:
    """Make `path` hold `data`, durably, whatever it held. A reader sees the old content or the new, never a part; after a return
    the content survives a power cut. `scratch` is a folder for the unfinished file, on the same disk; `mode` are the
    permissions of a new file.

    Raises OSError if the disk says no; nothing of `path` has changed then.
    """
    ready = prepared(path, data, scratch, mode)
    or_away(ready, lambda: _replace(ready, path))
    sync_folder(path.parent)


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
                remove(file.ready)
        raise
    folders = {
        path.parent for (path, _), file in zip(files, made, strict=True) if not isinstance(file, OSError)
    }
    for error in _at_once(sync_folder, list(folders)):
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
            or_away(self.ready, lambda: give_name(self.ready, self.path))
        except OSError as error:
            return error
        return made


def _begun_with(path: Path, data: bytes, scratch: Path | None) -> _Begun | OSError:
    try:
        make_folder(path.parent)
        with Effect.FILE_WRITTEN:
            return _written(path, data, scratch)
    except OSError as error:
        return error


def _written(path: Path, data: bytes, scratch: Path | None) -> _Begun:
    handle, ready = begun(path, scratch)
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(data)
        os.fchmod(handle, mode_of(path, None))
    except BaseException:
        os.close(handle)
        remove(ready)
        raise
    return _Begun(path, ready, handle)


def _replace(ready: Path, path: Path) -> None:
    with Effect.FILE_NAMED:
        ready.replace(path)


def _synced(file: _Begun) -> None:
    """Wait until a file is on the disk."""
    try:
        os.fsync(file.handle)
    except OSError:
        remove(file.ready)
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
