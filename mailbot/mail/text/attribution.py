"""Attributions: the line or lines ("On ..., X wrote:") that a client sets above what it quotes."""

from __future__ import annotations

import re
from functools import cache

from mailbot.language.lists import every
from mailbot.language.pattern import Pattern
from mailbot.mail.text.line import Line
from mailbot.mail.text.quote_marks import (
    DATED,
    SAID,
    SCHRIEB_MIDDLE,
    STARTS,
    WITH_WORD,
    WITHOUT_WORD,
    WROTE,
    WROTE_END,
    may_say_wrote,
    names,
)


def attribution(read: list[Line], i: int) -> int:
    """How many lines an attribution ("On ..., X wrote:") takes that starts at line `i`; 0 for none."""
    parts: list[str] = []
    addressed, size = False, 0
    for length in range(1, 5):
        if i + length > len(read):
            return 0
        text = read[i + length - 1].text.strip(_AROUND)
        if not text or (length > 1 and text[0] == ">" and not _CLOSING.match(text)):
            return 0
        parts.append(text)
        addressed, size = addressed or "@" in text, size + len(text) + 1
        if size > 401:
            return 0
        if text[-1] in _LAST or (addressed and text.rsplit(None, 1)[-1] in names("reply.wrote")):
            joined = " ".join(parts)
            if length > 1 and not _may_begin(read[i : i + length]):
                return 0
            if _says_who_wrote(joined):
                # Only the attribution itself, not the line of the author's that may stand right above it.
                shorter = [read[k : i + length] for k in range(i + 1, i + length)]
                told = [part for part in shorter if _says_who_wrote(" ".join(x.text.strip() for x in part))]
                if any(STARTS.match(p[0].text) and not _BARE_TIME.match(p[0].text.strip()) for p in told) or (
                    told and not STARTS.match(read[i].text)
                ):
                    return 0
                return length
            if length == 1 and len(joined) < 120 and _quoted_next(read, i + 1) and not _TWO.search(joined):
                candidate = joined.strip("*_ ")
                if WROTE_END.search(candidate) or SAID.search(candidate):
                    return 1
    return 0


def _may_begin(read: list[Line]) -> bool:
    """Whether the first of several lines can be that of an attribution, and none but the last ends a sentence or with a colon:
    the author's own words may stand right above."""
    first = read[0].text.strip()
    begins = STARTS.match(first) or "@" in first or "<" in first or _NAMED.match(first)
    return bool(begins) and not any(_ENDS.search(line.text.strip()) for line in read[:-1])


_LAST = frozenset(":：>*_-")
_AROUND = " \t\r\n\f\v\xa0\u200b\u200e\u200f\u202a\u202b\u202c\ufeff"
"""White space, and the marks of direction that clients set around what they write in Hebrew and Arabic."""
_CLOSING = Pattern(r">(?:\s{{reply.wrote}})?\s?[:：]$")
"""The end of an address that a line break parted from it."""
_NAMED = Pattern(r"\W{0,3}(?:{{reply.in_message}}|{{reply.quoting}}|{{reply.written_by}}|\W*-{2,})")
_BARE_TIME = re.compile(r"\d{1,2}[:：]\d\d\S{0,4}[:：]$")
_TWO = re.compile(r"\w{3,}[.!?]\s+\w")
"""A sentence before another on the line."""
_ENDS = re.compile(r"\w{4,}[.!?]$|[:：]$")
_SMALL = r"(?-i:[a-zß-ÿ\u0100-\u017fα-ωа-яёіїєґ])\w+"
_TOLD = (
    Pattern(rf"\b{{{{reply.determiner}}}}\s+{_SMALL}\s+{{{{reply.wrote}}}}(?!\w)"),
    Pattern(rf"\b{{{{reply.wrote}}}}\s+{{{{reply.determiner}}}}\s+{_SMALL}"),
    Pattern(r"\b{{reply.pronoun}}\s+{{reply.wrote}}(?!\w)|\b{{reply.wrote}}\s+{{reply.pronoun}}\b"),
)
"""`the landlord wrote`, `I wrote`: an author tells of somebody, no client of a sender."""


_BEFORE_ADDRESS = re.compile(r"\d\W([^\d<>]*)<[^<>\s]+@")


def _asks(text: str) -> bool:
    """`On 3 May at 10:30 please send the plan to Ana <...>:`: between the time and an address stands a name, not a sentence."""
    between = _BEFORE_ADDRESS.search(text)
    words: list[str] = between[1].split() if between else []
    return sum(len(w) > 1 and w.isalpha() and w.islower() for w in words) >= 3


_CALENDAR = ("months", "months_short", "days", "days_short")


@cache
def _expected() -> frozenset[str]:
    """Words in lower case that a client may write into an attribution."""
    lists = [
        "reply.wrote",
        "reply.starts",
        "reply.has",
        "reply.written",
        *(f"words.{key}" for key in _CALENDAR),
    ]
    return frozenset(word for each in lists for entry in every(each) for word in entry.casefold().split())


def _tells(text: str) -> bool:
    """Whether more stands around a name, a date and a word for writing than a client would write there."""
    words = (word.strip(".,:;()") for word in text.split())
    return sum(len(w) > 1 and w.isalpha() and w.islower() and w not in _expected() for w in words) > 3


def _quoted_next(read: list[Line], i: int) -> bool:
    """Whether the next line with text is marked as quoted. (A bare blockquote is not enough: people quote Goethe.)"""
    return next((line.quoted for line in read[i : i + 4] if line.text.strip()), False)


def _says_who_wrote(text: str) -> bool:
    candidate = text.strip("*_ ")
    if len(candidate) > 320 or not DATED.search(candidate):
        return False
    if may_say_wrote(candidate) and (
        WROTE_END.search(candidate) or SCHRIEB_MIDDLE.match(candidate) or WITH_WORD.match(candidate)
    ):
        return True
    return bool(WITHOUT_WORD.match(candidate))


_WROTE = Pattern(WROTE)


def certain(read: list[Line], i: int, length: int) -> bool:
    """Whether an attribution with no quote mark below it still ends what the author wrote: only where it is written as
    a client writes it, with a time and an address, or a time, a date and a word for writing."""
    text = " ".join(line.text.strip() for line in read[i : i + length]).strip("*_ ")
    if (
        re.search(r"\w{3,}[.!?]\s+[A-ZÀ-ÞА-Я]", text)
        or re.search(r"\bas\s+\w", text)
        or any(told.search(text) for told in _TOLD)
        or _asks(text)
    ):
        return False  # that is prose
    time = re.search(
        r"(?<![\d.])\d{1,2}[:.h]\d\d(?![\d.]*\d\.)", re.sub(r"\d{1,2}\.\d{1,2}\.\d{2,4}", "", text)
    )
    if re.fullmatch(r"-{2,}.*<[^<>\s]+@[^<>\s]+>.*-{2,}", text):
        return True  # drawn as a rule
    dated = re.search(r"\b(?:19|20)\d\d\b|\d年|\d{1,2}[./]\s?\d{1,2}", text)
    address = re.search(r"<[^<>\s]+@[^<>\s]+\s*>|\([^()\s]+@[^()\s]+\)", text)
    if not address and _tells(text):
        return False
    wrote = _WROTE.search(text)
    ends = text.endswith((":", "：")) or bool(wrote)
    return bool(ends and ((address and (time or (wrote and dated))) or (wrote and time and dated)))
