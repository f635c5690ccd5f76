"""What a text asks of its reader: questions and requests, found without a model.

Rules of language, not of any data set: a sentence asks where it is a question to the reader, a polite or plain
request, or states a need that only the reader can fill. The pitches of advertising ("click", "act now") are no asks.
The words are those of `mailbot/language`, table `ask`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailbot.language.detect import language_of
from mailbot.language.lists import codes
from mailbot.language.phrases import Phrases, lowered
from mailbot.vault.verdict import Ask, AskKind

MAX_ASKS = 12
MAX_SENTENCE = 1200
"""Characters: what is longer is no sentence."""

_ABBREVIATION = Phrases(r"{{ask.abbreviation}}\.$")
_BREAK = re.compile(r"(?<=[.!?。！？…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*\n")
_BULLET = re.compile(r"^[ \t>]*(?:[-*•·]+|\(?\d{1,2}[.)]|[a-z]\))[ \t]+", re.MULTILINE)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each on one line; list items and paragraphs end one too."""
    pending = ""
    pieces = _BREAK.split(_BULLET.sub("\n\n", text))
    for number, piece in enumerate(pieces):
        rest = next((p for p in pieces[number + 1 : number + 3] if p and p.strip()), "")
        line = re.sub(r"\s+", " ", piece).strip()
        if not line:
            continue
        pending = f"{pending} {line}".strip()
        if _ABBREVIATION.search(pending[-12:].lower()) or _ends_in_day(pending, rest):
            continue
        yield pending
        pending = ""
    if pending:
        yield pending


def _ends_in_day(before: str, after: str) -> bool:
    """Whether a full stop is that of a day: `bis zum 18. Dezember`."""
    return bool(re.search(r"(?<!\d)\d{1,2}\.$", before[-4:]) and _MONTH.match(lowered(after[:20])))


def asks(text: str) -> list[Ask]:
    """The questions and requests of an unquoted text, in order, each once."""
    found: dict[str, Ask] = {}
    for sentence in sentences(text):
        if kind := _kind(sentence):
            found.setdefault(sentence.casefold(), Ask(kind, sentence))
    return list(found.values())[:MAX_ASKS]


def pitches(text: str) -> set[str]:
    """The different phrases of advertising in a text in lower case."""
    return {m[0] for m in _PITCH.finditer(text)}


_MONTH = Phrases(r"{{words.months}}|{{matter.month}}|{{words.months_short}}")
_OTHERS = tuple(code for code in codes() if code != "en")
_QUESTION_MARK = re.compile(r"[?？؟]\W*$|[?？]\s")
_GREEK = re.compile("[\u0370-\u03ff]")
_GREEK_QUESTION_MARK = re.compile(r"[;\u037e]\W*$")
_PITCH = Phrases("{{ask.pitch}}")
_COURTESY = Phrases(r"\W*{{ask.courtesy}}")
_COURTESY_ALONE = Phrases(r"\W*{{ask.courtesy_alone}}\W*$")
_OFFER = Phrases("{{ask.offer}}")
"""Help that is offered: "if you have any questions"."""
_RHETORICAL = Phrases(r"\W*(?:{{ask.rhetorical}}\W*|{{ask.rhetorical_start}}.{0,160})[?？]\W*$")
_LEADING = r"(?:\w+, )?(?:(?:{{manner.greeting}}[^,:!]{0,30}[,:!]|{{ask.lead}}|{{ask.when}}[^,，]{0,80}[,，])[,:;\-– ]*)*"
_LEAD = Phrases(_LEADING)
"""What may stand before the word that asks: a greeting, a name, "and", "if you can"."""
_ENGLISH_LEAD = Phrases(_LEADING, codes=("en",))
_MODAL = Phrases(r"[¿\W]*{{ask.modal}}")
"""Asks for an act, in the form of a question."""
_QUESTION_START = Phrases(r"\W*{{ask.question_start}}[^,;:，]{0,120}$", codes=_OTHERS)
_QUESTION_END = Phrases(r"{{ask.question_end}}\W*$")
_REQUEST = Phrases("{{ask.request}}|{{ask.meeting}}")
_REQUEST_END = Phrases(r"{{ask.request_end}}\W*$")
_IMPERATIVE = Phrases(r"\W*(?!{{ask.not_imperative}}){{ask.imperative}}(?! {{ask.subject}})", codes=_OTHERS)
_ENGLISH_QUESTION = Phrases(r"\W*(?:{{ask.question_word}}.{0,120}$|{{ask.question_start}})", codes=("en",))
_ENGLISH_IMPERATIVE = Phrases(
    r"(?:{{ask.before_verb}} )?{{ask.imperative}}(?! ?(?:(?:[a-z\d] )?{{ask.after_noun}}|[-/:=])|'s\b)",
    codes=("en",),
)
"""In English a verb and a noun look the same."""


def _kind(sentence: str) -> AskKind | None:
    if len(sentence) > MAX_SENTENCE or not re.search(r"[^\W_]", sentence):
        return None
    said = lowered(sentence)
    if _PITCH.search(said) or _COURTESY.match(said) or _COURTESY_ALONE.match(said):
        return None
    start = _after(_LEAD, said)
    if _QUESTION_MARK.search(said) or (_GREEK_QUESTION_MARK.search(said) and _GREEK.search(said)):
        if _RHETORICAL.match(said):
            return None
        return "request" if _MODAL.match(start) else "question"
    if _OFFER.search(said):
        return None
    if _REQUEST.search(said) or _REQUEST_END.search(said):
        return "request"
    if _MODAL.match(start) or _IMPERATIVE.match(start) or _IMPERATIVE.match(said):
        return "request"
    if _QUESTION_START.match(start) or _QUESTION_END.search(said):
        return "question"
    start = _after(_ENGLISH_LEAD, said)
    if _ENGLISH_QUESTION.match(start) and _english(sentence):
        return "question"
    return "request" if _ENGLISH_IMPERATIVE.match(start) and _english(sentence) else None


def _after(lead: Phrases, said: str) -> str:
    """A sentence without what leads up to its point."""
    found = lead.match(said)
    return said[found.end() :] if found else said


def _english(sentence: str) -> bool:
    """Whether a sentence may be English: its small words have no letters that English has not."""
    return (
        not re.search(r"(?<!\w)[^\W\d_A-Z]*[^\W\d_a-zA-Zéèêïç]", sentence) and language_of(sentence) == "en"
    )
