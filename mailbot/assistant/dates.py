"""The days that a text names, in whatever language: dates, ranges of dates, weekdays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from mailbot.language.detect import language_of
from mailbot.language.lists import codes, entries
from mailbot.language.phrases import Phrases, lowered

_ISO = re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)")
_DOTTED = re.compile(
    r"(?<![\d.,vV])(?P<d>\d{1,2})\.[ \u00a0]?(?P<m>\d{1,2})\.(?:[ \u00a0]?(?P<y>\d{4}|\d{2})(?![\d.]))?(?![\d])"
)
_SLASHED = re.compile(r"(?<![\d/])(?P<d>\d{1,2})/(?P<m>\d{1,2})(?:/(?P<y>\d{4}|\d{2}))?(?![\d/])")
_CJK = re.compile(r"(?P<m>\d{1,2})[月월]\s?(?P<d>\d{1,2})[日일]")
_BETWEEN = r"(?:-|–|—|to|bis|und|and|et|à|au|tot|en|y|al?|e|og|och|do|i)"
_FIRST_OF_TWO = re.compile(rf"(?<![\d.,:])(\d{{1,2}})(?:\.|st|nd|rd|th|er)?\s*{_BETWEEN}\s*$")
_SECOND_OF_TWO = re.compile(rf"\s*{_BETWEEN}\s*(\d{{1,2}})(?!\d)")
_WEEKDAY = Phrases(r"{{matter.weekday}}")
_YEAR = re.compile(r",? (?:de |del )?(\d{4})(?!\d)")


FEW = 8
"""Words of a text whose language can be told."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day: `month` and `day`, the `year` or 0, as it was written, and where."""

    month: int
    day: int
    year: int
    shown: str
    start: int
    end: int

    @property
    def key(self) -> str:
        return f"{self.month:02}-{self.day:02}"

    def nearest(self, to: date) -> date | None:
        """The day; without a year the one that lies nearest. None for one that no calendar has."""
        years = (self.year,) if self.year else range(to.year - 1, to.year + 2)
        found = [d for y in years if (d := _day_of(y, self.month, self.day))]
        return min(found, key=lambda d: abs(d - to)) if found else None


def days_in(text: str) -> list[Day]:
    """Every day of a text. Where an order is unclear (`5/3`) both are given."""
    found = [
        day
        for pattern in (_ISO, _DOTTED, _SLASHED, _CJK)
        for m in pattern.finditer(text)
        for day in _numeric(m)
    ]
    said = lowered(text)
    # Of a few words nobody can tell the language: then a short month may be of any.
    code = language_of(text) if len(text.split()) >= FEW else ""
    for m in _day_month(code).finditer(said):
        year = _YEAR.match(said, m.end())
        month, end = _month(m[2], code), year.end() if year else m.end()
        found += _days(month, (m[1],), year[1] if year else "", text, m.start(), end)
        if first := _FIRST_OF_TWO.search(said[max(0, m.start() - 16) : m.start()]):
            at = max(0, m.start() - 16) + first.start()
            found += _days(month, (first[1],), year[1] if year else "", text, at, end)
    for m in _month_day(code).finditer(said):
        second = _SECOND_OF_TWO.match(said, m.end())
        until = second.end() if second else m.end()
        year = _YEAR.match(said, until)
        days = (m[2], *((second[1],) if second else ()))
        found += _days(
            _month(m[1], code), days, year[1] if year else "", text, m.start(), year.end() if year else until
        )
    return list(dict.fromkeys(found))


def without_days(text: str) -> str:
    """A text with blanks for its days: their numbers are none of their own."""
    spans = [(d.start, d.end) for d in days_in(text)]
    for start, end in spans:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def weekdays_in(text: str) -> Iterator[tuple[int, str]]:
    """(0 for Monday, as written) of each weekday."""
    said = lowered(text)
    for match in _WEEKDAY.finditer(said):
        number = _weekday(match[0])
        if number is not None:
            yield number, text[match.start() : match.end()]


def is_day_or_month(word: str) -> bool:
    """Whether a word in lower case is a weekday or a month."""
    return _weekday(word) is not None or bool(_month(word, "en", short=False))


def _numeric(m: re.Match[str]) -> Iterator[Day]:
    groups = m.groupdict()
    year = int(groups.get("y") or 0)
    year += 2000 if 0 < year < 100 else 0
    orders = [(int(groups["m"]), int(groups["d"]))]
    if m.re is _SLASHED and orders[0][0] != orders[0][1]:
        orders.append((orders[0][1], orders[0][0]))
    for month, day in orders:
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield Day(month, day, year, m[0].strip(), m.start(), m.end())


def _days(month: int, days: tuple[str, ...], year: str, text: str, start: int, end: int) -> list[Day]:
    shown = text[start:end].strip()
    return [
        Day(month, int(d), int(year or 0), shown, start, end) for d in days if month and 1 <= int(d) <= 31
    ]


def _day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


_FULL = "{{words.months}}|{{matter.month}}"
_ORDINAL = r"(?:st|nd|rd|th|\.|er|º|ª|°)?(?: (?:de|of|di|d'))? ?"


@cache
def _short(code: str) -> str:
    """The short names of the months in a language (of all, for none), which in another may be any word (`set`, `out`)."""
    of = (code, "en") if code else codes()
    every = (entry for c in of for entry in entries("words.months_short", c))
    return "|".join(dict.fromkeys(e for e in every if len(e) > 2)) or "(?!)"


@cache
def _day_month(code: str) -> Phrases:
    return Phrases(rf"(?<![\d.,:])(\d{{1,2}}){_ORDINAL}({_FULL}|(?<!\w)(?:{_short(code)})(?!\w))\.?")


@cache
def _month_day(code: str) -> Phrases:
    return Phrases(
        rf"({_FULL}|(?<!\w)(?:{_short(code)})(?!\w))\.? (\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.%]\d|\d| ?%)"
    )


@cache
def _month(word: str, code: str, *, short: bool = True) -> int:
    """The number of a month by its name, 0 for none."""
    word = word.rstrip(".")
    of = dict.fromkeys((*((code,) if code else ()), "en", *codes()))
    for name in ("matter.month", "words.months"):
        for each in of:
            every = entries(name, each)
            for number, pattern in enumerate(every, 1) if len(every) == 12 else ():
                if re.fullmatch(pattern, word):
                    return number
    for each in of if short and len(word) > 2 else ():
        for name in ("words.months", "matter.month"):
            every = entries(name, each)
            for number, full in enumerate(every, 1) if len(every) == 12 else ():
                if full.startswith(word):
                    return number
    return next((n for e in of if short for n, s in _shorts(e) if re.fullmatch(s, word)), 0)


def _shorts(code: str) -> list[tuple[int, str]]:
    """(number, short name) of the months, where a language has one for each."""
    every = entries("words.months_short", code)
    return list(enumerate(every, 1)) if len(every) == 12 else []


@cache
def _weekday(word: str) -> int | None:
    for code in codes():
        for number, pattern in enumerate(entries("matter.weekday", code)):
            if re.fullmatch(pattern, word):
                return number % 7
    return None
