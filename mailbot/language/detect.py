"""Which language a text is in: by its script, then by its commonest words and the letters that few languages have."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from functools import cache

from mailbot.language.lists import codes, entries

LOOKED_AT = 4000
"""Characters of a text that tell enough."""

_SCRIPTS = (
    (("ja",), re.compile(r"[\u3040-\u30ff]"), 0.15),
    (("ko",), re.compile(r"[\uac00-\ud7af]"), 0.3),
    (("zh",), re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"), 0.3),
    (("ru", "uk"), re.compile(r"[\u0400-\u04ff]"), 0.3),
    (("el",), re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]"), 0.3),
    (("he",), re.compile(r"[\u0590-\u05ff]"), 0.3),
    (("ar",), re.compile(r"[\u0600-\u06ff]"), 0.3),
)
"""The languages of a script, its characters, and the share of the letters from which a text is in one of them."""
_LETTER = re.compile(r"[^\W\d_]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"[^\W\d_]+")
_NO_PROSE = re.compile(r"\S*(?:@|://|www\.)\S*")
_EVERYWHERE = 9
"""A word or letter that this many languages have tells nothing."""


def language_of(text: str) -> str:
    """The language of a text as an ISO 639-1 code, one that there is a file for; English in doubt."""
    text = _NO_PROSE.sub(" ", text[:LOOKED_AT].replace("İ", "i")).casefold()
    among: tuple[str, ...] = ()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        among = _by_script(text)
        if len(among) == 1:
            return among[0]
    scores: defaultdict[str, float] = defaultdict(float)
    words = _words()
    for word, times in Counter(_WORD.findall(text)).items():
        for code, weight in words.get(word, ()):
            scores[code] += times * weight
    letters = _letters()
    for letter, times in Counter(_FOREIGN.findall(text)).items():
        for code, weight in letters.get(letter, ()):
            scores[code] += times * weight
    best = max(among or scores, key=lambda code: scores[code], default="en")
    return best if scores[best] > scores["en"] else "en"


def _by_script(text: str) -> tuple[str, ...]:
    letters = len(_LETTER.findall(text)) or 1
    for languages, script, share in _SCRIPTS:
        if len(script.findall(text)) / letters > share:
            return languages
    return ()


@cache
def _words() -> dict[str, tuple[tuple[str, float], ...]]:
    """Each common word, with the languages that have it: the fewer they are, the more it says for each."""
    return _shared({code: frozenset(entries("words.stop", code)) for code in codes()}, 1.0)


@cache
def _letters() -> dict[str, tuple[tuple[str, float], ...]]:
    """Each letter beyond A to Z, with the languages that have it."""
    return _shared({code: frozenset(entries("words.letters", code)) for code in codes()}, 0.5)


def _shared(of: dict[str, frozenset[str]], weight: float) -> dict[str, tuple[tuple[str, float], ...]]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for code, items in of.items():
        for item in items:
            owners[item.casefold()].append(code)
    return {
        item: tuple((code, weight / len(found)) for code in found)
        for item, found in owners.items()
        if len(found) < _EVERYWHERE
    }
