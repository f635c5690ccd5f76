"""The last label of a host name, as the Public Suffix List has it (RFC 8499: top-level domain)."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path


def is_top_level_domain(label: str) -> bool:
    """Is there a top-level domain of this name? In any case, in Unicode or in punycode (`xn--`).

    Every punycode label counts as one: nobody writes it for anything else.
    """
    label = unicodedata.normalize("NFC", label.lower())
    return label.startswith("xn--") or label in _listed()


@cache
def _listed() -> frozenset[str]:
    """The last labels of all rules of the list that the library ships: `za` has no rule of its own, only `co.za` and others.

    Read when a dotted word is first judged. Nothing is fetched.
    """
    from publicsuffixlist import PSLFILE

    lines = Path(PSLFILE).read_text(encoding="utf-8").splitlines()
    rules = (line.split(maxsplit=1)[0] for line in lines if line.strip() and not line.startswith("//"))
    return frozenset(rule.rpartition(".")[2].lstrip("!").lower() for rule in rules)
