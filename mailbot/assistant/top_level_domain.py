"""The last label of a host name, as the Public Suffix List has it (RFC 8499: top-level domain)."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def is_top_level_domain(label: str) -> bool:
    """Is there a top-level domain of this name? In any case, in Unicode or in punycode (`xn--`).

    Every punycode label counts as one: nobody writes it for anything else.
    """
    label = unicodedata.normalize("NFC", label.lower())
    return label.startswith("xn--") or _listed().publicsuffix(label) is not None


@cache
def _listed() -> PublicSuffixList:
    """The list that the library ships. Nothing is fetched. Read when a dotted word is first judged."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, accept_encoded_idn=False)
