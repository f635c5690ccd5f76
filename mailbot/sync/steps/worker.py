"""One process of its own that does a piece of pure work, and may be ended by it."""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailbot import stopping
from mailbot.errors import BadData, MailbotError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

LIMIT = 120.0
"""Seconds that a question may take."""
log = logging.getLogger("mailbot")


class Worker:
    """One process, begun when it is first asked, and again where it has died."""

    def __init__(self, work: Callable[[Any], Any], closed: threading.Event) -> None:
        self._work, self._closed = work, closed
        self._process: BaseProcess | None = None
        self._line: Connection | None = None

    def ask_all(self, items: list[Any]) -> list[Any]:
        """The results of the items. Where they end the process, or take too long, each is asked alone."""
        answer = self._ask(items)
        if answer is not None:
            return answer
        return [self._alone(item) for item in items]

    def _alone(self, item: object) -> object:
        answer = None if self._closed.is_set() else self._ask([item])
        return answer[0] if answer else BadData("reading it took too long, or ended the process that read it")

    def _ask(self, items: list[Any]) -> list[Any] | None:
        try:
            line = self._opened()
            line.send(items)
            end = time.monotonic() + LIMIT
            while not line.poll(stopping.POLL):
                if self._closed.is_set() or time.monotonic() > end:
                    self.end()
                    return None
            return [told(found) for found in line.recv()]
        except (BrokenPipeError, ConnectionError, EOFError):
            self.end()
            return None

    def _opened(self) -> Connection:
        if self._line is None:
            context = _context(self._work.__module__)
            line, far = context.Pipe()
            make = context.Process  # type: ignore[attr-defined]
            process: BaseProcess = make(target=_serve, args=(far, self._work), daemon=True)
            try:
                process.start()
            except BaseException:
                line.close()
                raise
            finally:
                far.close()
            self._line, self._process = line, process
        return self._line

    def kill(self) -> None:
        """End the process from another thread: who waits for it sees that it is gone."""
        process = self._process
        if process:
            with suppress(OSError, ValueError, AttributeError):
                process.kill()

    def end(self) -> None:
        """End the process; a later question begins another."""
        if self._line:
            self._line.close()
        if self._process:
            with suppress(OSError, ValueError, AttributeError):
                self._process.kill()
                self._process.join(1)
        self._line = self._process = None


def _serve(line: Connection, work: Callable[[Any], Any]) -> None:
    """What the process does: answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked is stopped, and stops this
    warnings.simplefilter("ignore")  # a library's warning may quote what it was given
    _die_with_parent()
    with suppress(Exception):  # whoever asks has gone, or sees that this has
        while True:
            line.send([attempt(work, item) for item in line.recv()])


def _die_with_parent() -> None:
    """Nobody is left behind where a run is killed, not even one that hangs: the end of the line to it is a signal that ends this
    process (Linux: O_ASYNC, fcntl(2); elsewhere the closed line ends it when it asks for more)."""
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None and isinstance(parent.sentinel, int):
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An exception of the work, as it can be sent: its kind, and where it was raised."""

    kind: str
    where: str


def attempt(work: Callable[[Any], Any], item: object) -> object:
    try:
        return work(item)
    except Exception as error:  # noqa: BLE001 - one item never stops the others
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        return _Failed(type(error).__name__, f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "")


def told(found: Any) -> Any:
    """A result as it is; a failure as an error, its place in the log."""
    if not isinstance(found, _Failed):
        return found
    log.error("reading a mail failed: %s at %s", found.kind, found.where)
    return MailbotError(f"a bug in mailbot ({found.kind}); its log has the details")


def _context(module: str) -> BaseContext:
    """How processes begin: forked from one that has the module ready, where the system can do that, so that they share it."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
