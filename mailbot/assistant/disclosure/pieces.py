"""A note's body -> pieces: list items, rows of tables, paragraphs, blocks of code, each with what it stands under.

What a piece says may have to be understood from what stands before it. So each carries what it stands under (headings, lines that
are set like one, the title of its callout, the list items above it, the line that introduces it) and what it follows (the
paragraphs before it in its section, the item or row that it goes on with).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mailbot.language.phrases import Phrases

Kind = Literal["heading", "item", "row", "head", "paragraph", "code", "callout"]

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*)$")
_HTML_HEADING = re.compile(r"^[ \t]*(?:<details[^>]*>\s*)?<(?:h[1-6]|summary|dt|th)\b", re.IGNORECASE)
_BOLD_ALONE = re.compile(r"^[ \t>]*(?:\*\*|__|==)[^*_=\n]{1,120}(?:\*\*|__|==):?[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(?:={2,}|-{2,})[ \t]*$")
_FENCE = re.compile(r"^[ \t>]{0,8}(`{3,}|~{3,})")
_ITEM = re.compile(r"^([ \t]*)(?:[-*+]|\d{1,3}[.)])[ \t]+")
_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$")
_RULE = re.compile(r"^[ \t]*\|?[ \t:|-]*-{2,}[ \t:|-]*$")
_CALLOUT = re.compile(r"^[ \t]*>[ \t]*\[!([\w-]+)[^\]\n]*\]")
_PRONOUN = Phrases(r"[\s>*+\-\d.)]*{{vault.pronoun}}", re.IGNORECASE)
"""A list item that goes on speaking of whom the one before it names."""
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
        self.like_heading = ""
        """A line that is set like a heading: bold, or HTML, or in a quote."""
        self.items: list[tuple[int, str]] = []
        """(indentation, text) of the list items that are open."""
        self.last_item = ""
        self.last_row = ""
        self.said: list[str] = []
        """What the next paragraph of the section continues."""
        self.intro = ""
        """The line that introduces a list or a table."""
        self.callout = ""
        self.title = ""
        """Of the callout."""
        self.quote = False
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
        if not text.strip(" \t>"):
            if ">" in text and self.quote:
                return  # a quote is one piece: who said it may stand at its end
            yield from self.close(at)
            if not text.strip():
                self.callout, self.title, self.head, self.table = "", "", None, ""
            return
        if self.kind == "paragraph" and not self.quote and _SETEXT.match(text):
            yield from self._as_heading(at, at + len(line))
            return
        if heading := _HEADING.match(text):
            yield from self.close(at)
            self._new_section([*self.path[: len(heading[1]) - 1], heading[2].strip().rstrip("#").strip()])
            yield Piece("heading", text, at, at + len(line), tuple(self.path), tuple(self.path[:-1]))
            return
        if callout := _CALLOUT.match(text):
            yield from self.close(at)
            self.callout, self.title, self.kind, self.start = callout[1].casefold(), text, "callout", at
            return
        quoted = text.lstrip().startswith(">")
        if self.callout and not quoted and self.kind is None:
            self.callout, self.title = "", ""
        bare = re.sub(r"^[ \t]*>[ \t]?", "", text) if quoted else text
        if _HTML_HEADING.match(bare) or (quoted and _HEADING.match(bare)) or _BOLD_ALONE.match(text):
            yield from self.close(at)
            self.like_heading = text
            self.kind, self.start = "paragraph", at
            yield from self.close(at + len(line))
            return
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
            self._begin(bare, at, quoted=quoted and not self.callout)

    def _begin(self, bare: str, at: int, *, quoted: bool) -> None:
        """A line that continues nothing begins a paragraph, or goes on in the list item that it is set in under."""
        indent = len(bare) - len(bare.lstrip())
        if indent and self.items:
            self.items = [(n, t) for n, t in self.items if n < indent] or self.items[:1]
        else:
            if self.items:
                self.said.append(self.last_item)
            self.items = []
        self.kind, self.start, self.quote = "paragraph", at, quoted

    def _as_heading(self, at: int, end: int) -> Iterator[Piece]:
        """The paragraph that is open, underlined: a heading."""
        text = self.body[self.start : at].strip()
        start, self.kind = self.start, None
        self._new_section([text])
        yield Piece("heading", f"# {text}", start, end, tuple(self.path), ())

    def _new_section(self, path: list[str]) -> None:
        self.path, self.items, self.said, self.intro, self.like_heading = path, [], [], "", ""
        self.callout, self.title, self.head, self.table, self.last_item, self.last_row = (
            "",
            "",
            None,
            "",
            "",
            "",
        )

    def _row(self, text: str, bare: str, at: int, end: int) -> Iterator[Piece]:
        yield from self.close(at)
        path, after = tuple(self.path), tuple(self.said)
        if self.head is None:
            indent = len(bare) - len(bare.lstrip())
            self.items = [(n, t) for n, t in self.items if n < indent]
            self.head, self.table, self.last_row = (at, end), text, ""
            yield Piece("head", text, at, end, path, self._under(), after, self.callout, self.head)
        elif _RULE.match(bare):
            self.head = (self.head[0], end)
            yield Piece("head", text, at, end, path, self._under(), after, self.callout, self.head)
        else:
            goes_on = not bare.strip().strip("|").split("|")[0].strip()
            under = (*self._under(), *([self.last_row] if goes_on and self.last_row else []), self.table)
            yield Piece("row", text, at, end, path, under, after, self.callout, self.head)
            self.last_row = self.last_row if goes_on else text

    def close(self, end: int) -> Iterator[Piece]:
        """End the piece that is open."""
        if self.kind is None:
            return
        kind, self.kind, self.quote = self.kind, None, False
        text = self.body[self.start : end].strip("\n").rstrip()
        if not text.strip():
            return
        under, after = self._under(), tuple(self.said)
        if kind in ("paragraph", "code", "callout") and not self.items:
            if kind == "paragraph":
                self.said = [*self.said, text][-LONGEST_INHERITED:]
            if kind != "code":
                self.intro = text.rsplit("\n", 1)[-1] if text.rstrip("*_ ").endswith((":", "：")) else ""
            self.head = None
        if kind == "item" and self.last_item and _PRONOUN.match(text):
            after = (*after, self.last_item)
        yield Piece(kind, text, self.start, end, tuple(self.path), under, after, self.callout)
        if kind == "item":
            self.items = [(n, t) for n, t in self.items if n < self.indent] + [(self.indent, text)]
            self.last_item = text
            self.head = None

    def _under(self) -> tuple[str, ...]:
        """What a piece stands under."""
        like = [t for t in (self.like_heading, self.title, self.intro) if t]
        return (*self.path, *like, *(t for _, t in self.items))
