"""A note's body -> pieces: list items, rows of tables, paragraphs, blocks of code, each with what it stands under.

What a piece says may have to be understood from what stands before it. So each carries what it stands under (the headings and list
items above it, the line that introduces its list or table) and what it follows (the paragraphs before it in its section).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "item", "row", "head", "paragraph", "code", "callout"]

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*)$")
_FENCE = re.compile(r"^[ \t>]{0,8}(`{3,}|~{3,})")
_ITEM = re.compile(r"^([ \t]*)(?:[-*+]|\d{1,3}[.)])[ \t]+")
_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$")
_RULE = re.compile(r"^[ \t]*\|?[ \t:|-]*-{2,}[ \t:|-]*$")
_CALLOUT = re.compile(r"^[ \t]*>[ \t]*\[!([\w-]+)\]")
LONGEST_INHERITED = 40
"""Paragraphs of one section that the next is understood from."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a body, `start` to `end`. `under` and `after` are the texts that it stands under and that it follows, in order;
    `callout` is the type of the callout that it stands in, `heading` the path of headings above it. `head` is the place of a row's
    table head."""

    kind: Kind
    text: str
    start: int
    end: int
    heading: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    callout: str = ""
    head: tuple[int, int] | None = None


def pieces(body: str) -> Iterator[Piece]:
    """The pieces of a body in order; every line that is not blank lands in exactly one."""
    reader = _Reader(body)
    position = 0
    for line in body.splitlines(keepends=True):
        yield from reader.read(line, position)
        position += len(line)
    yield from reader.close(position)


class _Reader:
    def __init__(self, body: str) -> None:
        self.body = body
        self.path: list[str] = []
        self.kind: Kind | None = None
        self.start = 0
        self.fence = ""
        self.items: list[tuple[int, str]] = []
        """(indentation, text) of the list items that are open."""
        self.said: list[str] = []
        """What the next paragraph of the section continues."""
        self.intro = ""
        """The line that introduces a list or a table."""
        self.callout = ""
        self.head: tuple[int, int] | None = None
        self.table = ""
        self.indent = 0

    def read(self, line: str, at: int) -> Iterator[Piece]:
        text = line.rstrip("\r\n")
        mark = _FENCE.match(text)
        if self.fence:
            if mark and mark[1].startswith(self.fence) and not text.strip("`~> \t"):
                self.fence = ""
                yield from self.close(at + len(line))
            return
        if mark:
            yield from self.close(at)
            self.kind, self.start, self.fence = "code", at, mark[1]
            return
        if not text.strip(" \t>") and not (self.callout and ">" in text):
            yield from self.close(at)
            if not text.strip():
                self.callout, self.head, self.table = "", None, ""
            return
        if heading := _HEADING.match(text):
            yield from self.close(at)
            self.items, self.said, self.intro, self.callout, self.head, self.table = [], [], "", "", None, ""
            self.path = [*self.path[: len(heading[1]) - 1], heading[2].strip().rstrip("#").strip()]
            yield Piece("heading", text, at, at + len(line), tuple(self.path), tuple(self.path[:-1]))
            return
        if callout := _CALLOUT.match(text):
            yield from self.close(at)
            self.callout, self.kind, self.start = callout[1].casefold(), "callout", at
            return
        if self.callout and not text.lstrip().startswith(">"):
            yield from self.close(at)
            self.callout = ""
        bare = re.sub(r"^[ \t]*>[ \t]?", "", text) if self.callout or text.lstrip().startswith(">") else text
        if _ROW.match(bare):
            yield from self._row(text, bare, at, at + len(line))
            return
        if item := _ITEM.match(bare):
            yield from self.close(at)
            self.indent = len(item[1].expandtabs(4))
            self.items = [(n, t) for n, t in self.items if n < self.indent]
            self.kind, self.start = "item", at
            return
        if self.kind is None:
            self._begin(bare, at)

    def _begin(self, bare: str, at: int) -> None:
        """A line that continues nothing begins a paragraph, or goes on in the list item that it is set in under."""
        indent = len(bare) - len(bare.lstrip())
        if indent and self.items:
            self.items = [(n, t) for n, t in self.items if n < indent] or self.items[:1]
        else:
            self.items = []
        self.kind, self.start = "paragraph", at

    def _row(self, text: str, bare: str, at: int, end: int) -> Iterator[Piece]:
        yield from self.close(at)
        if self.head is None:
            indent = len(bare) - len(bare.lstrip())
            self.items = [(n, t) for n, t in self.items if n < indent]
            self.head, self.table = (at, end), text
            yield Piece("head", text, at, end, tuple(self.path), self._under(), (), self.callout, self.head)
        elif _RULE.match(bare):
            self.head = (self.head[0], end)
            yield Piece("head", text, at, end, tuple(self.path), self._under(), (), self.callout, self.head)
        else:
            under = (*self._under(), self.table)
            yield Piece("row", text, at, end, tuple(self.path), under, (), self.callout, self.head)

    def close(self, end: int) -> Iterator[Piece]:
        """End the piece that is open."""
        if self.kind is None:
            return
        kind, self.kind = self.kind, None
        text = self.body[self.start : end].strip("\n").rstrip()
        if not text.strip():
            return
        under, after = self._under(), tuple[str, ...]()
        if kind in ("paragraph", "code", "callout") and not self.items:
            under, after = tuple(self.path), tuple(self.said)
            if kind == "paragraph":
                self.said = [*self.said, text][-LONGEST_INHERITED:]
            self.intro = text.rsplit("\n", 1)[-1] if text.rstrip("*_ ").endswith((":", "：")) else ""
            self.head = None
        yield Piece(kind, text, self.start, end, tuple(self.path), under, after, self.callout)
        if kind == "item":
            self.items = [(n, t) for n, t in self.items if n < self.indent] + [(self.indent, text)]
            self.head = None

    def _under(self) -> tuple[str, ...]:
        """What an item or a row stands under."""
        return (*self.path, *([self.intro] if self.intro else []), *(t for _, t in self.items))
