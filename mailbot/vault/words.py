"""Text -> the words that a search compares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from mailbot.language.detect import language_of
from mailbot.language.lists import entries

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_CJK_CHARACTER = re.compile(f"([{_CJK}])")
_WORD = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+(?:['’][^\\W_{_CJK}]+)?")


def fold(text: str) -> str:
    """What the index holds: characters of scripts without spaces set apart, so that each is a word of its own."""
    return text if text.isascii() else _CJK_CHARACTER.sub(r" \1 ", unicodedata.normalize("NFC", text))


@cache
def stop_words(code: str) -> frozenset[str]:
    """The commonest words of a language, those that stand in any question whatever it is about, and those of English."""
    return frozenset(entries("words.stop", code)) | frozenset(entries("words.stop", "en"))


def query_terms(text: str) -> list[str]:
    """The words of a question worth searching for, in order, each once, without the stop words of its language.

    A run of Chinese, Japanese or Korean characters gives its pairs of neighbours, as nothing says where a word ends; a
    question of nothing but stop words keeps them.
    """
    tokens: Iterable[str] = (
        m[0].replace("’", "'").casefold() for m in _WORD.finditer(unicodedata.normalize("NFC", text))
    )
    every = list(dict.fromkeys(term for t in tokens for term in _terms(t)))
    stop = stop_words(language_of(text))
    kept = [t for t in every if t not in stop and not set(t.split("'")) <= stop]
    return kept or every


def _terms(token: str) -> list[str]:
    if len(token) > 2 and _CJK_CHARACTER.fullmatch(token[0]):
        return [token[i : i + 2] for i in range(len(token) - 1)]
    return [token.removesuffix("'s")]


def proper_names(text: str) -> frozenset[str]:
    """The terms of a question that are names or addresses: written with a capital where no sentence begins, or with an @."""
    found: set[str] = set()
    for piece in re.split(r"(?<=[.!?:\n])\s+", unicodedata.normalize("NFC", text)):
        for number, match in enumerate(_WORD.finditer(piece)):
            beside = piece[max(0, match.start() - 1) : match.start()] + piece[match.end() : match.end() + 1]
            if (number and match[0][:1].isupper()) or "@" in beside:
                found.update(_terms(match[0].replace("’", "'").casefold()))
    return frozenset(found)
