"""HTML mail -> the lines a reader sees, each with where it starts in the markup and whether it is quoted.

One reading of the markup serves two ends: the plain text of an HTML mail, and cutting the markup itself at the
line where quoted history begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
_VOID = frozenset("area br col hr img input wbr".split())

# What clients mark quoted history with. A *scope* ends with its element; an *edge* is followed by nothing but history.
_SCOPE_CLASS = re.compile(
    r"(^|\s)(gmail_quote|gmail_quote_container|yahoo_quoted"
    r"|protonmail_quote|tutanota_quote|zmail_extra|hs_reply_quote|quoted_text|ydp\w*yahoo-quoted|iPhone_quote)(\s|$)",
    re.IGNORECASE,
)
_EDGE_ID = re.compile(
    r"^(x_)*(divRplyFwdMsg|appendonsend|replySplit|stopSpelling|mail-editor-reference-message-container"
    r"|lineBreakAtBeginningOfMessage|ms-outlook-mobile-reference|OLK_SRC_BODY_SECTION|origbody|reply-intro"
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
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(px|pt|em|%)?\s*(;|$|!)|mso-hide\s*:\s*all"
    r"|(max-)?(height|width)\s*:\s*0(px)?\s*;.*overflow\s*:\s*hidden|overflow\s*:\s*hidden\s*;.*(max-)?(height|width)\s*:\s*0(px)?\s*(;|$)"
    r"|opacity\s*:\s*0(\.0+)?\s*(;|$|!)|text-indent\s*:\s*-\d{3,}|(left|top)\s*:\s*-\d{4,}px",
    re.IGNORECASE,
)


def is_hidden(attributes: dict[str, str | None]) -> bool:
    """Whether an element with these attributes is not shown to a reader."""
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def normalised(html: str) -> str:
    """Well-formed markup with the same visible text: no script, style, comment or event handler (nh3)."""
    return nh3.clean(
        html,
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


def lines(markup: str) -> list[Line]:
    """The lines of normalised markup."""
    reader = _Reader(markup)
    reader.feed(markup)
    reader.close()
    reader.end_line()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Line] = []
        self._text: list[str] = []
        self._start = 0
        self._open: list[tuple[str, str]] = []
        self._pre = 0
        self._edge = False
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
        mark = self._mark(tag, attributes)
        if mark == "edge":
            self.end_line()
            self._edge, mark = True, ""
            self._start = self._offset()
        if tag == "img" and (alt := (attributes.get("alt") or "").strip()) and not self._hidden:
            self._put(alt)
        if tag == "li" and not self._hidden:
            self._put("- ")
        if tag not in _VOID:
            self._open.append((tag, mark))
            self._pre += tag == "pre"
        if mark and not self._text:
            self._start = self._offset()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.end_line(blank=tag == "p")
        if any(open_tag == tag for open_tag, _ in self._open):
            while self._open:
                closed, _ = self._open.pop()
                self._pre -= closed == "pre"
                if closed == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._pre:
            for number, piece in enumerate(data.split("\n")):
                if number:
                    self.end_line(blank=True)
                self._put(piece)
        else:
            self._put(re.sub(r"[ \t\r\n\f]+", " ", data))

    def _put(self, text: str) -> None:
        if text.strip() and not "".join(self._text).strip():
            self._start = self._offset()
        self._text.append(text)

    @property
    def _hidden(self) -> bool:
        return any(mark == "hidden" for _, mark in self._open)

    @staticmethod
    def _mark(tag: str, attributes: dict[str, str | None]) -> str:
        classes, identity, style = (attributes.get(n) or "" for n in ("class", "id", "style"))
        if is_hidden(attributes):
            return "hidden"
        if (
            _EDGE_ID.match(identity)
            or _EDGE_CLASS.search(classes)
            or (tag == "div" and _BORDER_TOP.search(style))
        ):
            return "edge"
        if _SIGNATURE.search(classes) or _SIGNATURE_ID.match(identity):
            return "signature"
        if _SCOPE_CLASS.search(classes):
            return "quoted"
        if tag == "blockquote":
            marked = attributes.get("type") == "cite" or attributes.get("cite")
            return "quoted" if marked or "border-left" in style else "cite"
        return ""

    def end_line(self, blank: bool = False) -> None:
        """Close the line that is being read; an empty one counts only where the author broke the line."""
        text = re.sub(r"[ \u00a0]*\t[ \u00a0]*", "\t", "".join(self._text)) if self._text else ""
        text = text.replace("\u00a0", " ")
        text = text.rstrip() if self._pre else text.strip(" \n\r\f\u200b")
        marks = {mark for _, mark in self._open}
        if text or blank:
            start = self._start
            self.found.append(
                Line(
                    text,
                    start,
                    "quoted" in marks,
                    self._edge and bool(text),
                    "signature" in marks,
                    "cite" in marks,
                )
            )
            if text:
                self._edge = False
        self._text = []
        self._start = self._offset()
