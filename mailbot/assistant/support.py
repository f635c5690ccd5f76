"""What a statement rests on: whether the passages that were given carry it. Code checks it; the model only claims it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

from mailbot.assistant.facts import Carrier
from mailbot.language.detect import language_of
from mailbot.language.phrases import Phrases, lowered
from mailbot.vault.words import query_terms

_DAYS = Phrases("{{matter.weekday}}|{{matter.day}}")
_COMMITMENT = Phrases("{{matter.commitment}}")
_AGREEMENT = Phrases("{{matter.agreement}}")
_SIGN = "[$€£¥₽₴₺₩]"
_MONEY = Phrases(
    rf"{{{{matter.money}}}}|{_SIGN}\s?\d|(?<![\d.,])\d[\d.,\u00a0 ]{{0,20}}(?:{_SIGN}|{{{{matter.currency}}}}|k€)"
)
_CONTRACT = Phrases("{{matter.contract}}")
_DATED = Phrases(
    r"{{matter.month}}|\b\d{4}-\d\d-\d\d\b|\b\d{1,2}[./]\d{1,2}(?:[./]\d{2,4})?\b"
    r"|\b\d{1,2}(?::\d\d| ?[ap]m\b| uhr\b| ?h\d\d)"
)


def matters(text: str) -> tuple[str, ...]:
    """What of consequence a text speaks of: money, a contract, a date, a commitment."""
    said = re.sub(r"\s+", " ", lowered(text))
    found = (
        ("money", _MONEY.search(said)),
        ("a contract", _CONTRACT.search(said)),
        ("a date", _DAYS.search(said) or _DATED.search(said)),
        ("a commitment", _COMMITMENT.search(said)),
    )
    return tuple(what for what, there in found if there)


def uncarried(text: str, given: Iterable[str], day: date | None = None) -> list[str]:
    """The hard facts of a text that none of the given texts has, as they are written. `day` is what a "tomorrow" in them counts
    from."""
    return list(dict.fromkeys(f.shown for f in Carrier(given, day).missing(text)))


def binds(sentence: str) -> bool:
    """Whether a sentence promises something, agrees to something or accepts it."""
    said = re.sub(r"\s+", " ", lowered(sentence))
    return bool(_COMMITMENT.search(said) or _AGREEMENT.search(said))


def supports(statement: str, sources: Iterable[str], day: date | None = None) -> bool:
    """Whether these passages can carry a statement: every hard fact of it stands in them, and where both are in one
    language they share at least one word that tells."""
    whole = "\n".join(sources)
    if not whole:
        return False
    carrier, language, words = _read(whole, day)
    if carrier.missing(statement):
        return False
    if language_of(statement) != language or not statement.isascii():
        return True
    return not words.isdisjoint(content_words(statement))


@lru_cache(maxsize=64)
def _read(text: str, day: date | None) -> tuple[Carrier, str, frozenset[str]]:
    """A passage as statements are held against it: many statements rest on one passage."""
    return Carrier([text], day), language_of(text), frozenset(content_words(text))


def not_taken_up(asks: Sequence[str], reply: str, *, strict: bool = False) -> list[str]:
    """The asks of which a reply says nothing, as far as words show it. An only ask is taken up by whatever is said; of several,
    each wants a word of its own to come back. Across languages words show nothing. `strict`: an only ask, too,
    wants a word of its own."""
    if not asks or language_of(" ".join(asks)) != language_of(reply):
        return []
    said = content_words(reply)
    if not strict and len(asks) == 1 and len(said) > 2:
        return []
    wanted = [(ask, content_words(ask)) for ask in asks]
    return [ask for ask, words in wanted if words and not words & said]


def content_words(text: str) -> set[str]:
    """The words of a text that tell, as far as their forms meet."""
    return {_stem(t) for t in query_terms(text)}


def _stem(word: str) -> str:
    """Enough of a word for its forms to meet: `use`, `used`, `using`."""
    word = re.sub(r"(?:ing|ed|es|s|e)$", "", word) if len(word) > 3 else word.removesuffix("e")
    return word[:6]
