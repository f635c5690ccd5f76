"""The lines of an HTML mail -> inert Markdown that says the same words. Nothing of the markup survives: what stands here is
written anew, with every character of a stranger's behind a stand-in until the line is complete (see `markdown`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from mailbot.mail.text.html_lines import lines
from mailbot.mail.text.line import Line, Run
from mailbot.vault.markdown import inert_url
from mailbot.vault.stand_ins import guard, release, swapped, visible


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
    out: list[str] = []
    before = Line("")
    for table, group in groupby(read, key=lambda line: line.block.table):
        if table:
            rows = [row for line in group if (row := _row(line, images or {})) is not None]
            if rows:
                _blank(out)
                out += _table(rows)
                out.append("")
            before = Line("")
            continue
        depth = 0
        for line in group:
            if _parted(before, line):
                _blank(out, "> " * min(before.block.quotes, line.block.quotes))
            depth = _depth(line, depth)
            if (written := _written(line, depth, images or {})) is not None:
                out.append(written)
            before = line
    return re.sub(r"\n{3,}", "\n\n", release("\n".join(out))).strip("\n").rstrip()


def _parted(before: Line, line: Line) -> bool:
    """Whether a blank line stands between two lines."""
    if before.ends or (not line.text and not line.runs):
        return True
    one, other = before.block, line.block
    if one.quotes != other.quotes or one.heading or other.heading or one.rule or other.rule:
        return True
    return before.pre != line.pre or bool(one.level) != bool(other.level)


def _depth(line: Line, before: int) -> int:
    """How many list items a line stands in: lists without items, as some mails have them, are none."""
    return min(line.block.level, before + bool(line.block.marker))


def _blank(out: list[str], quotes: str = "") -> None:
    if out and out[-1].strip(" >"):
        out.append(quotes.rstrip())


def _written(line: Line, depth: int, images: Mapping[str, str]) -> str | None:
    """A line with its marks, in so many list items; None for a blank one."""
    block = line.block
    quotes = "> " * block.quotes
    if block.rule:
        return f"{quotes}* * *"
    body = _pre(line) if line.pre else _inline(line.runs, images).strip(" ")
    if not body.strip():
        return None
    if block.heading:
        return f"{quotes}{'#' * block.heading} {body}"
    if depth:
        mark = f"{block.marker} " if block.marker else "    "
        return f"{quotes}{'    ' * (depth - 1)}{mark}{body}"
    return quotes + body


def _pre(line: Line) -> str:
    """Preformatted text keeps its spaces in front; it is no code, which would run as a query for Dataview and friends."""
    text = visible("".join(run.text for run in line.runs)).replace("\n", " ")
    indent = len(text) - len(text.lstrip(" "))
    return swapped("\u00a0" * indent + text[indent:])


def _inline(runs: Iterable[Run], images: Mapping[str, str]) -> str:
    """Runs as Markdown, neighbours of one dress together."""
    out: list[str] = []
    for dress, group in groupby(runs, key=_dress):
        if dress is None:
            out += [_place(run, images) for run in group]
        else:
            text = guard("".join(run.text for run in group)).replace("\n", " ").replace("\t", " ")
            out.append(_marked(text, *dress))
    return "".join(out)


def _dress(run: Run) -> tuple[bool, bool, bool] | None:
    """How a run's words are marked; None for a link's end or a picture."""
    return None if run.target or run.image else (run.bold, run.italic, run.struck)


def _marked(text: str, bold: bool, italic: bool, struck: bool) -> str:
    """Words between marks, the spaces around them outside (CommonMark 6.2: or they would not count)."""
    body = text.strip(" \u00a0")
    if not body or not (bold or italic or struck):
        return text
    marks = ("**" if bold else "") + ("*" if italic else "") + ("~~" if struck else "")
    closing = ("~~" if struck else "") + ("*" if italic else "") + ("**" if bold else "")
    before, _, after = text.partition(body)
    return f"{before}{marks}{body}{closing}{after}"


def _place(run: Run, images: Mapping[str, str]) -> str:
    if run.target:
        # The label stays plain text in front of its target: what is shown can then never lie about it.
        return f" <{inert_url(run.target)}>"
    path = images.get(run.image)
    alt = guard(run.text).replace("\n", " ")
    return f"![{alt}]({quote(path)})" if path else alt


def _row(line: Line, images: Mapping[str, str]) -> list[str] | None:
    """The cells of a row of data; None for what is none."""
    cells: list[list[Run]] = []
    for run in line.runs:
        if run.cell or not cells:
            cells.append([])
        if not run.cell:
            cells[-1].append(run)
    texts = [_inline(cell, images).strip() for cell in cells]
    return texts if any(texts) else None


def _table(rows: list[list[str]]) -> Iterator[str]:
    """Rows as a table of GitHub's Markdown; the first is its head."""
    width = max(map(len, rows))
    for number, row in enumerate(rows):
        yield "| " + " | ".join([*row, *[""] * (width - len(row))]) + " |"
        if number == 0:
            yield "|" + " --- |" * width
