"""Whether a mail speaks to a language model in the place of its reader: what attempts to steer one look like."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from mailbot.language.lists import every
from mailbot.language.pattern import Pattern
from mailbot.language.phrases import Phrases
from mailbot.mail.message import Message, Text
from mailbot.mail.text.markup import all_text
from mailbot.vault.stand_ins import visible

LOOKED_AT = 100_000
"""Characters of each text."""
BEFORE = 80
"""Characters in front of a phrase that tell whether it is one."""

LETTERS = 4
"""By which words are looked up."""
_WORDS = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_QUOTED = re.compile(r"[\"“„«‘'`](?=\S)[^\"”“»’'`\n]{3,300}?[\"”“»’'`](?!\w)")
"""Words that are spoken of, not spoken: an article on attacks cites them."""
_GAPS = re.compile("  +")
"""White space is closed first: every phrase below may then look for one character of it."""
_TURKISH = re.compile("[ıİ]")
_ONE_LETTER = str.maketrans("ıςᲀᲁᲂᲃᲄᲅᲆᲇᲈ", "iσвдосттъѣꙋ")
"""Small letters that an expression takes for one another where case does not count: one of them is looked up."""
_TAGS = re.compile("[\U000e0020-\U000e007f]{4,}")
_SENTENCE = r"(?:\A|\n|[.!?:]\s*)"


@dataclass(frozen=True)
class Phrase:
    """A way to steer: `here` begins where a literal of `literals` (lists, or the words themselves) stands, with `before` right in
    front of it."""

    literals: tuple[str, ...]
    here: Pattern
    before: Pattern | None = None

    def found(self, text: str, at: int) -> bool:
        """Whether it stands at this place of a text."""
        if not self.here.compiled.match(text, at):
            return False
        start = max(0, at - BEFORE)
        # What lies before is cut off: there a text does not begin.
        return self.before is None or bool(self.before.search(("\0" if start else "") + text[start:at]))


def _phrase(literals: str, here: str, before: str = "") -> Phrase:
    bounded = here if here[0] in "<\\[#" else rf"(?<!\w){here}"
    return Phrase(tuple(literals.split()), Pattern(bounded), Pattern(rf"{before}\Z") if before else None)


def _abroad(literals: str, here: str, before: str = "") -> Phrase:
    """The same in languages other than English, whose entries say themselves where a word may go on."""
    return Phrase((literals,), Phrases(here, re.IGNORECASE), Pattern(rf"{before}\Z") if before else None)


_MACHINE = r"{{steering.machine}}(?:-?\d\w*)?"
_CALL = r"(?:\b{{steering.calls}} (?:the |any |all |my |your )?)"
_WIDER = r"(?:(?:large|ai) )*"
_GAP = r"[^.\n]"

_ATTEMPTS: dict[str, tuple[Phrase, ...]] = {
    "it tells a model to ignore its instructions": (
        _phrase(
            "steering.ignore",
            rf"{{{{steering.ignore}}}}\b{_GAP}{{0,40}}\b{{{{steering.earlier}}}}\b"
            r"[^.,\n]{0,30}\b{{steering.instructions}}\b",
        ),
        _abroad("steering.disregard", r"{{steering.disregard}}[^.。\n]{0,40}{{steering.rules}}"),
        _abroad("steering.rules", r"{{steering.rules}}[^.。\n]{0,40}{{steering.disregard}}"),
    ),
    "it speaks to a model": (
        _abroad(
            "steering.model", r"{{steering.model}}\s*[,:!，：！–—-]+\s*\w+", r"(?:\A|\n|[.!?:。！？]\s*)"
        ),
        _phrase(
            "steering.machine",
            rf"{_MACHINE}s?(?: reading this)?\s*[,:!\-–—]+\s*(?:(?:please|you|do|your|now) )?\w+",
            rf"(?:{_SENTENCE}|{_CALL}){_WIDER}",
        ),
        _phrase(
            "steering.you_are", rf"{{{{steering.you_are}}}} (?:an?|the) {_WIDER}{_MACHINE}s?(?!\w)", r"\bif "
        ),
        _phrase(
            "steering.you_are",
            rf"{{{{steering.you_are}}}} (?:now |no longer )?(?:an?|the|in|my)? ?(?:{_WIDER}{_MACHINE}|{{{{steering.mode}}}})s?(?!\w)",
        ),
        _phrase("steering.as_a", rf"as an? {_WIDER}{_MACHINE},? (?:you|your)\b"),
        _phrase(
            "steering.message",
            rf"message (?:from me,? {_GAP}{{0,40}})?(?:,? ?to you,? )(?:the )?{_WIDER}{_MACHINE}",
        ),
        _phrase(
            "steering.machine",
            rf"{_MACHINE}s? {{{{steering.must}}}} (?:(?:also|now|always|immediately) )?{{{{steering.do}}}}\b",
        ),
    ),
    "it asks for the prompt or for secrets of the system": (
        _abroad("steering.demand", r"{{steering.demand}}[^.。\n]{0,30}{{steering.secret_prompt}}"),
        _abroad("steering.secret_prompt", r"{{steering.secret_prompt}}[^.。\n]{0,30}{{steering.demand}}"),
        _phrase(
            "steering.reveal steering.hand_over",
            r"(?:{{steering.reveal}}|{{steering.hand_over}}) (?:me |us )?(?:all (?:of )?)?(?:your|the) (?:{{steering.hidden}} )*"
            r"{{steering.of_the_system}} {{steering.prompt}}\b(?=\s*(?:[.?!,;:\n]|and|verbatim|in|to|as|here|\Z))",
        ),
        _phrase(
            "steering.reveal",
            rf"{{{{steering.reveal}}}}\b{_GAP}{{0,30}}\b{{{{steering.everything}}}}\b{_GAP}{{0,15}}\babove\b",
        ),
    ),
    "it has the control marks of a model's prompt": (
        _phrase("<|", r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|?>"),
        _phrase("[inst] [/inst] <<sys>> <</sys>>", r"\[/?INST\]|<</?SYS>>"),
        _phrase("##", r"#{2,}\s*(?:system|(?:new )?instructions?)\s*:?\s*#*\s*(?:\n|\Z)", r"(?:\A|\n)\s*"),
        _phrase("<system </system <i </i", r"</?(?:system|instructions?|information|important)>"),
        _phrase("steering.role", r"{{steering.role}}\s*:\s*{{steering.orders}}\b", r"(?:\A|\n)\s*"),
        _phrase("steering.new", r"{{steering.new}} (?:system )?instructions?\s*:", r"(?:\A|\n|[.!?]\s+)\s*"),
        _phrase(
            "steering.begins",
            r"{{steering.begins}} (?:of )?(?:system|hidden|secret) (?:prompt|instructions?)\b",
        ),
        _phrase("<<<", r"<<<\w+-[0-9a-f]{8,}"),
        Phrase((">>>",), Pattern(">>>"), Pattern(r"(?<![0-9a-f])[0-9a-f]{8,64}\Z")),
    ),
    "it tells whoever drafts the answer what to put in it, unseen by the user": (
        _phrase(
            "steering.not",
            r"{{steering.not}} {{steering.tell}} (?:the |your |this to (?:the )?)?{{steering.reader}}\b"
            r"(?=\s*(?:[.,;!:\n]|about|of|that|anything|this|know|what|\Z))",
        ),
        _phrase(
            "steering.answer",
            rf"{{{{steering.answer}}}}\b{_GAP}{{0,60}}\b{{{{steering.put}}}}\b{_GAP}{{0,40}}"
            r"(?:https?:|www\.|the following|exactly|verbatim|\bthis (?:link|text|sentence|line|url|phrase|image)|:)",
            r"\b(?:in|at the (?:end|start|beginning|top|bottom) of|into|to) (?:your|the) ",
        ),
        _phrase(
            "steering.put",
            rf"{{{{steering.put}}}} (?:the following|this|these) {{{{steering.piece}}}}\b{_GAP}{{0,60}}\b"
            r"(?:in|to|at|into) (?:your|the|every|each|all) (?:replies|e-?mail|end|{{steering.answer}})",
        ),
        _phrase(
            "steering.send",
            r"{{steering.send}} (?:all|every|any|the last|the latest|this|these|copies of|a copy of)"
            rf"{_GAP}{{0,60}}\b{{{{steering.mails}}}}\b{_GAP}{{0,40}}\bto\b{_GAP}{{0,20}}\S+@\S+",
        ),
    ),
}


def attempts(message: Message) -> tuple[str, ...]:
    """Why a mail looks like an attempt to steer a model, wherever in it: text shown or hidden, subject, names, calendar.
    Empty for almost every mail; words in quotation marks are spoken of and do not count."""
    found: dict[str, None] = {}
    for text in _texts(message):
        if not text.isascii() and _TAGS.search(text):
            found["it has text in invisible tag characters"] = None
        prepared = _prepared(text)
        found |= dict.fromkeys(_in(prepared))
        if not text.isascii() and _TURKISH.search(
            prepared
        ):  # an expression takes these for an i, and so do readers
            found |= dict.fromkeys(_in(_TURKISH.sub("i", prepared)))
    return tuple(found)


def _prepared(text: str) -> str:
    """A text as it is looked at: nothing hidden, one spelling, white space closed, without what it only speaks of."""
    text = visible(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text[:LOOKED_AT]
    for space in "\t\v\f\r":
        text = text.replace(space, " ")
    lines = (line.strip() for line in text.split("\n"))
    return _QUOTED.sub(" ", _GAPS.sub(" ", "\n".join(filter(None, lines))))


def _in(text: str) -> Iterator[str]:
    """The ways to steer that stand in a text. A phrase is looked for only where one of its literals is: most texts have few."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter that has two in lower case: then places do not agree
        text = lower
    lower = lower if lower.isascii() else lower.translate(_ONE_LETTER)
    there = _there(lower)
    for why, phrases in _ATTEMPTS.items():
        for phrase in phrases:
            literals = there.intersection(_literals(phrase.literals))
            if any(phrase.found(text, at) for literal in literals for at in _places(lower, literal)):
                yield why
                break


