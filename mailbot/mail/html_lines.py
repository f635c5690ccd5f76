"""HTML mail -> the lines a reader sees, each with where it starts in the markup and whether it is quoted.

One reading of the markup serves two ends: the plain text of an HTML mail, and cutting the markup itself at the
line where quoted history begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape
from html.parser import HTMLParser

import nh3

KEPT_TAGS = nh3.ALLOWED_TAGS | {"font", "main", "section", "input", "label", "button", "form", "big"}
KEPT_ATTRIBUTES = {
    "*": {"class", "id", "style", "dir", "hidden", "aria-hidden"},
    "a": {"href", "name", "title"},
    "img": {"src", "alt", "width", "height"},
    "blockquote": {"type", "cite"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
}
_BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section table tr ul".split()
)

# What clients mark quoted history with. A *scope* ends with its element; an *edge* is followed by nothing but history.
_SCOPE_CLASS = re.compile(
    r"(^|\s)(gmail_quote|gmail_quote_container|yahoo_quoted"
    r"|protonmail_quote|tutanota_quote|zmail_extra|hs_reply_quote|quoted_text|ydp\w*yahoo-quoted|iPhone_quote)(\s|$)",
    re.IGNORECASE,
)
_CONTAINER = re.compile(r"(^|\s)(gmail_quote(_container)?|protonmail_quote|zmail_extra)(\s|$)", re.IGNORECASE)
_EDGE_ID = re.compile(
    r"^(x_)*(divRplyFwdMsg|appendonsend|replySplit|stopSpelling|mail-editor-reference-message-container"
    r"|ms-outlook-mobile-reference|OLK_SRC_BODY_SECTION|origbody|reply-intro"
    r"|isReplyContent|isForwardContent|qt|orc-full-body-initial-text)$"
)
_EDGE_CLASS = re.compile(r"(^|\s)(OutlookMessageHeader|yahoo-quoted-begin)(\s|$)")
_BORDER_TOP = re.compile(
    r"border(-top)?\s*:\s*(none\s*;\s*border-top\s*:\s*)?solid\s+#?(E1E1E1|B5C4DF|C4C4C4|ccc)", re.IGNORECASE
)
_SIGNATURE = re.compile(
    r"(^|\s)(gmail_signature|gmail_signature_prefix|moz-signature|protonmail_signature_block|yahoo-signature"
    r"|ms-outlook-mobile-signature|ms-outlook-ios-signature|x_?Signature)(\s|$)",
    re.IGNORECASE,
)
_SIGNATURE_ID = re.compile(r"^(x_)*(Signature|divtagdefaultwrapper-signature|ms-outlook-mobile-signature"
                           r"|AppleMailSignature|composer_signature)$")  # fmt: skip
VOID = frozenset("area br col hr img input wbr".split())


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
        """An end tag was met: the elements that end with it, the innermost first; none where none is open."""
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


def normalised(html: str) -> str:
    """Well-formed markup with the same visible text: no script, style, comment or event handler (nh3)."""
    return nh3.clean(
        _bounded(html),
        tags=set(KEPT_TAGS),
        attributes={tag: set(names) for tag, names in KEPT_ATTRIBUTES.items()},
        clean_content_tags={
            "script",
            "style",
            "title",
            "template",
            "noscript",
            "object",
            "iframe",
            "svg",
            "math",
        },
        strip_comments=True,
        link_rel=None,
        url_schemes={"http", "https", "mailto", "cid", "tel", "data"},
    )


def all_text(html: str) -> str:
    """The words of HTML, those that are hidden by style among them; tags part words."""
    parted = _bounded(html).replace("<", " <")
    return unescape(nh3.clean(parted, tags=set(), clean_content_tags={"script", "style", "title"}))


MAX_NESTING = 300
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,12})[^<>]*>")
_OF_NAMESPACE = re.compile(r"</?[a-zA-Z][\w-]{0,20}:[^<>]*>")
"""`<o:p>`, `<w:LsdException .../>`: Word's own, no element of HTML."""
_SELF_ENDING = VOID | frozenset("p li td th tr dt dd option thead tbody tfoot".split())


def _uncommented(html: str) -> str:
    """HTML without its comments; Word keeps whole documents in them."""
    kept, end = [], 0
    while (start := html.find("<!--", end)) >= 0:
        close = html.find("-->", start + 2)  # `<!-->` is a whole one
        if close < 0:
            break
        kept.append(html[end:start])
        end = close + 3
    return "".join([*kept, html[end:]])


