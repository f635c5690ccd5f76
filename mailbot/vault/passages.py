"""A note's body -> passages: pieces of one heading, of a size that a prompt can hold, never cut inside a code fence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TARGET = 600
"""Characters at which a passage is closed at the next blank line."""
LIMIT = 1800
"""Characters that a passage without blank lines may grow to before it is cut at a line or a sentence."""

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*)$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class Passage:
    """`heading` is the path of headings above it (`A > B`); `start` and `end` are offsets in the note's body."""

    heading: str
    text: str
    start: int
    end: int


def passages(body: str) -> Iterator[Passage]:
    """Split a body (Markdown without properties); every non-blank line lands in exactly one passage."""
    path: list[str] = []
    start = position = 0
    fence = ""
    for line in body.splitlines(keepends=True):
        end = position + len(line)
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif (
            mark
            and mark[1][0] == fence[0]
            and len(mark[1]) >= len(fence)
            and not line.strip().strip(fence[0])
        ):
            fence = ""
        elif not fence:
            if heading := _HEADING.match(line):
                yield from _cut(body, start, position, path)
                path = [*path[: len(heading[1]) - 1], heading[2].strip().rstrip("#").rstrip()[:300]]
                start = end
            elif not line.strip() and position - start >= TARGET:
                yield from _cut(body, start, position, path)
                start = end
        position = end
    yield from _cut(body, start, position, path)


def _cut(body: str, start: int, end: int, path: list[str]) -> Iterator[Passage]:
    heading = " > ".join(p for p in path if p)
    while end - start > LIMIT and not _FENCE.search(body, start, end) and "```" not in body[start:end]:
        window = body[start : start + LIMIT]
        at = max(
            window.rfind("\n", LIMIT // 2),
            window.rfind(". ", LIMIT // 2) + 1,
            window.rfind("。", LIMIT // 2) + 1,
        )
        at = at if at > LIMIT // 2 else LIMIT
        yield from _one(body, start, start + at, heading)
        start += at
    yield from _one(body, start, end, heading)


def _one(body: str, start: int, end: int, heading: str) -> Iterator[Passage]:
    text = body[start:end].strip("\n").rstrip()
    if text.strip():
        yield Passage(heading, text, start, end)
