"""HTML mail -> the lines a reader sees, each with where it starts in the markup and whether it is quoted.

One reading of the markup serves two ends: the plain text of an HTML mail, and cutting the markup itself at the
line where quoted history begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser

from mailbot.mail.text.markup import VOID
from mailbot.mail.text.visibility import Visibility, is_hidden

_BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section table tr ul".split()
)

# What clients mark quoted history with. A *scope* ends with its element; an *edge* is followed by nothing but history.
_SCOPES = (
    "gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "hs_reply_quote",
    "quoted_text", r"ydp\w*yahoo-quoted", "iPhone_quote",
)  # fmt: skip
_SCOPE_CLASS = re.compile(rf"(^|\s)({'|'.join(_SCOPES)})(\s|$)", re.IGNORECASE)
_CONTAINER = re.compile(r"(^|\s)(gmail_quote(_container)?|protonmail_quote|zmail_extra)(\s|$)", re.IGNORECASE)
_EDGES = (
    "divRplyFwdMsg", "appendonsend", "replySplit", "stopSpelling", "mail-editor-reference-message-container",
    "ms-outlook-mobile-reference", "OLK_SRC_BODY_SECTION", "origbody", "reply-intro", "isReplyContent", "isForwardContent", "qt",
    "orc-full-body-initial-text",
)  # fmt: skip
_EDGE_ID = re.compile(rf"^(x_)*({'|'.join(_EDGES)})$")
_EDGE_CLASS = re.compile(r"(^|\s)(OutlookMessageHeader|yahoo-quoted-begin)(\s|$)")
_BORDER_TOP = re.compile(
    r"border(-top)?\s*:\s*(none\s*;\s*border-top\s*:\s*)?solid\s+#?(E1E1E1|B5C4DF|C4C4C4|ccc)", re.IGNORECASE
)
_SIGNATURES = (
    "gmail_signature", "gmail_signature_prefix", "moz-signature", "protonmail_signature_block", "yahoo-signature",
    "ms-outlook-mobile-signature", "ms-outlook-ios-signature", "x_?Signature",
)  # fmt: skip
_SIGNATURE = re.compile(rf"(^|\s)({'|'.join(_SIGNATURES)})(\s|$)", re.IGNORECASE)
_SIGNATURE_ID = re.compile(r"^(x_)*(Signature|divtagdefaultwrapper-signature|ms-outlook-mobile-signature"
                           r"|AppleMailSignature|composer_signature)$")  # fmt: skip


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
