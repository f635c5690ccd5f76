"""What of HTML a reader sees: elements hidden by their attributes, and text inside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple


class Look(NamedTuple):
    """What a style says of an element: whether it and all in it is `hidden`, and whether it sets a font size of 0 (`tiny`),
    which hides text until an element inside sets another. None where it sets no size."""

    hidden: bool = False
    tiny: bool | None = None


SHOWN = Look()
_SIZE_OF_FONT = re.compile(r"\s*[+-]?\d")
_SIZE = re.compile(
    r"0*\.?0+|\d*\.?\d+(?:px|pt|pc|em|rem|ex|ch|vw|vh|in|cm|mm|%)"
    r"|(?:xx?-)?(?:small|large)|medium|smaller|larger|xxx-large"
)


def look(attributes: Mapping[str, str | None]) -> Look:
    """How an element with these attributes looks. (What only Outlook for Windows hides, `mso-hide`, is shown.)"""
    style = attributes.get("style")
    found = _of_style(style[:4000]) if style else SHOWN
    if found.tiny is None and _SIZE_OF_FONT.match(attributes.get("size") or ""):
        found = found._replace(tiny=False)  # `<font size>`; what else has a size has a font of its own
    return found._replace(hidden=True) if "hidden" in attributes else found


def is_shut(name: str, attributes: Mapping[str, str | None]) -> bool:
    """Whether an element is one that shows nothing by itself: proposals for a field, and a dialog that is not open."""
    return name == "datalist" or (name == "dialog" and "open" not in attributes)


@lru_cache(maxsize=256)
def _of_style(text: str) -> Look:
    style = _declarations(text)
    tiny = None
    for name, value in style.items():
        if name == "font-size":
            tiny = _is_zero(value)
        elif name == "font" and (size := _size_in(value)):
            tiny = _is_zero(size)
    return Look(_hides(style), tiny)


def _size_in(font: str) -> str:
    """The size in the short form of a font, as in `bold 14px/20px Arial`; a number without a unit is a weight, 0 aside."""
    for word in font.split()[:-1]:
        size = word.partition("/")[0]
        if _SIZE.fullmatch(size):
            return size
    return ""


def _hides(style: Mapping[str, str]) -> bool:
    if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
        return True
    if _is_zero(style.get("opacity", "")):
        return True
    if style.get("overflow") == "hidden":
        return any(_is_zero(style.get(name, "")) for name in ("height", "max-height", "width", "max-width"))
    away = style.get("position") in ("absolute", "fixed") and any(
        _far(style.get(n, "")) for n in ("left", "top")
    )
    return away or _far(style.get("text-indent", ""))


def _declarations(text: str) -> dict[str, str]:
    """The declarations of a style attribute, the last of each name, in their order."""
    found: dict[str, str] = {}
    for declaration in text.lower().split(";"):
        name, colon, value = (part.strip() for part in declaration.partition(":"))
        if colon:
            found.pop(name, None)
            found[name] = value.replace("!important", "").strip()
    return found


def _is_zero(value: str) -> bool:
    return bool(re.fullmatch(r"0*\.?0+(px|pt|em|rem|%)?", value))


def _far(value: str) -> bool:
    return bool(re.fullmatch(r"-\d{3,9}(\.\d{1,9})?(px|pt|em)", value))
