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


def look(attributes: Mapping[str, str | None]) -> Look:
    """How an element with these attributes looks. (What only Outlook for Windows hides, `mso-hide`, is shown.)"""
    style = attributes.get("style")
    found = _of_style(style[:4000]) if style else SHOWN
    return found._replace(hidden=True) if "hidden" in attributes else found


@lru_cache(maxsize=2048)
def _of_style(text: str) -> Look:
    style = _declarations(text)
    size = style.get("font-size")
    return Look(_hides(style), None if size is None else _is_zero(size))


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
    """The declarations of a style attribute, the last of each name."""
    pairs = (declaration.split(":", 1) for declaration in text.lower().split(";") if ":" in declaration)
    return {name.strip(): value.replace("!important", "").strip() for name, value in pairs}


def _is_zero(value: str) -> bool:
    return bool(re.fullmatch(r"0*\.?0+(px|pt|em|rem|%)?", value))


def _far(value: str) -> bool:
    return bool(re.fullmatch(r"-\d{3,9}(\.\d{1,9})?(px|pt|em)", value))
