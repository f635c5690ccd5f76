"""Properties and links as they are written -> the form in which they are compared."""

from __future__ import annotations

import unicodedata


def name_key(name: str) -> str:
    """A name in the form it is compared in: case, spaces and the two spellings of an accent aside."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def target(link: str) -> str:
    """A wikilink's target, or a note's path, in the form it is compared in: no ending, no case, one spelling of an accent."""
    plain = link.strip().removesuffix(".md").casefold()
    return plain if plain.isascii() else unicodedata.normalize("NFC", plain)


def strings(value: object) -> list[str]:
    """A property that may be text, a list of texts, or nothing."""
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value if v is not None]
    if value is None or isinstance(value, (dict, bool)):
        return []
    return [part.strip() for part in str(value).split(",") if part.strip()]


def whole(value: object) -> list[str]:
    """A property as texts, each as it stands: a comma parts nothing. A link that was not quoted is a list in a list to YAML."""
    if not isinstance(value, (list, tuple)):
        return [str(value)] if value else []
    return [f"[[{', '.join(map(str, v))}]]" if isinstance(v, (list, tuple)) else str(v) for v in value]
