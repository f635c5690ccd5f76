"""Pure work on many items, spread over a bounded number of processes, with the results in order.

A process that dies or hangs costs the item that it was at: the others are done by a new one.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from mailbot import stopping
from mailbot.errors import BadData, MailbotError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

Tag = TypeVar("Tag")
Result = TypeVar("Result")
Mail = TypeVar("Mail", bound="Weighed")

MOST = 4
"""Processes at a time, for all accounts together."""
LIMIT = 120.0
"""Seconds that a part may take."""
LARGE = 1_000_000
"""Octets of a part that is not sent about, but done where it is."""
AHEAD = 3
"""Parts that are on their way for each process: so that none waits for this one."""
log = logging.getLogger("mailbot")


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # pragma: no cover - not on every system
        return os.cpu_count() or 1


_SLOTS = threading.BoundedSemaphore(min(MOST, _processors()))


def free(wanted: int) -> int:
    """How many processes may begin now, up to those wanted; `give_back` them. On one processor they gain nothing."""
    taken = 0
    while _processors() > 1 and taken < wanted and _SLOTS.acquire(blocking=False):
        taken += 1
    return taken


def give_back(taken: int) -> None:
    """Let others have the processes."""
    for _ in range(taken):
        _SLOTS.release()


class Weighed(Protocol):
    """What can be sent to another process: it has octets."""

    @property
    def raw(self) -> bytes: ...


def in_parts(items: Iterable[tuple[Tag, Mail]], count: int, octets: int) -> Iterator[list[tuple[Tag, Mail]]]:
    """Items in parts of at most so many, closed early where they weigh so much."""
    part: list[tuple[Tag, Mail]] = []
    weight = 0
    for tag, item in items:
        part.append((tag, item))
        weight += len(item.raw)
        if len(part) >= count or weight >= octets:
            yield part
            part, weight = [], 0
    if part:
        yield part


class Processes(Generic[Mail, Result]):
    """So many processes that do `work`, a function of a module, as long as the `with` block lasts. Each is spoken to by a thread
    of its own."""

    def __init__(self, work: Callable[[Mail], Result], count: int) -> None:
        self._work, self._count = work, count
        self._parts: queue.SimpleQueue[_Part | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Processes[Mail, Result]:
        context = _context(self._work.__module__)
        for number in range(self._count):
            name = f"convert-{number}"
            self._threads.append(threading.Thread(target=self._run, args=(context,), name=name, daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for _thread in self._threads:
            self._parts.put(None)
        for thread in self._threads:
            thread.join(4 * stopping.POLL)

    def in_order(
        self, parts: Iterable[Sequence[tuple[Tag, Mail]]]
    ) -> Iterator[tuple[Tag, Mail, Result | MailbotError]]:
        """Every item of the parts, with its tag, and its result, or why there is none. Parts are taken no faster than they are
        done."""
        waiting: deque[tuple[Sequence[tuple[Tag, Mail]], _Part]] = deque()
        for items in parts:
            part = _Part([item for _, item in items])
            if self._threads and sum(len(item.raw) for item in part.items) <= LARGE:
                self._parts.put(part)
            else:
                part.do(self._work)
            waiting.append((items, part))
            while len(waiting) > AHEAD * self._count or (waiting and waiting[0][1].done.is_set()):
                yield from _results(*waiting.popleft())
        while waiting:
            yield from _results(*waiting.popleft())

    def _run(self, context: BaseContext) -> None:
        worker = _Worker(context, self._work, self._closed)
        try:
            while (part := self._parts.get()) is not None and not self._closed.is_set():
                try:
                    part.found = worker.ask_all(part.items)
                except Exception:
                    log.exception("mails are read in one process, since no other can be had")
                    part.do(self._work)
                part.done.set()
        finally:
            worker.end()


@dataclass(slots=True)
class _Part:
    items: list[Any]
    found: list[Any] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def do(self, work: Callable[[Any], Any]) -> None:
        """Do it in this process."""
        self.found = [_told(_attempt(work, item)) for item in self.items]
        self.done.set()


def _results(items: Sequence[tuple[Tag, Mail]], part: _Part) -> Iterator[tuple[Tag, Mail, Any]]:
    while not part.done.wait(stopping.POLL):
        stopping.check()
    for (tag, item), found in zip(items, part.found, strict=True):
        yield tag, item, found


class _Worker:
    """One process, begun when it is first asked, and again where it has died."""

    def __init__(self, context: BaseContext, work: Callable[[Any], Any], closed: threading.Event) -> None:
        self._context, self._work, self._closed = context, work, closed
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
            return [_told(found) for found in line.recv()]
        except (BrokenPipeError, ConnectionError, EOFError):
            self.end()
            return None

    def _opened(self) -> Connection:
        if self._line is None:
            self._line, far = self._context.Pipe()
            make = self._context.Process  # type: ignore[attr-defined]
            process: BaseProcess = make(target=_serve, args=(far, self._work), daemon=True)
            self._process = process
            process.start()
            far.close()
        return self._line

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
    with suppress(Exception):  # whoever asks has gone, or sees that this has
        while True:
            line.send([_attempt(work, item) for item in line.recv()])


@dataclass(frozen=True, slots=True)
class _Failed:
    """An exception of the work, as it can be sent: its kind, and where it was raised."""

    kind: str
    where: str


def _attempt(work: Callable[[Any], Any], item: object) -> object:
    try:
        return work(item)
    except Exception as error:  # noqa: BLE001 - one item never stops the others
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        return _Failed(type(error).__name__, f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "")


def _told(found: Any) -> Any:
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
