"""One run at a time for each account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mailbot import private
from mailbot.errors import Busy


@contextmanager
def locked(folder: Path, account: str) -> Iterator[None]:
    """Hold the lock of an account. Raises Busy if another run has it. The lock ends with the process."""
    private.folder(folder)
    lock = FileLock(folder / f"{account}.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Busy(
            f"account {account}: another mailbot run is using it; wait for it, or stop it if it hangs"
        ) from error
    try:
        yield
    finally:
        lock.release()
