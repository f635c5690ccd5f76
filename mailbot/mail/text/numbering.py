"""The numbers of ordered lists."""

from __future__ import annotations

import re
from collections.abc import Mapping


def first_number(attributes: Mapping[str, str | None]) -> int:
    """The number of an ordered list's first item."""
    return _number(attributes.get("start"), 1)


def item_number(attributes: Mapping[str, str | None], counted: int) -> int:
    """The number of an item that would have the one `counted`, but may set its own."""
    return _number(attributes.get("value"), counted)


def _number(text: str | None, otherwise: int) -> int:
    """A number that Markdown can count from: it has no negative ones, and nine digits."""
    digits = re.fullmatch(r"\s{0,9}\+?0{0,9}(\d{1,6})\s{0,9}", text or "", re.ASCII)
    return int(digits[1]) if digits else otherwise
