"""Text -> whom it names: by name, alias, a shorter form, with the endings that languages hang on a name."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from mailbot.language.lists import entries, every
from mailbot.language.phrases import Phrases

KEY = 4
"""Characters of a name's first word by which it is looked up."""
ENDING = 3
"""Letters that may hang on a name: `Acmes`, `Annan`, `Marcusról`."""
SHORTEST = 2
"""Letters of a name, at least: `Al`."""
LONGEST = 8
"""Words of a name."""

_WORD = re.compile(r"[^\W_]+")
_MONTH = Phrases(r"(?:{{words.months}}|{{matter.month}})$")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


@dataclass(frozen=True, slots=True)
class Name:
    """What a party goes by; `part` is a first or last name alone, `person` says that it is a person's."""

    party: int
    text: str
    part: bool = False
    person: bool = False


@dataclass(frozen=True, slots=True)
class _Form:
    words: tuple[str, ...]
    party: int
    part: bool
    person: bool


def folded(text: str) -> str:
    """Text in the form that names are compared in: no case, no accents, single spaces between its words."""
    return " ".join(_WORD.findall(_plain(text)))


_LETTERS = str.maketrans(
    {"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_AND = frozenset({"und", "and", "et", "y", "e", "en", "og", "och"})
"""What may stand for the `&` of a name: neither counts."""


def _spellings(name: str) -> Iterator[tuple[str, ...]]:
    """The words of a name, and those of its spelling without umlauts."""
    for text in dict.fromkeys((name, name.casefold().translate(_UMLAUTS))):
        words = folded(_joined(text)).split()
        kept = [w for w in words if w not in _AND] if len(words) > 1 else words
        yield tuple(kept[:LONGEST])


def _plain(text: str) -> str:
    if text.isascii():
        return text.casefold()
    parted = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(c for c in parted if not unicodedata.combining(c)))


class Names:
    """The names of all parties, to be found in texts."""

    def __init__(self, names: Iterable[Name], is_common: Callable[[str], bool]) -> None:
        """`is_common` says of a word in lower case whether the vault uses it as a common word too."""
        self._forms: dict[str, set[_Form]] = defaultdict(set)
        self._unspaced: dict[str, set[int]] = defaultdict(set)
        self._exact: dict[str, set[int]] = defaultdict(set)
        self._common: dict[str, bool] = {}
        self._is_common = is_common
        for name in names:
            if _UNSPACED.search(name.text):
                if len(name.text) > 1:
                    self._unspaced[unicodedata.normalize("NFC", name.text)].add(name.party)
                continue
            for words in _spellings(name.text):
                self._put(words, name)

    def _put(self, words: tuple[str, ...], name: Name) -> None:
        if words:
            if len(words) == 1 and len(words[0]) < SHORTEST:
                return
            self._exact[" ".join(words)].add(name.party)
            form = _Form(words, name.party, name.part, name.person)
            for key in {words[0][:KEY], _stem(words[0])[:KEY]}:
                self._forms[key].add(form)

    def resolve(self, name: str) -> frozenset[int]:
        """The parties that go by exactly this name."""
        if _UNSPACED.search(name):
            return frozenset(self._unspaced.get(unicodedata.normalize("NFC", name.strip()), ()))
        return frozenset(p for words in _spellings(name) for p in self._exact.get(" ".join(words), ()))

    def named_in(self, text: str) -> Iterator[frozenset[int]]:
        """For each name in a text the parties that it may mean: several where they share it. A longer name is taken before the
        shorter one in it."""
        if self._unspaced and _UNSPACED.search(text):
            shown = unicodedata.normalize("NFC", text)
            yield from (frozenset(found) for name, found in self._unspaced.items() if name in shown)
        found: dict[frozenset[int], None] = {}
        for reading in _readings(text):
            for meant in self._in_words(reading):
                found.setdefault(meant)
        yield from found

    def _in_words(self, text: str) -> Iterator[frozenset[int]]:
        written = [(m[0], _plain(m[0])) for m in _WORD.finditer(text)]
        words = [(w, part) for w, p in written for part in p.split() or [p] if p not in _AND]
        at = 0
        while at < len(words):
            length, found = self._at(words, at)
            if found:
                yield frozenset(found)
            at += max(1, length)

    def _at(self, words: list[tuple[str, str]], at: int) -> tuple[int, set[int]]:
        """(how many words the longest name here has, whom it may mean)."""
        shown, first = words[at]
        best, found = 0, set[int]()
        for key in {first[:KEY], first[: KEY - 1], first[:SHORTEST]}:
            for form in self._forms.get(key, ()):
                size = len(form.words)
                if size < best or not self._matches(form, words, at, shown):
                    continue
                if size > best:
                    best, found = size, set()
                found.add(form.party)
        return best, found

    def _matches(self, form: _Form, words: list[tuple[str, str]], at: int, shown: str) -> bool:
        size = len(form.words)
        if at + size > len(words):
            return False
        if not all(_is_form_of(words[at + n][1], form.words[n]) for n in range(size)):
            return False
        if size > 1:
            return True
        if len(form.words[0]) == SHORTEST and words[at][1] != form.words[0] and not form.person:
            return False  # `its` is not the IT's
        # One word: a person's name alone is never in lower case; a company's only where it is no common word too. A common word
        # with a capital is one in German, where an article stands before it.
        if shown[:1].islower():
            return not form.person and not self._common_word(form.words[0])
        if form.part and self._is_in_date(words, at):
            return False
        article = at > 0 and words[at - 1][1] in _GERMAN_ARTICLES
        return not (article and not form.person and form.words[0] in _german_nouns())

    def _is_in_date(self, words: list[tuple[str, str]], at: int) -> bool:
        """Whether a word is a month beside a number: `28 April`, `May 2027`."""
        beside = (words[n][1] for n in (at - 1, at + 1) if 0 <= n < len(words))
        return _MONTH.match(words[at][1]) is not None and any(w[0].isdigit() for w in beside)

    def _common_word(self, word: str) -> bool:
        if word not in self._common:
            self._common[word] = word in _common_nouns() or self._is_common(word)
        return self._common[word]


ARTICLES = "[Aa]n?|[Tt]he|[Ll]es?|[Ll]a|[Uu]ne?|[Dd]es|[Ee]l|[Ll]os|[Ll]as|[Uu]na?|[Ii]l|[Ll]o|[Dd]e|[Hh]et|[Ee]en|[Ee]tt?|[Oo]s?"
"""Of the languages that write nouns in lower case."""
_GERMAN_ARTICLES = frozenset(
    "der die das den dem des ein eine einen einem einer eines im am zur zum vom ins beim".split()
)


@cache
def _common_nouns() -> frozenset[str]:
    return frozenset(folded(noun) for noun in every("vault.common_noun"))


@cache
def _german_nouns() -> frozenset[str]:
    return frozenset(folded(noun) for noun in entries("vault.common_noun", "de"))


_ELISION = re.compile(
    r"(?<!\w)(?:[ldjmnstc]|qu|jusqu|lorsqu|puisqu|dell|all|nell|sull|dall|un|quell)['’´`](?=\w)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])|(?<=[^\W\d_])(?=\d)")
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]|(?<=\\w)(?:\\*\\*|__|==)(?=\\w)|&shy;")


