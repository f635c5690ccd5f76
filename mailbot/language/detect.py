"""Which language a text is in: by its script, its commonest words, the letters that few languages have, and the two and three
letters that follow one another in its words. All of this is counted in the files beside this one when first asked for."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import repeat

from mailbot.language.lists import codes, entries, of

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
_EXPRESSION = re.compile(r"[\\\[({]")
_NO_PROSE = re.compile(r"\S*(?:@|://|www\.)\S*")
FEW = 20
"""Words whose letters are looked at."""
_WORDS_COUNT = 5.0
"""What a common word counts beside the letters, whose measure is the natural logarithm of how often they follow one another."""
_UNSEEN = 0.1
"""How often letters are taken to follow one another that no word of a language shows."""
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
    found = _WORD.findall(text)
    scores = _by_words(found)
    for letter, times in Counter(_FOREIGN.findall(text)).items():
        for code, weight in _letters().get(letter, ()):
            scores[code] += times * weight
    if not scores and len(found) < 3:  # a name, a number, "ok"
        return "en"
    likely = among or tuple(sorted(codes(), key=lambda code: -scores[code]))
    if len(found) > FEW:  # then the words have told most of it
        likely = likely[:5]
    grams = _grams(found[:FEW])
    best, most = "en", -math.inf
    for code in likely if grams else ():
        known, unknown = _model()[code]
        score = _WORDS_COUNT * scores[code] + sum(map(known.get, grams, repeat(unknown)))
        if score > most:
            best, most = code, score
    return best


def _by_words(found: Iterable[str]) -> defaultdict[str, float]:
    scores: defaultdict[str, float] = defaultdict(float)
    words = _words()
    for word, times in Counter(found).items():
        for code, weight in words.get(word, ()):
            scores[code] += times * weight
    return scores


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


def _grams(words: Iterable[str]) -> list[str]:
    """The pairs and triples of letters in words, where a space stands for a word's beginning and end."""
    found = []
    for word in words:
        spaced = f" {word} "
        found += [spaced[i : i + 2] for i in range(len(spaced) - 1)]
        found += [spaced[i : i + 3] for i in range(len(spaced) - 2)]
    return found


@cache
def _model() -> Mapping[str, tuple[Mapping[str, float], float]]:
    """For each language how likely its pairs and triples of letters are, as logarithms, and one that it does not show."""
    counts = {code: Counter(_grams(_words_shown(code))) for code in codes()}
    kinds = len(set().union(*counts.values()))
    model = {}
    for code, count in counts.items():
        whole = math.log(count.total() + _UNSEEN * kinds)
        known = {gram: math.log(n + _UNSEEN) - whole for gram, n in count.items()}
        model[code] = (known, math.log(_UNSEEN) - whole)
    return model


def _words_shown(code: str) -> list[str]:
    """Words of a language that its file shows: the lists, without what is a regular expression, and the examples of prose."""
    texts = [*entries("words.stop", code), *entries("words.months", code), *entries("words.days", code)]
    texts += [text for key in of(code)["reply"] for text in entries(f"reply.{key}", code)]
    texts = [text for text in texts if not _EXPRESSION.search(text)]
    texts += [text for key in ("detect", "prose") for text in of(code)["examples"][key]]
    return [word for text in texts for word in _WORD.findall(text.casefold())]
