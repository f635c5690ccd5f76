"""What is a person's private side: family, health, pay, performance, plans. By words and headings, a list a language."""

from __future__ import annotations

import re
from functools import cache

from mailbot.language.phrases import Phrases, lowered

_HEADING = Phrases(r"\W*(?:{{vault.personal_heading}})\W*$")
_CONTACT = Phrases(r"\W*(?:{{vault.contact_heading}})\W*$")
_ENGLISH = "en"


def is_personal(text: str, language: str) -> bool:
    """Whether a text in this language speaks of somebody's private side."""
    return bool(_words(language).search(lowered(text)))


def under_personal(headings: tuple[str, ...]) -> bool:
    """Whether a piece stands under a heading such as `Background` or `Family`."""
    return any(_HEADING.match(lowered(_bare(h))) for h in headings)


def under_contact(headings: tuple[str, ...]) -> bool:
    """Whether a piece stands under a heading that says who somebody is and how to reach them: `Profile`, `Contact`."""
    return any(_CONTACT.match(lowered(_bare(h))) for h in headings)


@cache
def _words(language: str) -> Phrases:
    return Phrases(r"{{vault.personal}}", codes=tuple(dict.fromkeys((language, _ENGLISH))))


def _bare(heading: str) -> str:
    return re.sub(r"[#*_:]+", " ", heading).strip()
