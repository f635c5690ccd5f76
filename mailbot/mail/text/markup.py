"""A stranger's HTML made safe to parse: well-formed, without scripts or comments, and of bounded nesting."""

from __future__ import annotations

import re
from html import unescape

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
VOID = frozenset("area br col hr img input wbr".split())


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
