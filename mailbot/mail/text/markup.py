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
MANY = 2000
"""Tags from which on nesting is bounded: the parser's cost grows with the square of the depth."""
MAX_NESTING = 300
MAX_OPEN = 100
"""Elements of one formatting kind that may be left open. HTML opens all of them anew in each paragraph that follows, so that 70 KB
of markup would grow into gigabytes (WHATWG HTML 13.2.4.3)."""
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,12})[^<>]*>")
_OF_NAMESPACE = re.compile(r"</?[a-zA-Z][\w-]{0,20}:[^<>]*>")
"""`<o:p>`, `<w:LsdException .../>`: Word's own, no element of HTML."""
_SELF_ENDING = VOID | frozenset("p li td th tr dt dd option thead tbody tfoot".split())


def tree(html: str) -> LexborNode | None:
    """The root of the tree of any text taken for HTML; None if there is nothing in it."""
    return LexborHTMLParser(_bounded(html)).root


def all_text(html: str) -> str:
    """The words of HTML, those that are hidden by style among them; tags part words."""
    root = tree(html)
    return " ".join(_texts(root)) if root else ""


def _texts(root: LexborNode) -> Iterator[str]:
    unseen = 0
    node: LexborNode | None = root
    while node is not None:
        if node.is_text_node:
            if not unseen:
                yield node.text_content or ""
        elif (child := node.first_child) is not None:
            unseen += node.tag in UNSEEN
            node = child
            continue
        while node is not None and node.next is None:
            node = node.parent
            if node is not None:
                unseen -= node.tag in UNSEEN
        node = node.next if node is not None else None


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
    """HTML that no parser takes long for: tags that are nested too deeply go, and formatting that is never closed; the text stays."""
    if html.count("<") <= MANY:
        return html
    html = _OF_NAMESPACE.sub("", _uncommented(html))
    depth = 0
    left_open: Counter[str] = Counter()

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        name = match[2].lower()
        if name in _SELF_ENDING:
            return match[0]
        if name in _FORMATTING:
            left_open[name] = max(0, left_open[name] + (-1 if match[1] else 1))
            if left_open[name] > MAX_OPEN:
                return ""
        if match[1]:
            depth = max(0, depth - 1)
            return match[0] if depth < MAX_NESTING else ""
        depth += 1
        return match[0] if depth <= MAX_NESTING else ""

    return _TAG.sub(keep, html)
