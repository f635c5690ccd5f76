"""Questions to a model that overlap, in a pool of threads, with their answers in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from mailbot.errors import AuthenticationFailed, ConfigError, MailbotError
from mailbot.sync.session.report import bug, log

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    items: Sequence[Item], work: Callable[[Item], Result], concurrency: int, name: str
) -> Iterator[tuple[Item, Result | MailbotError]]:
    """Run `work` on each item, several at once, and give each with its result, or with why it failed, in order.

    A failure that would meet every item (a refused key, an unknown model) is raised and ends the rest, as does an
    interrupt.
    """
    with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix=name) as pool:
        futures: list[Future[Result]] = [pool.submit(work, item) for item in items]
        try:
            for item, future in zip(items, futures, strict=True):
                try:
                    yield item, future.result()
                except (AuthenticationFailed, ConfigError):
                    raise
                except MailbotError as error:
                    yield item, error
                except Exception as error:  # noqa: BLE001 - one item never stops the others
                    log.exception("%s failed", name)
                    yield item, bug(error)
        finally:
            for future in futures:
                future.cancel()
