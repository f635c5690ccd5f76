"""What a run changes, outside of itself: each such act is done inside the point that names it.

    with Effect.DRAFT_APPENDED:
        imap.append(...)

A point does nothing by itself. A test that watches is told before and after each act, and may end the process there: so every
moment at which a run can be killed has a name, and `tests/e2e/test_killed.py` tries them all. `tests/ground/test_effects.py` finds an act
that stands in no point. What only makes a change last (fsync) is none: a killed program loses nothing that it gave to the system.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

Watcher = Callable[["Effect", bool], None]
_watchers: list[Watcher] = []


class Effect(StrEnum):
    """The whole list. Used as a context manager round one act."""

    FOLDER_MADE = "folder made"
    FILE_WRITTEN = "file written"
    FILE_NAMED = "file named"
    FILES_EXCHANGED = "files exchanged"
    FILE_REMOVED = "file removed"
    MODE_SET = "mode set"
    JOURNAL_COMMITTED = "journal committed"
    INDEX_COMMITTED = "index committed"
    DRAFT_APPENDED = "draft appended"
    SENT_FILED = "sent mail filed"
    MAIL_DELIVERED = "mail delivered to the demo's server"
    MAILBOX_MADE = "mailbox made"
    FLAG_STORED = "flag stored"
    MESSAGE_REMOVED = "message removed"
    MAIL_SUBMITTED = "mail submitted"
    TOKEN_WRITTEN = "token written"  # noqa: S105 - the name of an act
    MODEL_ANSWERED = "model answered"
    SCHEDULE_SET = "schedule set"

    def __enter__(self) -> None:
        for watcher in _watchers:
            watcher(self, False)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for watcher in _watchers:
                watcher(self, True)


def watch(watcher: Watcher) -> Callable[[], None]:
    """Have a function called before (False) and after (True) each act of this process; what is returned ends it. Acts of several
    threads may come at once."""
    _watchers.append(watcher)
    return lambda: _watchers.remove(watcher)
