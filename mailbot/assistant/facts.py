"""The hard facts of a text: what can be looked up exactly, in whatever language it is said. Numbers, dates, weekdays, names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal

from mailbot.assistant.asks import sentences
from mailbot.language.detect import language_of
from mailbot.language.lists import codes, entries
from mailbot.language.phrases import Phrases, lowered

Kind = Literal["number", "date", "weekday", "name"]

_NUMBER = re.compile(r"\d+(?:[.,:/'’\u2009\u202f\u00a0 ]?\d+)*")
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_DOTTED = re.compile(r"(?<![\d.,])(\d{1,2})\.[ \u00a0]?(\d{1,2})\.(?:[ \u00a0]?(\d{4}|\d{2}))?(?!\d)")
_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d{2}))?(?![\d/])")
_MONTH_NAME = "({{words.months}}|{{matter.month}}|{{words.months_short}})"
_DAY_MONTH = Phrases(
    rf"(?<![\d.,:])(\d{{1,2}})(?:st|nd|rd|th|\.|er|º|ª|°)?(?: (?:de|of|di|d'))? ?{_MONTH_NAME}\b\.?"
)
_MONTH_DAY = Phrases(rf"{_MONTH_NAME}\.? (\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.]\d|\d)")
_CJK_DATE = re.compile(r"(\d{1,2})[月월]\s?(\d{1,2})[日일]")
_WEEKDAY = Phrases(r"{{matter.weekday}}")
_TODAY, _TOMORROW = Phrases(r"{{matter.today}}"), Phrases(r"{{matter.tomorrow}}")
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)\b[A-ZÀ-ÞА-Я][\w'’-]+(?: [A-ZÀ-ÞА-Я][\w'’-]+)*")
_NO_FIRST_NAME = r"(?!(?:Ihr|Sie|Ihnen|Euch|Dein|Dir|Du|Herrn?|Frau|Familie|Dr|Liebe|Viele)\w{0,3}\b)"
_CAPITAL = r"[A-ZÄÖÜ][a-zäöüß'’-]+"
_TWO_NAMES = re.compile(rf"(?<!^)(?<![.!?:\n] )\b{_NO_FIRST_NAME}{_CAPITAL} {_CAPITAL}\b")
_PART = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact in the form it is compared in, and as it was written. A number may have several readings: `1.200`."""

    kind: Kind
    readings: frozenset[str]
    shown: str


def facts_in(text: str) -> list[Fact]:
    """The hard facts of a text. Names are those written with a capital, in languages that write only names so; elsewhere two
    such words in a row."""
    text = unicodedata.normalize("NFKC", text)
    found = [Fact("date", frozenset({day}), shown) for day, shown, _ in _dates(text)]
    found += [Fact("weekday", frozenset({str(n)}), shown) for n, shown in _weekdays(text)]
    rest = _without_dates(text)
    for match in _NUMBER.finditer(rest):
        found.append(Fact("number", _readings(match[0]), match[0]))
    pattern = _TWO_NAMES if language_of(text) == "de" else _NAME
    for sentence in sentences(text):
        for match in pattern.finditer(sentence):
            for word in re.split(r"[ -]", match[0]):
                key = re.sub(r"['’]s?$", "", word.casefold())
                if len(key) > 2 and not _WEEKDAY.match(key) and not _is_month(key):
                    found.append(Fact("name", frozenset({key}), word))
    return list(dict.fromkeys(found))


class Carrier:
    """Texts that facts may rest on. `day` is what "tomorrow" counts from in them, and the year of a date that names none."""

    def __init__(self, texts: Iterable[str], day: date | None = None) -> None:
        whole = unicodedata.normalize("NFKC", "\n".join(texts))
        self._day = day or date.today()
        self._text = whole.casefold()
        self._words = set(_PART.findall(self._text))
        self._dates = {key for key, _, _ in _dates(whole)}
        self._numbers = {r for m in _NUMBER.finditer(_without_dates(whole)) for r in _readings(m[0])}
        self._weekdays = {n for n, _ in _weekdays(whole)} | set(self._implied_weekdays(whole))

    def carries(self, fact: Fact) -> bool:
        """Whether a fact stands in one of the texts, exactly."""
        (one, *_) = fact.readings
        if fact.kind == "date":
            return one in self._dates
        if fact.kind == "weekday":
            return int(one) in self._weekdays
        if fact.kind == "number":
            return not fact.readings.isdisjoint(self._numbers)
        return one in self._text if " " in one or "'" in one else any(w.startswith(one) for w in self._words)

    def missing(self, text: str) -> list[Fact]:
        """The hard facts of a text that stand in none of these."""
        return [f for f in facts_in(text) if not self.carries(f)]

    def _implied_weekdays(self, whole: str) -> Iterator[int]:
        for key, _, year in _dates(whole):
            month, day = (int(part) for part in key.split("-"))
            years = (year,) if year else range(self._day.year - 1, self._day.year + 2)
            meant = [d for y in years if (d := _day_of(y, month, day))]
            if meant:  # without a year, the one that lies nearest
                yield min(meant, key=lambda d: abs(d - self._day)).weekday()
        said = lowered(whole)
        if _TODAY.search(said):
            yield self._day.weekday()
        if _TOMORROW.search(said):
            yield (self._day + timedelta(days=1)).weekday()


