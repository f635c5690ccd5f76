"""A stranger's HTML -> a tree, by Lexbor: bounded in depth, so that no markup takes long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input link meta param source track wbr".split()
)
UNSEEN = frozenset(
    "head script style title template noscript object iframe svg math noframes noembed".split()
)
"""Elements whose text no reader is shown."""
MANY = 300
"""Tags from which on what would grow is bounded."""
MAX_NESTING = 300
MAX_OPEN = 12
"""Formatting elements that may be open. HTML opens all of them anew in each paragraph that follows, so that 70 KB of markup would
grow into gigabytes (WHATWG HTML 13.2.4.3)."""
_FORMATTING = frozenset("b big code em font i s small strike strong tt u".split())
_SELF_ENDING = VOID | frozenset("p li td th tr dt dd option thead tbody tfoot".split())
_RAW = frozenset("script style textarea title xmp iframe noembed noframes noscript plaintext".split())
"""Elements whose content is text: what looks like an end tag there ends nothing."""
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)"""
_ATTRIBUTES = rf"(?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+{_VALUE})?+){{0,80}}+"
_COMMENT = r"<!--(?:-?>|.*?(?:--!?>|\Z))"
_TAG = re.compile(rf"{_COMMENT}|<(/?)([a-zA-Z][^\s/>]*+)(?:({_ATTRIBUTES}>)|)", re.DOTALL)
"""A comment or a tag, as a browser's tokenizer parts them (WHATWG HTML 13.2.5). Of a tag with very many attributes only its name."""


def tree(html: str) -> LexborNode | None:
    """The root of the tree of any text taken for HTML; None if there is nothing in it."""
    return LexborHTMLParser(_bounded(html)).root


def all_text(html: str) -> str:
    """The words of HTML, those that are hidden by style among them, and what pictures are said to show; tags part words."""
    root = tree(html)
    return " ".join(_texts(root)) if root else ""


def _texts(root: LexborNode) -> Iterator[str]:
    unseen = 0
    node: LexborNode | None = root
    while node is not None:
        if node.is_text_node:
            if not unseen:
                yield node.text_content or ""
        elif node.tag == "img":
            yield node.attributes.get("alt") or ""
        elif (child := node.first_child) is not None:
            unseen += node.tag in UNSEEN
            node = child
            continue
        while node is not None and node.next is None:
            node = node.parent
            if node is not None:
                unseen -= node.tag in UNSEEN
        node = node.next if node is not None else None


def _bounded(html: str) -> str:
    """HTML that no parser takes long for: tags that are nested too deeply go, and formatting that is not closed; the text stays.

    Whoever writes markup to deceive this is taken to open more than they do: then some words lose their dress.
    """
    if html.count("<") <= MANY:
        return html
    count = _Open()
    return _TAG.sub(
        lambda tag: tag[0] if tag[2] is None or count.keeps(tag[2].lower(), bool(tag[1])) else "<!---->", html
    )


class _Open:
    """The elements that are open at some place of a text."""

    def __init__(self) -> None:
        self._names: Counter[str] = Counter()
        self._depth = self._formatting = 0
        self._raw = ""

    def keeps(self, name: str, ends: bool) -> bool:
        """Whether the next tag stays."""
        if self._raw and not (ends and name == self._raw):
            ends = False  # it ends nothing there; taken for a start tag it does no harm
        elif name in _RAW:
            self._raw = "" if ends else name
        if name in _SELF_ENDING:
            return True
        if ends:
            return self._closed(name)
        if name in _FORMATTING:
            if self._formatting >= MAX_OPEN:
                return bool(self._raw)
            self._formatting += 1
        self._names[name] += 1
        self._depth += 1
        return self._depth <= MAX_NESTING

    def _closed(self, name: str) -> bool:
        if not self._names[name]:
            return True  # it ends nothing: a parser passes over it
        self._names[name] -= 1
        self._formatting -= name in _FORMATTING
        self._depth -= 1
        return self._depth < MAX_NESTING
