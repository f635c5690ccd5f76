"""How many tokens an answer took: what the server says, where that can be."""

from __future__ import annotations

from typing import Any

MOST = 10_000_000
"""Tokens of one answer: no model reads or writes more."""


def count(reply: Any, name: str) -> int:
    """A number of an answer's `usage`, 0 for one that is missing or no number."""
    value = getattr(getattr(reply, "usage", None), name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(min(max(value, 0), MOST)) if value == value else 0  # NaN is not itself


def believable(said: int, estimated: int) -> int:
    """What is counted where a server `said` so many tokens and we estimate so many. Tokens are longer in some models than in
    others, but not by half: a server that counts too little must not pass a budget by."""
    return said if 2 * said >= estimated else estimated
