"""Pure work on many items, spread over a bounded number of processes, with the results in order.

A process that dies or hangs costs the item that it was at: the others are done by a new one.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from mailbot import stopping
from mailbot.errors import MailbotError
from mailbot.sync.steps.worker import LIMIT, Worker, attempt, told

Tag = TypeVar("Tag")
Result = TypeVar("Result")
Mail = TypeVar("Mail", bound="Weighed")

MOST = 4
"""Processes at a time, for all accounts together."""
GRACE = 10.0
"""Seconds beyond those of a part, after which a process that takes no part is ended."""
LARGE = 1_000_000
"""Octets of a part that is not sent about, but done where it is."""
AHEAD = 2
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
    source = iter(items)
    while True:
        try:
            tag, item = next(source)
        except StopIteration:
            break
        except Exception:  # what was taken before is not lost with it
            if part:
                yield part
            raise
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
        self._workers: list[Worker] = []

    def __enter__(self) -> Processes[Mail, Result]:
        for number in range(self._count):
            worker = Worker(self._work, self._closed)
            thread = threading.Thread(target=self._run, args=(worker,), name=f"convert-{number}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more: fewer must do, or this one alone
                break
            self._threads.append(thread)
            self._workers.append(worker)
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
        failed: Exception | None = None
        source = iter(parts)
        while True:
            try:
                items = next(source)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - what was taken before is not lost with it
                failed = error
                break
            part = _Part([item for _, item in items])
            if self._threads and sum(len(item.raw) for item in part.items) <= LARGE:
                self._parts.put(part)
            else:
                part.do(self._work)
            waiting.append((items, part))
            while len(waiting) > AHEAD * self._count or (waiting and waiting[0][1].done.is_set()):
                yield from self._results(*waiting.popleft())
        while waiting:
            yield from self._results(*waiting.popleft())
        if failed:
            raise failed

    def _results(
        self, items: Sequence[tuple[Tag, Mail]], part: _Part
    ) -> Iterator[tuple[Tag, Mail, Result | MailbotError]]:
        end = time.monotonic() + LIMIT + GRACE
        while not part.done.wait(stopping.POLL):
            stopping.check()
            if time.monotonic() > end:  # a process that takes nothing any more
                for worker in self._workers:
                    worker.kill()
                end = time.monotonic() + LIMIT + GRACE
        for (tag, item), found in zip(items, part.found, strict=True):
            yield tag, item, found

    def _run(self, worker: Worker) -> None:
        usable = True
        try:
            while (part := self._parts.get()) is not None and not self._closed.is_set():
                if usable:
                    try:
                        part.found = worker.ask_all(part.items)
                    except Exception:
                        log.exception("mails are read in this process, since no other can be had")
                        usable = False
                if not part.found:
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
        self.found = [told(attempt(work, item)) for item in self.items]
        self.done.set()
