"""HTML mail -> the lines a reader sees, each with its dress and whether it is quoted: one walk over one tree.

The same lines serve both ends: the plain text that history is looked for in, and the Markdown of the note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from mailbot.mail.text.client_marks import mark_of
from mailbot.mail.text.data_table import holds_data
from mailbot.mail.text.elements import APART, BLOCKS, BOLD, ITALIC, PARAGRAPHS, SETS, STRUCK, Element
from mailbot.mail.text.embedded import is_tiny
from mailbot.mail.text.line import Block, Line, Run
from mailbot.mail.text.markup import UNSEEN, VOID, tree
from mailbot.mail.text.numbering import first_number, item_number
from mailbot.mail.text.open_links import OpenLinks
from mailbot.mail.text.visibility import is_shut, look

MAX_DEPTH = 20
"""Quotes and lists around a line that are kept as such: beyond, nesting only costs room."""
_SPACE = re.compile(r"[ \t\r\n\f]+")


class Shown(NamedTuple):
    """What a reader sees of HTML, and how many pictures in it are only there to report that it was opened."""

    lines: list[Line]
    pixels: int


def lines(html: str) -> Shown:
    """The lines of any text taken for HTML."""
    root = tree(html)
    if root is None:
        return Shown([], 0)
    reader = _Reader()
    _walk(root, reader)
    reader.end_line()
    return Shown(reader.found, reader.pixels)


def _walk(root: LexborNode, reader: _Reader) -> None:
    """Depth first, in document order, without recursion: mail may be nested as deeply as it likes."""
    node: LexborNode | None = root
    opened: list[str] = []
    while node is not None:
        if node.is_text_node:
            reader.text(node.text_content or "")
        elif node.is_element_node:
            name = str(node.tag)
            if name in VOID:
                reader.void(name, node.attributes)
            elif name not in UNSEEN and reader.open(name, node):
                if (child := node.first_child) is not None:
                    opened.append(name)
                    node = child
                    continue
                reader.close(name)
        while node is not None and node.next is None:
            node = node.parent
            if not opened:
                return
            reader.close(opened.pop())
        node = node.next if node is not None else None


@dataclass(slots=True)
class _Reader:
    """What was read so far."""

    found: list[Line] = field(default_factory=list)
    pixels: int = 0
    _open: list[Element] = field(default_factory=lambda: [Element()])
    _runs: list[Run] = field(default_factory=list)
    _counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("quoted", "cite", "signature", "pre", "container"), 0)
    )
    _edge: bool = False
    _tight: bool = False
    _tables: int = 0
    _rows: list[int] = field(default_factory=list)
    """How many lines there were when each row around began."""
    _links: OpenLinks = field(default_factory=OpenLinks)

    def open(self, name: str, node: LexborNode) -> bool:
        """An element begins; False if neither it nor anything in it is seen."""
        attributes: Mapping[str, str | None] = node.attributes
        around = self._open[-1]
        seen = look(attributes) if attributes else None
        if (seen and seen.hidden) or is_shut(name, attributes):
            self.pixels += len(node.css("img"))
            if name in BLOCKS:
                self._break(around)
            return False
        self._break_before(name, attributes, around)
        if name == "tr":
            self._rows.append(len(self.found))
        mark = self._mark(name, attributes)
        if not (mark or around.mark or name in SETS) and (seen is None or seen.tiny is None):
            self._open.append(around)  # it says nothing of the text in it
            return True
        block, number, data = around.block, None, around.data
        if name == "blockquote":
            block = block._replace(quotes=min(block.quotes + 1, MAX_DEPTH), marker="")
        elif name in ("ul", "ol"):
            block = block._replace(level=min(block.level + 1, MAX_DEPTH), marker="")
            number = first_number(attributes) if name == "ol" else None
        elif name == "li":
            block = block._replace(level=max(block.level, 1), marker=_marker(around, attributes))
        elif name[0] == "h" and len(name) == 2 and name[1] in "123456":
            block = block._replace(heading=int(name[1]))
        elif name == "table":
            data = holds_data(node)
            self._tables += data
            block = block._replace(table=self._tables if data else 0, marker="")
        elif name == "caption":  # it stands above the rows
            data, block = False, block._replace(table=0)
        tiny = around.tiny if seen is None or seen.tiny is None else seen.tiny
        link = name == "a" and self._links.begin(attributes, len(self.found))
        bold = around.bold or (name in BOLD and not (name == "th" and data))
        italic, struck = around.italic or name in ITALIC, around.struck or name in STRUCK
        self._open.append(Element(mark, tiny, bold, italic, struck, block, data, link, number))
        return True

    def close(self, name: str) -> None:
        """The element that was opened last ends."""
        element = self._open[-1]
        if name in BLOCKS:
            if element.data and name != "tr" and name != "table":
                self._space()
            else:
                self.end_line(blank=name == "p")
                if name in PARAGRAPHS and not self._tight and self.found and self.found[-1].text:
                    self._end_paragraph()
            if name == "tr":
                self._end_row(self._rows.pop(), element)
        elif name in APART:
            self._space()
        if name == "a" and element.link and self._links.end(self.found, self._runs):
            self._break(element)
        self._open.pop()
        if element.mark:
            self._counts[element.mark] -= 1

    def void(self, name: str, attributes: Mapping[str, str | None]) -> None:
        """An element without content."""
        around = self._open[-1]
        hidden = bool(attributes) and look(attributes).hidden
        if name == "img":
            self._image(attributes, hidden)
        elif hidden:
            return
        elif name == "br":
            self._break(around, blank=True)
        elif name == "hr":
            self._break(around)
            if not around.data:
                self._append("", (), around.block._replace(rule=True, marker=""))

    def text(self, data: str) -> None:
        """Text that stands here."""
        around = self._open[-1]
        if around.tiny:
            return
        if self._counts["pre"]:
            for number, piece in enumerate(data.expandtabs(8).split("\n")):
                if number:
                    self._break(around, blank=True)
                if piece:
                    self._put(piece, around)
            return
        data = _SPACE.sub(" ", data)
        if data[:1] == " " and (not self._runs or self._runs[-1].text[-1:] in (" ", "\t")):
            data = data[1:]
        if data:
            self._put(data, around)

    def end_line(self, blank: bool = False) -> None:
        """Close the line that is being read; an empty one counts only where the author broke the line."""
        around = self._open[-1]
        if not self._runs:
            if blank:
                self._append("", (), around.block._replace(marker=""))
            return
        runs, self._runs = self._runs, []
        text = "".join([run.text for run in runs]).replace("\u00a0", " ")
        if "\t" in text:
            text = re.sub(r" *\t *", "\t", text)
        text = text.rstrip() if self._counts["pre"] else text.strip(" \n\r\f\u200b")
        dressed = tuple(runs) if text or any(run.target or run.image for run in runs) else ()
        if text or dressed:
            self._append(text, dressed, self._taken())
        elif blank:
            self._append("", (), around.block._replace(marker=""))

    def _end_paragraph(self) -> None:
        self.found[-1] = self.found[-1]._replace(ends=True)

    def _end_row(self, above: int, row: Element) -> None:
        """A row that only lays out is a part of its own if it holds several lines, or if what it says is a link or a picture."""
        said = 0 if row.data else len(self.found) - above
        if said > 1 or (said and any(run.target or run.image for run in self.found[-1].runs[-1:])):
            self._end_paragraph()

    def _append(self, text: str, runs: tuple[Run, ...], block: Block) -> None:
        quoted, cite, signature, pre = (self._counts[m] > 0 for m in ("quoted", "cite", "signature", "pre"))
        shown = f"{block.marker} {text}" if block.marker and text else text
        edge = self._edge and bool(text)
        self.found.append(Line(shown, 0, quoted, edge, signature, cite, pre=pre, runs=runs, block=block))
        if text:
            self._edge = False

    def _taken(self) -> Block:
        """The block of the line that ends here; the marker of its item is used up."""
        block = self._open[-1].block
        if block.marker:
            for element in self._open:
                if element.block.marker:
                    element.block = element.block._replace(marker="")
        return block

    def _break_before(self, name: str, attributes: Mapping[str, str | None], around: Element) -> None:
        if name in ("td", "th"):
            if self._runs:
                self._runs.append(Run("\t", cell=True) if around.data else Run("\t"))
            elif around.data:
                self._runs.append(Run(cell=True))
        elif name == "tr":
            self.end_line()
        elif name in BLOCKS:
            self._break(around)
        elif name in APART:
            self._space()
        if name == "p":
            # To Outlook a line is a paragraph.
            self._tight = "mso" in (attributes.get("class") or "").casefold()

    def _mark(self, name: str, attributes: Mapping[str, str | None]) -> str:
        mark = mark_of(name, attributes)
        if mark == "cite" and self._counts["container"]:
            mark = "quoted"
        if mark == "edge":
            self.end_line()
            self._edge, mark = True, ""
        if name == "pre":
            mark = "pre"
        if mark:
            self._counts[mark] += 1
        return mark

    def _put(self, text: str, around: Element) -> None:
        self._links.say(text)
        self._runs.append(Run(text, around.bold, around.italic, around.struck))

    def _break(self, around: Element, blank: bool = False) -> None:
        """A line ends; in a row of data that is a space, for the row is one line."""
        if around.data:
            self._space()
        else:
            self.end_line(blank)

    def _space(self) -> None:
        if self._runs and self._runs[-1].text[-1:] not in ("", " ", "\t"):
            self._runs.append(Run(" "))

    def _image(self, attributes: Mapping[str, str | None], hidden: bool) -> None:
        source, alt = ((attributes.get(name) or "").strip() for name in ("src", "alt"))
        if hidden:
            self.pixels += 1
        elif source.lower().startswith("cid:"):
            self._runs.append(Run(" ".join(alt.split()), image=source[4:].strip("<> ")))
        elif is_tiny(attributes):
            self.pixels += 1
        elif alt:
            self.text(alt)


def _marker(around: Element, attributes: Mapping[str, str | None]) -> str:
    """The marker of an item in a list."""
    if around.number is None:
        return "-"
    number = item_number(attributes, around.number)
    around.number = number + 1
    return f"{number}."