def _dates(text: str) -> Iterator[tuple[str, str, int]]:
    """(`MM-DD`, as written, the year or 0) of each date."""
    for m in _ISO.finditer(text):
        yield from _date(m[2], m[3], m[0], m[1])
    for m in _DOTTED.finditer(text):
        yield from _date(m[2], m[1], m[0], m[3])
    for m in _SLASHED.finditer(text):
        yield from _date(m[2], m[1], m[0], m[3])
        if m[1] != m[2] and m[3]:
            yield from _date(m[1], m[2], m[0], m[3])
    for m in _CJK_DATE.finditer(text):
        yield from _date(m[1], m[2], m[0], "")
    said = lowered(text)
    for m in _DAY_MONTH.finditer(said):
        yield from _date(str(_month(m[2])), m[1], text[m.start() : m.end()], _year_after(said, m.end()))
    for m in _MONTH_DAY.finditer(said):
        yield from _date(str(_month(m[1])), m[2], text[m.start() : m.end()], _year_after(said, m.end()))


def _date(month: str, day: str, shown: str, year: str | None) -> Iterator[tuple[str, str, int]]:
    if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
        y = int(year) if year else 0
        yield f"{int(month):02}-{int(day):02}", shown.strip(), y + 2000 if 0 < y < 100 else y


def _year_after(said: str, at: int) -> str:
    found = re.match(r",? (?:de )?(\d{4})(?!\d)", said[at : at + 12])
    return found[1] if found else ""


def _day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _without_dates(text: str) -> str:
    """A text without its dates: their numbers are no facts of their own."""
    for pattern in (_ISO, _DOTTED, _CJK_DATE):
        text = pattern.sub(" ", text)
    said = lowered(text)
    spans = [m.span() for p in (_DAY_MONTH, _MONTH_DAY) for m in p.finditer(said)]
    spans += [m.span() for m in _SLASHED.finditer(text)]
    for start, end in sorted(spans, reverse=True):
        year = re.match(r",? (?:de )?\d{4}(?!\d)", text[end : end + 12])
        text = f"{text[:start]} {text[end + (year.end() if year else 0) :]}"
    return text


def _weekdays(text: str) -> Iterator[tuple[int, str]]:
    """(0 for Monday, as written) of each weekday."""
    said = lowered(text)
    for match in _WEEKDAY.finditer(said):
        for code in codes():
            number = next((n for n, p in enumerate(entries("matter.weekday", code)) if re.fullmatch(p, match[0])), None)  # fmt: skip
            if number is not None:
                yield number % 7, text[match.start() : match.end()]
                break


@cache
def _month(word: str) -> int:
    """The number of a month by its name in any language, 0 for none."""
    word = word.rstrip(".")
    for code in codes():
        for name in ("matter.month", "words.months", "words.months_short"):
            every = entries(name, code)
            if len(every) != 12:
                continue
            for number, pattern in enumerate(every, 1):
                if re.fullmatch(pattern, word):
                    return number
    for code in codes():
        for number, full in enumerate(entries("matter.month", code), 1):
            if len(word) > 2 and full.startswith(word) and number <= 12:
                return number
    return 0


def _is_month(word: str) -> bool:
    return _month(word) > 0


def _readings(number: str) -> frozenset[str]:
    """What a number may mean: `1.200` is 1200 in one country and 1.2 in another; `14:30` and `3/4` stay as they are."""
    plain = re.sub(r"[\u2009\u202f\u00a0 '’]", "", number)
    if re.search(r"[:/]", plain):
        return frozenset({_decimal(*plain.split(":")[:2])} if ":" in plain else {plain, *plain.split("/")})
    parts = re.split(r"[.,]", plain)
    if len(parts) == 1:
        return frozenset({_stripped(plain)})
    found = set()
    if len(parts[-1]) == 3 and all(len(p) == 3 for p in parts[1:]) and len(parts[0]) <= 3:
        found.add(_stripped("".join(parts)))
    if len(parts) == 2:
        found.add(_decimal(parts[0], parts[1]))
    elif all(len(p) == 3 for p in parts[1:-1]) and plain.count(plain[len("".join(parts[:-1])) + len(parts) - 2]) == 1:  # fmt: skip
        found.add(_decimal("".join(parts[:-1]), parts[-1]))
    return frozenset(found or {plain})


def _stripped(digits: str) -> str:
    return digits.lstrip("0") or "0"


def _decimal(whole: str, fraction: str) -> str:
    fraction = fraction.rstrip("0")
    return f"{_stripped(whole)}.{fraction}" if fraction else _stripped(whole)
