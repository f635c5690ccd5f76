"""What of HTML a reader sees: elements hidden by their attributes, and text inside them."""

from __future__ import annotations

import re


def is_hidden(attributes: dict[str, str | None]) -> bool:
    """Whether an element with these attributes, and all in it, is not shown to a reader. (What only Outlook for Windows
    hides, `mso-hide`, is shown.)"""
    if not attributes:
        return False
    if "hidden" in attributes:
        return True
    style = _style(attributes)
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


def _style(attributes: dict[str, str | None]) -> dict[str, str]:
    """The declarations of a style attribute, the last of each name."""
    text = (attributes.get("style") or "")[:4000].lower()
    pairs = (declaration.split(":", 1) for declaration in text.split(";") if ":" in declaration)
    return {name.strip(): value.replace("!important", "").strip() for name, value in pairs}


def _is_zero(value: str) -> bool:
    return bool(re.fullmatch(r"0*\.?0+(px|pt|em|rem|%)?", value))


def _far(value: str) -> bool:
    return bool(re.fullmatch(r"-\d{3,9}(\.\d{1,9})?(px|pt|em)", value))


class Visibility:
    """Which of the text met on the way through markup a reader sees. A font size of 0 hides text until an element
    inside sets another; everything else that hides, hides all inside."""

    def __init__(self) -> None:
        self._open: list[tuple[str, bool, bool]] = []
        self._counts: dict[str, int] = {}

    def open(self, tag: str, attributes: dict[str, str | None]) -> None:
        """A start tag was met; void elements are none."""
        _, hidden, tiny = self._open[-1] if self._open else ("", False, False)
        if attributes:  # most elements have none, and there may be 100,000
            size = _style(attributes).get("font-size")
            hidden, tiny = hidden or is_hidden(attributes), tiny if size is None else _is_zero(size)
        self._open.append((tag, hidden, tiny))
        self._counts[tag] = self._counts.get(tag, 0) + 1

    def close(self, tag: str) -> list[str]:
        """An end tag was met: the elements that end with it, the innermost first; none if none is open."""
        closed: list[str] = []
        while self._counts.get(tag):
            last = self._open.pop()[0]
            self._counts[last] -= 1
            closed.append(last)
            if last == tag:
                break
        return closed

    @property
    def hidden(self) -> bool:
        """Whether the element, with all in it, is hidden."""
        return bool(self._open) and self._open[-1][1]

    @property
    def text_hidden(self) -> bool:
        """Whether text that stands here is hidden."""
        return bool(self._open) and (self._open[-1][1] or self._open[-1][2])
