"""Links and pictures in HTML: whether two links lead to one place, and which pictures are only there to report."""

from __future__ import annotations

import re
from collections.abc import Mapping


def place(url: str) -> str:
    """A URL as far as two spellings of it may differ and still lead to one place: scheme, host in lower case, last slash."""
    url = re.sub(r"^(mailto:|https?://)", "", url.strip(), flags=re.IGNORECASE).removesuffix("/")
    host, slash, rest = url.partition("/")
    return host.casefold() + slash + rest


def is_tiny(attributes: Mapping[str, str | None]) -> bool:
    """A picture of at most 2 by 2 pixels: it is there to report that the mail was opened."""
    sizes = [re.match(r"\s*(\d{1,6})", attributes.get(name) or "") for name in ("width", "height")]
    style = (attributes.get("style") or "")[:4000]
    styled = re.findall(r"(?:^|[;\s])(?:max-)?(?:width|height)\s*:\s*(\d{1,6})px", style)
    numbers = [int(m[1]) for m in sizes if m] + [int(n) for n in styled]
    return bool(numbers) and max(numbers) <= 2
