"""Ending a run at the user's word: Ctrl-C, or SIGTERM from a service manager.

The main thread is interrupted by Python. Every other thread that waits for somebody asks here, several times a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mailbot.errors import ServerUnavailable

Result = TypeVar("Result")

POLL = 0.25
"""Seconds between two looks."""

_asked = threading.Event()
_awaited = threading.Event()


class Stopped(BaseException):
    """The user has asked the run to end. No `except Exception` holds it up, and nobody blames a server for it."""


class TookTooLong(ServerUnavailable):
    """What was waited for did not come in time."""


def ask() -> None:
    """The run is to end, in every thread."""
    _asked.set()


def asked() -> bool:
    """Whether the run is to end."""
    return _asked.is_set()


def await_it() -> None:
    """The command runs until it is ended: then that is no failure."""
    _awaited.set()


def awaited() -> bool:
    """Whether the command runs until it is ended."""
    return _awaited.is_set()


def forget() -> None:
    """A new run begins."""
    _asked.clear()
    _awaited.clear()


def check() -> None:
    """Raises Stopped if the run is to end."""
    if _asked.is_set():
        raise Stopped


def pause(seconds: float) -> None:
    """Sleep. Raises Stopped as soon as the run is to end."""
    if _asked.wait(seconds):
        raise Stopped


_unfinished: set[threading.Event] = set()
"""Set when each piece of work is over. (A thread's own `join` is no proof of it once Ctrl-C has come in between.)"""


def to_its_end(seconds: float, work: Callable[[], Result]) -> Result:
    """Like `within`, for what must not be cut off in the middle: once begun it goes on in its thread when the run is ended, and the
    process waits for it a moment (`finish`)."""
    over = threading.Event()
    _unfinished.add(over)

    def run() -> Result:
        try:
            return work()
        finally:
            _unfinished.discard(over)
            over.set()

    return within(seconds, run)


def finish(seconds: float) -> None:
    """Wait for what must not be cut off, at most so long."""
    end = time.monotonic() + seconds
    for over in list(_unfinished):
        over.wait(max(0.0, end - time.monotonic()))


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` gives, run in a thread of its own that is left alone when the time is over: it may hang in a library that
    knows no limit for the whole. Raises what `work` raises, TookTooLong, and Stopped."""
    given: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="mailbot-within")
    thread.start()
    end = time.monotonic() + seconds
    while thread.is_alive():
        check()
        left = end - time.monotonic()
        if left <= 0:
            raise TookTooLong(f"no whole answer within {seconds:.0f} s")
        thread.join(min(left, POLL))
    if failed:
        raise failed[0]
    return given[0]
