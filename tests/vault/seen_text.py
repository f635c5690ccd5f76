"""What a reader sees of HTML, read in another way than the product reads it: nh3 (html5ever) makes it well-formed, the standard
library's parser walks it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3

from mailbot.mail.text.visibility import look

_VOID = frozenset("area br col hr img input wbr".split())
_UNSEEN = {"script", "style", "title", "template", "noscript", "object", "iframe", "svg", "math"}
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code em font i kbd label mark q s samp small span strong sub sup tt u".split()
)
_ATTRIBUTES = {"*": {"class", "id", "style", "hidden"}, "img": {"src", "alt", "width", "height"}}


def seen_text(html: str) -> str:
    """The words that are shown, each block on lines of its own; alternative texts of pictures count."""
    tags = nh3.ALLOWED_TAGS | {"font", "main", "section", "input", "label", "button", "form", "big"}
    reader = _Reader()
    reader.feed(nh3.clean(html, tags=tags, attributes=_ATTRIBUTES, clean_content_tags=_UNSEEN, link_rel=None))
    reader.close()
    return re.sub(r"[ \t\r\f]+", " ", "".join(reader.words))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._open: list[tuple[str, bool, bool]] = [("", False, False)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        _, hidden, tiny = self._open[-1]
        seen = look(attributes)
        if tag not in _INLINE:
            self.words.append("\n")
        if tag == "img" and not (hidden or tiny or seen.hidden):
            self.words.append(attributes.get("alt") or "")
        if tag not in _VOID:
            self._open.append((tag, hidden or seen.hidden, tiny if seen.tiny is None else seen.tiny))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.words.append("\n")
        if any(name == tag for name, _, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not (self._open[-1][1] or self._open[-1][2]):
            self.words.append(data)
