"""When something that failed is tried again."""

from __future__ import annotations

from datetime import timedelta

_WAITS = (
    timedelta(0),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(days=1),
)


def backoff(attempts: int) -> timedelta:
    """How long to wait after the n-th failure (from 1). After the first, the next run tries at once."""
    return _WAITS[min(max(attempts, 1), len(_WAITS)) - 1]