def _there(lower: str) -> frozenset[str]:
    """The literals that may stand in a text: those that begin as one of its words does, and what is no word."""
    words = sorted(set(_WORDS.findall(lower)))
    begin = {word[:length] for word in words for length in (2, 3, LETTERS)}
    spaced, other = _by_beginning()
    found = [
        literal for literal in other if not (lower.isascii() and not literal.isascii()) and literal in lower
    ]
    for letters in begin & spaced.keys():
        for first, literal in spaced[letters]:
            at = bisect_left(words, first)
            if at < len(words) and words[at].startswith(first):
                found.append(literal)
    return frozenset(found)


@cache
def _by_beginning() -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    """(every literal with its first word, by the LETTERS or fewer that a word of a text must begin with, those that no word need
    begin with)."""
    spaced: dict[str, list[tuple[str, str]]] = {}
    other: list[str] = []
    for literal in _every_literal():
        first = _WORDS.match(literal)
        if first and len(first[0]) > 1 and not _UNSPACED.match(literal):
            spaced.setdefault(first[0][:LETTERS], []).append((first[0], literal))
        else:
            other.append(literal)
    return spaced, other


def _places(text: str, literal: str) -> Iterator[int]:
    """Where a literal stands in a text; if it is a word, where one begins."""
    word = literal[0].isalnum() and literal[0].isascii()
    at = text.find(literal)
    while at >= 0:
        if not (word and at and text[at - 1].isascii() and text[at - 1].isalnum()):
            yield at
        at = text.find(literal, at + 1)


