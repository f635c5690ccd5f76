"""A mail -> its text, its closing, and what stands below: one answer for all who ask where a mail ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.language.phrases import Phrases

_CLOSING = Phrases(r"{{manner.closing}}[,.!。！，]*\s*$", re.IGNORECASE)
_POSTSCRIPT = Phrases(r"(?:{{reply.postscript}}|p\. ?s)\b[.:]*\s", re.IGNORECASE)
_PARTICLE = frozenset(
    "van von de der den het ten ter la le di da du del dos y e af av zu bin al el und and et & en".split()
)
_CONTACT = re.compile(r"[+(\d][\d\s()./-]{6,}$|\S+@\S+$|(?:https?://|www\.)\S+$")
NAME_WORDS = 5
"""Of a line that is the name below a closing."""
NAMES = 2
"""Such lines: the name, and perhaps a firm."""


@dataclass(frozen=True, slots=True)
class Parted:
    """A mail's text without its closing; the closing with the name below it, if any; and a postscript."""

    body: str
    closing: str = ""
    rest: str = ""

    def closed(self, closing: str = "") -> str:
        """The mail again, with this closing or its own."""
        return "\n\n".join(part for part in (self.body, closing or self.closing, self.rest) if part)


def parted(text: str) -> Parted:
    """Where a mail closes. A closing is a line of that kind below which nothing but a name stands, or, in words that no list
    knows, a short line with a comma and a name below it."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    end = next((n for n, line in enumerate(lines) if n and _POSTSCRIPT.match(line.strip())), len(lines))
    below: list[str] = []
    while end and (not lines[end - 1].strip() or _CONTACT.match(lines[end - 1].strip())):
        end -= 1  # how to reach them, below the name
    for at in range(end - 1, max(-1, end - 8), -1):
        line = lines[at].strip()
        if not line:
            continue
        if _CLOSING.match(line[:120]) or (below and _looks_like_one(line)):
            closing = "\n".join([line, *reversed(below)])
            return Parted("\n".join(lines[:at]).strip(), closing, "\n".join(lines[end:]).strip())
        if len(below) == NAMES or not is_name(line):
            break
        below.append(line)
    return Parted("\n".join(lines[:end]).strip(), "", "\n".join(lines[end:]).strip())


def is_name(line: str) -> bool:
    """Whether a line is somebody's name: a few words with a capital, and no sentence."""
    words = line.split()
    if not 0 < len(words) <= NAME_WORDS or re.search(r"[\d!?:;\[\]…]|[^\W\d_]{3,}\.$", line):
        return False
    return all(
        w[0].isupper() or w.casefold() in _PARTICLE or not (w[0].islower() or w[0].isdigit()) for w in words
    )


def _looks_like_one(line: str) -> bool:
    words = line.rstrip(",，").split()
    return line.endswith((",", "，")) and len(words) <= 4 and not re.search(r"\d|[.!?]", line)
