"""Questions to a model that overlap, in a pool of threads, with their answers in order."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mailbot import stopping
from mailbot.errors import AuthenticationFailed, ConfigError, MailbotError, TryAgain
from mailbot.sync.session.report import bug, log

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    concurrency: int,
    name: str,
    ends: float = math.inf,
) -> Iterator[tuple[Item, Result | MailbotError]]:
    """Run `work` on each item, several at once, and give each with its result, or with why it failed, in order.

    A failure that would meet every item (a refused key, an unknown model) is raised and ends the rest, as does an
    interrupt, and the end of the account's time (`ends`, as `time.monotonic` counts). Nobody waits for work that is still on
    its way then: it is done in threads that end with the process.
    """
    pool = _Pool(items, work)
    for number in range(min(concurrency, len(items))):
        threading.Thread(target=pool.run, name=f"{name}-{number}", daemon=True).start()
    try:
        for number, item in enumerate(items):
            yield item, _told(pool.result(number, ends), name)
    finally:
        pool.cancelled.set()


def _told(found: Result | BaseException, name: str) -> Result | MailbotError:
    if isinstance(found, AuthenticationFailed | ConfigError):
        raise found
    if isinstance(found, MailbotError) or not isinstance(found, BaseException):
        return found
    if not isinstance(found, Exception):
        raise found
    log.error("%s failed", name, exc_info=found)
    return bug(found)


@dataclass
class _Pool(Generic[Item, Result]):
    items: Sequence[Item]
    work: Callable[[Item], Result]
    cancelled: threading.Event = field(default_factory=threading.Event)
    _next: int = 0
    _results: dict[int, Result | BaseException] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        while not self.cancelled.is_set():
            with self._changed:
                number, self._next = self._next, self._next + 1
            if number >= len(self.items):
                return
            try:
                result: Result | BaseException = self.work(self.items[number])
            except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
                result = error
            with self._changed:
                self._results[number] = result
                self._changed.notify_all()

    def result(self, number: int, ends: float) -> Result | BaseException:
        with self._changed:
            while number not in self._results:
                stopping.check()
                if time.monotonic() >= ends:
                    raise TryAgain("its `time_limit` is over; the next run goes on where this one stopped")
                self._changed.wait(stopping.POLL)
            return self._results.pop(number)