def _bounded(html: str) -> str:
    """HTML whose elements are nested to a depth that takes no parser long: deeper tags go, their text stays."""
    if html.count("<") <= MAX_NESTING:
        return html
    html = _OF_NAMESPACE.sub("", _uncommented(html))
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        if match[2].lower() in _SELF_ENDING:
            return match[0]
        if match[1]:
            depth = max(0, depth - 1)
            return match[0] if depth < MAX_NESTING else ""
        depth += 1
        return match[0] if depth <= MAX_NESTING else ""

    return _TAG.sub(keep, html)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as shown. `start` is its offset in the markup; `quoted` that the client marked it as history;
    `edge` that history begins here and runs to the end; `signature` that the client marked it as one."""

    text: str
    start: int
    quoted: bool = False
    edge: bool = False
    signature: bool = False
    cite: bool = False
    """In a blockquote without any mark: history where an attribution stands above it."""
    ends: bool = False
    """Whether a paragraph or heading ends with it: in plain text a blank line follows."""
    pre: bool = False
    """Whether it stands in preformatted text."""


def lines(markup: str) -> list[Line]:
    """The lines of normalised markup."""
    reader = _Reader(markup)
    reader.feed(markup)
    reader.close()
    reader.end_line()
    return reader.found


_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 table ul ol".split())


class _Reader(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Line] = []
        self._markup = markup
        self._text: list[str] = []
        self._start = 0
        self._visible = Visibility()
        self._marks: list[str] = []
        """The mark of each open element, beside `_visible`."""
        self._counts = dict.fromkeys(("quoted", "cite", "signature", "pre", "container"), 0)
        self._edge = False
        self._tight = False
        self._line_starts = [0]
        for match in re.finditer("\n", markup):
            self._line_starts.append(match.end())

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._line_starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in _BLOCKS or tag == "br":
            if tag == "br" and not self._text:
                self._start = self._offset()
            self.end_line(blank=tag == "br")
        if tag in ("td", "th") and self._text:
            self._text.append("\t")
        if tag == "p":
            self._tight = (
                "mso" in (attributes.get("class") or "").casefold()
            )  # Outlook: a line is a paragraph
        mark = _mark(tag, attributes)
        if mark == "cite" and self._counts["container"]:
            mark = "quoted"
        if mark == "edge":
            self.end_line()
            self._edge, mark = True, ""
            self._start = self._offset()
        if tag not in VOID:
            self._visible.open(tag, attributes)
            mark = "pre" if tag == "pre" else mark
            self._marks.append(mark)
            if mark:
                self._counts[mark] += 1
                if not self._text:
                    self._start = self._offset()
        if tag == "img" and (alt := (attributes.get("alt") or "").strip()) and not is_hidden(attributes):
            self.handle_data(alt)
        if tag == "li" and not self._visible.text_hidden:
            self._put("- ", self._offset())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.end_line(blank=tag == "p")
            if tag in _PARAGRAPHS and not self._tight and self.found and self.found[-1].text:
                self.found[-1] = replace(self.found[-1], ends=True)
        for _ in self._visible.close(tag):
            if mark := self._marks.pop():
                self._counts[mark] -= 1

    def handle_data(self, data: str) -> None:
        if self._visible.text_hidden:
            return
        if self._counts["pre"]:
            at = self._offset()
            for number, piece in enumerate(data.split("\n")):
                if number:
                    at = self._markup.find("\n", at) + 1
                    self.end_line(blank=True)
                self._put(piece, at)
        else:
            self._put(re.sub(r"[ \t\r\n\f]+", " ", data), self._offset())

    def _put(self, text: str, at: int) -> None:
        if text.strip() and not any(piece.strip() for piece in self._text):
            self._start = at
        self._text.append(text)

    def end_line(self, blank: bool = False) -> None:
        """Close the line that is being read; an empty one counts only where the author broke the line."""
        text = "".join(self._text).replace("\u00a0", " ")
        text = re.sub(r" *\t *", "\t", text) if "\t" in text else text
        text = text.rstrip() if self._counts["pre"] else text.strip(" \n\r\f\u200b")
        if text or blank:
            quoted, cite, signature = (self._counts[m] > 0 for m in ("quoted", "cite", "signature"))
            self.found.append(
                Line(
                    text,
                    self._start,
                    quoted,
                    self._edge and bool(text),
                    signature,
                    cite,
                    pre=self._counts["pre"] > 0,
                )
            )
            if text:
                self._edge = False
        self._text = []
        self._start = self._offset()


def _mark(tag: str, attributes: dict[str, str | None]) -> str:
    if not attributes:
        return "cite" if tag == "blockquote" else ""
    classes, identity, style = (attributes.get(n) or "" for n in ("class", "id", "style"))
    if _EDGE_ID.match(identity) or _EDGE_CLASS.search(classes):
        return "edge"
    if tag == "div" and _BORDER_TOP.search(style[:2000]):
        return "edge"
    if _SIGNATURE.search(classes) or _SIGNATURE_ID.match(identity):
        return "signature"
    if tag == "blockquote":
        marked = attributes.get("type") == "cite" or attributes.get("cite") or _SCOPE_CLASS.search(classes)
        return "quoted" if marked else "cite"
    # A container also holds what is written below the quote or in it: there a blockquote is the quote, and the attribution
    # is found by its words.
    if _CONTAINER.search(classes):
        return "container"
    return "quoted" if _SCOPE_CLASS.search(classes) else ""