def _readings(text: str) -> Iterator[str]:
    """A text as names may stand in it: with what is hidden in a word taken out, and then with elisions (`d'Acme`), joined words
    (`#AcmeFoods`) and codes (`Acme%20Foods`) taken apart."""
    bare = _HIDDEN.sub("", text)
    yield _joined(bare)
    apart = _CAMEL.sub(" ", _ELISION.sub(" ", bare.replace("%20", " ")))
    if apart != bare:
        yield _joined(apart)


def _joined(text: str) -> str:
    """Text in which a possessive is an ending, and an apostrophe in a name parts nothing: `Acme's`, `O’Neil`."""
    return re.sub(r"(?<=\w)['’´`](?=\w)", "", text)


def _is_form_of(word: str, name: str) -> bool:
    """Whether a word is a name or a form of it: with an ending, or with another last vowel (`Marta`, `Martę`, `Martą`)."""
    if word == name:
        return True
    if len(name) < KEY - (not name.isascii()) or not name.isalpha() or not word.isalpha():
        # Short names have but the endings of a genitive.
        return len(name) > 1 and name.isalpha() and word in (f"{name}s", f"{name}es")
    if word.startswith(name):
        return len(word) - len(name) <= ENDING
    stem = _stem(name)
    return stem != name and word.startswith(stem) and 0 < len(word) - len(stem) <= ENDING


def _stem(name: str) -> str:
    """A name without its last vowel, if what is left still tells: in Latin letters four of them."""
    shortest = KEY if name.isascii() else KEY - 1
    return name[:-1] if name[-1:] in tuple("aeiouyаеиоуыяіїёюьй") and len(name) > shortest else name


def is_common(word: str, bodies: Iterable[str]) -> bool:
    """Whether a word of a name stands in these texts as a common word: in lower case, behind an article."""
    used = re.compile(rf"(?<!\w)(?:{ARTICLES}) {re.escape(word)}s?(?!\w)")
    return any(used.search(body) for body in bodies)
