"""The lines of an HTML mail -> inert Markdown that says the same words. Nothing of the markup survives: what stands here is
written anew, with every character of a stranger's behind a stand-in until the line is complete (see `markdown`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from mailbot.mail.text.html_lines import lines
from mailbot.mail.text.line import Line, Run
from mailbot.vault.html_words import in_line, preformatted
from mailbot.vault.markdown import no_block
from mailbot.vault.stand_ins import release, swapped


@dataclass(frozen=True, slots=True)
class Converted:
    """Inert Markdown, and how many tracking pixels were taken out of the HTML it comes from."""

    markdown: str
    pixels: int = 0


def html_to_markdown(html: str, images: Mapping[str, str] | None = None) -> Converted:
    """HTML of a stranger -> inert Markdown. No remote image survives: it is named, not loaded.

    `images` maps the Content-ID of a saved inline image to the path that shows it in the note.
    """
    shown = lines(html)
    return Converted(lines_to_markdown(shown.lines, images), shown.pixels)


def lines_to_markdown(read: Iterable[Line], images: Mapping[str, str] | None = None) -> str:
    """The same for lines that were read already, as many of a mail as belong together."""
    writer = _Writer(images or {})
    for table, group in groupby(read, key=lambda line: line.block.table):
        if table:
            writer.table(list(group))
        else:
            for line in group:
                writer.line(line)
    return re.sub(r"\n{3,}", "\n\n", release("\n".join(writer.out))).strip("\n").rstrip()


_STEP = 4
"""Columns by which what stands in an item is moved in, where its marker does not need more."""


@dataclass(slots=True)
class _Writer:
    """What was written so far."""

    images: Mapping[str, str]
    out: list[str] = field(default_factory=list)
    _before: Line = field(default_factory=lambda: Line(""))
    _items: list[tuple[int, int]] = field(default_factory=list)
    """The items that are open in the Markdown: the level of each, and the column where what stands in it begins. Lists
    without items, as some mails have them, are none."""
    _waiting: tuple[int, str] = (0, "")
    """The marker of an item whose first line had nothing to write, and its level: the next line takes it."""

    def line(self, line: Line) -> None:
        """Write a line that is no row of data."""
        block = line.block
        self._quotes(line)
        if _parted(self._before, line):
            self._blank(line)
        self._before = line
        quotes = "> " * block.quotes
        if block.rule:
            self._items.clear()
            self.out.append(f"{quotes}* * *")
            return
        body = self._body(line)
        marker = block.marker or (self._waiting[1] if self._waiting[0] == block.level else "")
        if not body.strip():
            if block.marker:
                self._waiting = (block.level, block.marker)
            return
        self._waiting = (0, "")
        indent, apart = self._indent(block.level, marker)
        if apart:
            self._blank(line)
        self.out.append(f"{quotes}{indent}{body}")

    def table(self, group: list[Line]) -> None:
        """Write the rows of a table of data."""
        rows = [row for line in group if any(row := _row(line, self.images))]
        if rows:
            self._quotes(group[0])
            self._blank(group[0])
            indent, _ = self._indent(group[0].block.level, "")
            quotes = "> " * group[0].block.quotes
            self.out += [f"{quotes}{indent}{row}" for row in _table(rows)]
            self._before = group[-1]._replace(ends=True)

    def _quotes(self, line: Line) -> None:
        if self._before.block.quotes != line.block.quotes:
            self._items.clear()  # quote marks stand in front of all else: they end every list

    def _blank(self, line: Line) -> None:
        if self.out and self.out[-1].strip(" >"):
            quotes = min(self._before.block.quotes, line.block.quotes)
            self.out.append(("> " * quotes).rstrip())

    def _indent(self, level: int, marker: str) -> tuple[str, bool]:
        """What stands in front of a line for the items around it, and whether a blank line must part it from what is above:
        else Markdown would carry the paragraph there on into it (CommonMark 5.2 and 5.3)."""
        closed = sibling = False
        while self._items and self._items[-1][0] > level - bool(marker):
            closed, sibling = True, self._items.pop()[0] == level
        column = self._items[-1][1] if self._items else 0
        if not marker:
            return " " * column, closed
        self._items.append((level, column + max(_STEP, len(marker) + 1)))
        return f"{' ' * column}{marker} ", not sibling and marker not in ("-", "1.")

    def _body(self, line: Line) -> str:
        if line.pre:
            body = preformatted(line.runs, self.images)
        else:
            body = re.sub(r" {2,}", " ", in_line(line.runs, self.images)).lstrip(" ").rstrip()
        if line.block.heading and body.strip():
            return f"{'#' * line.block.heading} {_unclosed(body.strip())}"
        return no_block(body)


def _parted(before: Line, line: Line) -> bool:
    """Whether a blank line stands between two lines."""
    if before.ends or (not line.text and not line.runs):
        return True
    one, other = before.block, line.block
    if one.quotes != other.quotes or one.heading or other.heading or one.rule or other.rule:
        return True
    return before.pre != line.pre or bool(one.level) != bool(other.level)


_HASH = swapped("#")


def _unclosed(heading: str) -> str:
    """The words of a heading, a `#` at their end kept: Markdown takes it for the end of the heading's marks."""
    return f"{heading[:-1]}\\{_HASH}" if heading.endswith(_HASH) else heading


def _row(line: Line, images: Mapping[str, str]) -> list[str]:
    """The cells of a row of data."""
    cells: list[list[Run]] = []
    for run in line.runs:
        if run.cell or not cells:
            cells.append([])
        if not run.cell:
            cells[-1].append(run)
    return [in_line(cell, images).strip() for cell in cells]


def _table(rows: list[list[str]]) -> Iterator[str]:
    """Rows as a table of GitHub's Markdown; the first is its head."""
    width = max(map(len, rows))
    for number, row in enumerate(rows):
        yield "| " + " | ".join([*row, *[""] * (width - len(row))]) + " |"
        if number == 0:
            yield "|" + " --- |" * width
