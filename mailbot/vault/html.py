"""HTML of a stranger -> inert Markdown: nh3 makes it well-formed and dull, html2text writes it down, with every character
of its text swapped for a stand-in on the way (see `markdown`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote

import html2text
import nh3

from mailbot.mail.text.markup import VOID, normalised
from mailbot.mail.text.visibility import Visibility, is_hidden
from mailbot.vault.markdown import GUARD, guard, inert_url, release, text_to_markdown, visible

MAX_NESTING = 20
_LINKED = re.compile(r"(?:https?://|mailto:)\S", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Converted:
    """Inert Markdown, and how many tracking pixels were taken out of the HTML it comes from."""

    markdown: str
    pixels: int = 0


def html_to_markdown(html: str, images: Mapping[str, str] | None = None) -> Converted:
    """HTML of a stranger -> inert Markdown. No remote image survives: it is named, not loaded.

    `images` maps the Content-ID of a saved inline image to the path that shows it in the note.
    """
    markup = normalised(html)
    converter = _Inert(images or {}, data_tables(markup) if "<table" in markup else [])
    try:
        markdown = converter.handle(markup)
    except RecursionError:  # pragma: no cover - nh3 flattens; a guard for what it may one day let through
        return Converted(text_to_markdown(nh3.clean(html, tags=set())))
    markdown = re.sub(
        r"^[ \t]*\*{2,}[ \t]*$|[ \t]+$", "", markdown, flags=re.MULTILINE
    )  # `<b></b>` says nothing
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip("\n")
    return Converted(release(markdown), converter.pixels)


def data_tables(markup: str) -> list[bool]:
    """For each table of normalised markup, in order, whether it holds data: rows of equal length, two cells or more each,
    no table inside, and short cells."""
    reader = _Tables()
    reader.feed(markup)
    reader.close()
    return [table.holds_data for table in reader.found]


@dataclass
class _Table:
    rows: list[int]
    headed: bool = False
    nested: bool = False
    longest: int = 0

    @property
    def holds_data(self) -> bool:
        rows = [count for count in self.rows if count]
        regular = len(rows) > 1 and min(rows) > 1 and max(rows) - min(rows) <= 1
        return (
            not self.nested
            and (regular or (self.headed and bool(rows) and max(rows) > 1))
            and self.longest <= 300
        )


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[_Table] = []
        self._open: list[_Table] = []
        self._cell = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the library's signature
        if tag == "table":
            if self._open:
                self._open[-1].nested = True
            self._open.append(_Table([]))
            self.found.append(self._open[-1])
        elif self._open and tag == "tr":
            self._open[-1].rows.append(0)
        elif self._open and tag in ("td", "th") and self._open[-1].rows:
            self._open[-1].rows[-1] += 1
            self._open[-1].headed |= tag == "th"
            self._cell = 0

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._cell += len(data.strip())
            self._open[-1].longest = max(self._open[-1].longest, self._cell)


class _Inert(html2text.HTML2Text):
    """html2text whose text is swapped for stand-ins on its way in, and which shows nothing that a reader does not see."""

    def __init__(self, images: Mapping[str, str], data: list[bool]) -> None:
        super().__init__(bodywidth=0)
        self._data = data
        self._tables: list[bool] = []
        """For each open table, whether it holds data."""
        self.images = images
        self.pixels = 0
        self.ignore_images = True
        self.ignore_links = True  # links are made here, where label and target can be made inert
        self.ignore_emphasis = False
        self.pad_tables = False
        self.single_line_break = False
        self.ul_item_mark = "-"
        self.emphasis_mark = "*"  # inside a word `_` would join it to its neighbours
        self.unicode_snob = True
        self.tag_callback = self._tag  # type: ignore[assignment]
        self._visible = Visibility()
        self._link: str | None = None
        self._label: list[str] = []
        self._pre_block = False
        self._nested = 0

    def _tag(self, _self: object, tag: str, attrs: dict[str, str | None], start: bool) -> bool | None:
        """True: the tag is dealt with, html2text does nothing of its own for it."""
        if tag == "br" and self._tables and self._tables[-1]:
            self.o(" ")  # a line break would end the row of a table
            return True
        if tag in VOID:
            if self._visible.hidden or (start and is_hidden(attrs)):
                self.pixels += tag == "img" and start
                return True
            if tag == "img" and start:
                self._image(attrs)
            return True if tag in ("img", "input", "area", "col", "wbr") else None
        hidden = self._visible.hidden
        if start:
            self._visible.open(tag, attrs)
            if self._visible.hidden and not hidden and tag in ("div", "p", "table", "tr", "td", "li"):
                self.soft_br()
        else:
            self._visible.close(tag)
        if hidden or self._visible.hidden:
            return True
        if tag in ("table", "tr", "td", "th", "thead", "tbody", "tfoot", "caption"):
            return self._table(tag, start)
        if (
            self._tables
            and self._tables[-1]
            and tag in ("p", "div", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "center")
        ):
            self.o(" ")
            return True
        if tag in ("ul", "ol", "blockquote", "dl"):
            return self._nest(start)
        if tag == "a":
            self._anchor(attrs, start)
            return True
        if tag in ("pre", "code", "tt", "kbd", "samp"):
            # A code span or block runs as a query for Dataview and friends; its text stays, its dress goes.
            if tag == "pre":
                self.p()
                self._pre_block = start
            return True
        if tag in ("dt", "dd", "summary", "option", "button"):
            self.p() if tag == "summary" else self.soft_br()
            return True
        return True if tag in ("details", "abbr", "q", "title", "style", "script", "head") else None

    def _table(self, tag: str, start: bool) -> bool | None:
        """A table of data becomes a Markdown table; one that only lays the mail out, as most do, gives way to its text."""
        if tag == "table" and start:
            self._tables.append(self._data.pop(0) if self._data else False)
        holds_data = bool(self._tables) and self._tables[-1]
        if tag == "table" and not start and self._tables:
            self._tables.pop()
        if holds_data:
            return None
        if tag in ("table", "tr", "caption"):
            self.p()
        elif not start:
            self.soft_br()
        return True

    def _nest(self, start: bool) -> bool | None:
        """Beyond a depth that no reader can follow, nesting only costs time and room."""
        self._nested += 1 if start else -1
        return True if self._nested > MAX_NESTING or (not start and self._nested == MAX_NESTING) else None

    def handle_data(self, data: str, entity_char: bool = False) -> None:
        if self._visible.text_hidden:
            return
        if self._link is not None:
            self._label.append(visible(data))
        if self._pre_block:
            for number, piece in enumerate(visible(data).expandtabs(8).split("\n")):
                if number:
                    self.o("  \n" if self.outcount else "\n")
                indent = len(piece) - len(piece.lstrip(" "))
                self.o(("\u00a0" * indent + piece[indent:]).translate(GUARD), puredata=False)
            return
        super().handle_data(guard(data), entity_char)

    def entityref(self, c: str) -> str:
        return "\u00a0" if c == "nbsp" else str(super().entityref(c))

    def _anchor(self, attrs: dict[str, str | None], start: bool) -> None:
        if start:
            href = (attrs.get("href") or "").strip()
            self._link, self._label = (href if _LINKED.match(href) else None), []
            return
        if self._link is None:
            return
        label = re.sub(r"\s+", " ", "".join(self._label)).strip()
        target, shown, real = inert_url(self._link), _place(label), _place(self._link)
        self._link = None
        if shown != real:
            # The label stays plain text in front of its target: what is shown can then never lie about it.
            self.o(f" <{target}>")

    def _image(self, attrs: dict[str, str | None]) -> None:
        source = (attrs.get("src") or "").strip()
        alt = (attrs.get("alt") or "").strip()
        if source.lower().startswith("cid:") and (path := self.images.get(source[4:].strip("<> "))):
            self.o(f"![{guard(alt)}]({quote(path)})")
            return
        if _tiny(attrs):
            self.pixels += 1
            return
        if alt:
            self.handle_data(alt)


def _place(url: str) -> str:
    """A URL as far as two spellings of it may differ and still lead to one place: scheme, host in lower case, last slash."""
    url = re.sub(r"^(mailto:|https?://)", "", url.strip(), flags=re.IGNORECASE).removesuffix("/")
    host, slash, rest = url.partition("/")
    return host.casefold() + slash + rest


def _tiny(attrs: dict[str, str | None]) -> bool:
    """A picture of at most 2 by 2 pixels, or one that is hidden: it is there to report that the mail was opened."""
    sizes = [re.match(r"\s*(\d+)", attrs.get(name) or "") for name in ("width", "height")]
    styled = re.findall(r"(?:^|[;\s])(?:max-)?(?:width|height)\s*:\s*(\d+)px", attrs.get("style") or "")
    numbers = [int(m[1]) for m in sizes if m] + [int(n) for n in styled]
    return bool(numbers) and max(numbers) <= 2