@cache
def _every_literal() -> frozenset[str]:
    return frozenset(
        literal
        for phrases in _ATTEMPTS.values()
        for phrase in phrases
        for literal in _literals(phrase.literals)
    )


@cache
def _literals(named: tuple[str, ...]) -> tuple[str, ...]:
    """What the words of some lists begin with, or the words themselves, as far as they are literal."""
    words = [word for name in named for word in (every(name) if name.startswith("steering.") else (name,))]
    return tuple(
        dict.fromkeys(_head(word) if word[0].isalpha() or word[0] == "(" else word for word in words)
    )


_HEAD = re.compile(r"(?:\(\?<!.*?\))?([\w' .-]+)([?*{]?)")


def _head(entry: str) -> str:
    """The literal letters that every form of an entry begins with, in lower case."""
    found = _HEAD.match(entry)
    letters = found[1][:-1] if found and found[2] else found[1] if found else entry
    return letters.rstrip().lower().translate(_ONE_LETTER)


def _texts(message: Message) -> Iterator[str]:
    yield message.subject
    yield from (a.name for a in message.authors)
    yield from (re.sub(r"[_\-.]+", " ", a.name) for a in message.attachments)
    yield from (re.sub(r"\r?\n[ \t]", "", c.content).replace("\\n", "\n") for c in message.calendars)
    yield from _bodies(message.body)


def _bodies(body: Iterable[Text | Message]) -> Iterator[str]:
    for part in body:
        if isinstance(part, Message):
            yield part.subject
            yield from _bodies(part.body)
        else:
            yield all_text(part.content) if part.html else part.content
