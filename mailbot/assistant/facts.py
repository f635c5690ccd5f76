"""The hard facts of a text: what can be looked up exactly, in whatever language it is said. Numbers, times, days, names."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal

from mailbot.assistant.asks import sentences
from mailbot.assistant.dates import days_in, is_day_or_month, weekdays_in, without_days
from mailbot.assistant.numbers import numbers_in, times_in
from mailbot.language.detect import language_of
from mailbot.language.lists import codes, of
from mailbot.language.phrases import Phrases, lowered

Kind = Literal["number", "time", "date", "weekday", "name"]

COUNTED = 13
"""A number in words below this is style (`two sites`), unless it has a unit."""
_TODAY, _TOMORROW = Phrases(r"{{matter.today}}"), Phrases(r"{{matter.tomorrow}}")
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)\b[A-ZÀ-ÞА-Я][\w'’-]+(?: [A-ZÀ-ÞА-Я][\w'’-]+)*")
_NO_FIRST_NAME = r"(?!(?:Ihr|Sie|Ihnen|Euch|Dein|Dir|Du|Herrn?|Frau|Familie|Firma|Dr|Liebe|Viele)\w{0,3}\b)"
_CAPITAL = r"[A-ZÄÖÜ][a-zäöüß'’-]+"
_TWO_NAMES = re.compile(rf"(?<!^)(?<![.!?:\n] )\b{_NO_FIRST_NAME}{_CAPITAL} {_CAPITAL}\b")
_HONOURED = re.compile(
    r"\b(?:Herrn?|Frau|Mr|Mrs|Ms|Mme|Mlle|Dr|Señora?|Signora?|Dhr|Mevr)\.? ([A-ZÀ-Þ][\w'’-]+)"
)
_NO_NAME = re.compile(r"I['’]\w+$|[A-Z]{2,4}$")
"""`I'm`, and short words in capitals, which are rarely somebody: PDF, CEO."""
_PART = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact in the forms that it may be compared in, its unit, and as it was written. A number may have several readings:
    `1.200`. The unit of a date is its year."""

    kind: Kind
    readings: frozenset[str]
    shown: str
    unit: str = ""


def facts_in(text: str) -> list[Fact]:
    """The hard facts of a text. Names are those written with a capital, in languages that write only names so; elsewhere two
    such words in a row, or one behind `Frau`."""
    text = _normal(text)
    found = [Fact("date", frozenset({d.key}), d.shown, str(d.year or "")) for d in days_in(text)]
    found = _either(found)
    found += [Fact("weekday", frozenset({str(n)}), shown) for n, shown in weekdays_in(text)]
    rest = without_days(text)
    found += [Fact("time", frozenset({key}), shown) for key, shown, _, _ in times_in(rest)]
    for number in numbers_in(rest):
        small = (
            number.spelled
            and not number.unit
            and all(v.isdigit() and int(v) < COUNTED for v in number.values)
        )
        if not small:
            found.append(Fact("number", number.values, number.shown, number.unit))
    found += (Fact("name", frozenset({key}), word) for key, word in _names(text))
    return list(dict.fromkeys(found))


def _either(days: list[Fact]) -> list[Fact]:
    """Days that were written once and may mean two (`5/3`) as one fact with both readings."""
    together: dict[tuple[str, str], Fact] = {}
    for day in days:
        before = together.get((day.shown, day.unit))
        slashed = "/" in day.shown
        key = (day.shown if slashed else f"{day.shown} {min(day.readings)}", day.unit)
        together[key] = (
            Fact("date", day.readings | before.readings, day.shown, day.unit) if before and slashed else day
        )
    return list(together.values())


def _names(text: str) -> Iterator[tuple[str, str]]:
    pattern = _TWO_NAMES if language_of(text) == "de" else _NAME
    for sentence in sentences(text):
        words = [w for m in pattern.finditer(sentence) for w in re.split(r"[ -]", m[0])]
        words += [m[1] for m in _HONOURED.finditer(sentence)]
        for word in words:
            key = re.sub(r"['’]s?$", "", word.casefold())
            if (
                len(key) > 2
                and not _NO_NAME.match(word)
                and key not in _languages()
                and not is_day_or_month(key)
            ):
                yield key, word


@cache
def _languages() -> frozenset[str]:
    return frozenset(str(of(code)["name"]).casefold() for code in codes())


def _normal(text: str) -> str:
    """One spelling of each accent; raised figures and fractions stay what they are."""
    return unicodedata.normalize(
        "NFC", text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2009", " ")
    )


class Carrier:
    """Texts that facts may rest on. `day` is what "tomorrow" counts from in them, and what a day without a year lies near."""

    def __init__(self, texts: Iterable[str], day: date | None = None) -> None:
        self._day = day or date.today()
        self._words: set[str] = set()
        self._dates: dict[str, set[str]] = defaultdict(set)
        self._times: set[str] = set()
        self._numbers: dict[str, set[str]] = defaultdict(set)
        self._weekdays: set[int] = set()
        for text in texts:
            self._read(_normal(text))

    def _read(self, text: str) -> None:
        self._words |= {w.casefold() for w in _PART.findall(text) if not w[0].islower()}
        for day in days_in(text):
            self._dates[day.key].add(str(day.year or ""))
            if near := day.nearest(self._day):
                self._weekdays.add(near.weekday())
        self._weekdays |= {n for n, _ in weekdays_in(text)}
        rest = without_days(text)
        self._times |= {key for key, _, _, _ in times_in(rest)}
        for number in numbers_in(rest):
            for value in number.values:
                self._numbers[value].add(number.unit)
        said = lowered(text)
        if _TODAY.search(said):
            self._weekdays.add(self._day.weekday())
        if _TOMORROW.search(said):
            self._weekdays.add((self._day + timedelta(days=1)).weekday())

    def carries(self, fact: Fact) -> bool:
        """Whether a fact stands in one of the texts, exactly. A bare number may stand for one with a unit, and a day without a
        year for one with a year; two units or two years never match."""
        if fact.kind in ("date", "number"):
            given = self._dates if fact.kind == "date" else self._numbers
            found = set[str]().union(*(given.get(r, set()) for r in fact.readings))
            return bool(found) and (not fact.unit or fact.unit in found or "" in found)
        (one, *_) = fact.readings
        if fact.kind == "weekday":
            return int(one) in self._weekdays
        if fact.kind == "time":
            return one in self._times
        return any(w == one or (w.startswith(one) and len(w) - len(one) <= 2) for w in self._words)

    def missing(self, text: str) -> list[Fact]:
        """The hard facts of a text that stand in none of these."""
        return [f for f in facts_in(text) if not self.carries(f)]
