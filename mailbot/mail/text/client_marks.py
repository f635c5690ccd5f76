"""What mail clients mark quoted history and signatures with in HTML: classes, ids and styles of elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

# What clients mark quoted history with. A *scope* ends with its element; an *edge* is followed by nothing but history.
_SCOPE_CLASSES = frozenset(
    "gmail_quote gmail_quote_container yahoo_quoted protonmail_quote tutanota_quote zmail_extra hs_reply_quote quoted_text"
    " iphone_quote".split()
)
_CONTAINERS = frozenset("gmail_quote gmail_quote_container protonmail_quote zmail_extra".split())
_EDGE_CLASSES = frozenset(("OutlookMessageHeader", "yahoo-quoted-begin"))
_EDGE_IDS = frozenset(
    "divRplyFwdMsg appendonsend replySplit stopSpelling mail-editor-reference-message-container ms-outlook-mobile-reference"
    " OLK_SRC_BODY_SECTION origbody reply-intro isReplyContent isForwardContent qt orc-full-body-initial-text".split()
)
_BORDER_TOP = re.compile(
    r"border(-top)?\s*:\s*(none\s*;\s*border-top\s*:\s*)?solid\s+#?(E1E1E1|B5C4DF|C4C4C4|ccc)", re.IGNORECASE
)
_SIGNATURE_CLASSES = frozenset(
    "gmail_signature gmail_signature_prefix moz-signature protonmail_signature_block yahoo-signature"
    " ms-outlook-mobile-signature ms-outlook-ios-signature x_signature xsignature signature".split()
)
_SIGNATURE_IDS = frozenset(
    "Signature divtagdefaultwrapper-signature ms-outlook-mobile-signature AppleMailSignature composer_signature".split()
)


def mark_of(name: str, attributes: Mapping[str, str | None]) -> str:
    """`quoted`, `cite` (a blockquote without any mark), `edge`, `container`, `signature`, or empty for an element without a mark."""
    if not attributes:
        return "cite" if name == "blockquote" else ""
    get = attributes.get
    found = _mark_named(name, get("class") or "", get("id") or "", (get("style") or "")[:2000])
    if found == "cite" and (get("type") == "cite" or get("cite")):
        return "quoted"
    return found


@lru_cache(maxsize=256)
def _mark_named(name: str, classes: str, identity: str, style: str) -> str:
    named = frozenset(classes.split())
    identity = re.sub(r"^(x_)+", "", identity)
    if identity in _EDGE_IDS or not named.isdisjoint(_EDGE_CLASSES):
        return "edge"
    if name == "div" and "border" in style.lower() and _BORDER_TOP.search(style):
        return "edge"
    folded = frozenset(c.casefold() for c in named)
    if not folded.isdisjoint(_SIGNATURE_CLASSES) or identity in _SIGNATURE_IDS:
        return "signature"
    scope = not folded.isdisjoint(_SCOPE_CLASSES) or any(
        c.startswith("ydp") and c.endswith("yahoo-quoted") for c in folded
    )
    if name == "blockquote":
        return "quoted" if scope else "cite"
    # A container also holds what is written below the quote or in it: there a blockquote is the quote, and the attribution
    # is found by its words.
    if not folded.isdisjoint(_CONTAINERS):
        return "container"
    return "quoted" if scope else ""
