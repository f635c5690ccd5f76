"""Wikilinks in properties: a note behind the words that stood there."""

from __future__ import annotations

import re

_LINK = re.compile(r"\[\[([^\[\]|\n]*)(?:\|([^\[\]\n]*))?\]\]")
_BREAKS = re.compile(r"[\[\]|#^]")


def wikilink(path: str) -> str:
    """A link to a note, by its path in the vault."""
    return f"[[{path.removesuffix('.md')}]]"


def linked(text: str, path: str) -> str:
    """`text` as a link to a note, shown as it was; the text alone where a link cannot hold the path."""
    target = path.removesuffix(".md")
    if _BREAKS.search(target) or not text:
        return text
    shown = " ".join(re.sub(r"[\[\]|]", " ", text).split())
    return f"[[{target}|{shown}]]"


def unlinked(text: str) -> str:
    """The words of a property, with each link as it is shown."""
    return _LINK.sub(lambda m: m[2] if m[2] is not None else m[1], text) if "[[" in text else text
