"""A due date as a model writes it -> an ISO date, counted from the mail's own day."""

from __future__ import annotations

import re
from datetime import date, timedelta

from mailbot.language.lists import codes, entries
from mailbot.language.phrases import Phrases

_BEFORE = Phrases(r"(?:{{matter.before_day}} )*")
_TODAY = Phrases(r"{{matter.today}}$")
_TOMORROW = Phrases(r"{{matter.tomorrow}}$")
_NEXT_WEEK = Phrases(r"{{matter.next_week}}$")
_THIS_WEEK = Phrases(r"{{matter.this_week}}$")
_MONTH_END = Phrases(r"{{matter.month_end}}$")
_DAYS = Phrases(r"(?:{{matter.within}} )?(\d{1,3}) ?{{matter.days}}$")
_WEEKS = Phrases(r"(?:{{matter.within}} )?(\d{1,3}) ?{{matter.weeks}}$")


def due_date(value: str, day: date) -> str:
    """`2026-12-01`, `tomorrow`, `Friday`, `next week`, `in 3 days`, `end of month`, in any language -> ISO; empty for anything
    else.

    A weekday is the next one after `day`; "next week" is its Friday. The model is asked for ISO dates; small ones forget.
    """
    text = value.strip().lower().rstrip(".")
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        pass
    before = _BEFORE.match(text)
    for said in dict.fromkeys((text, text[before.end() :] if before else text)):
        if (ahead := _ahead(said, day)) is not None:
            return (day + timedelta(days=ahead)).isoformat()
    return ""


def working_days(start: date, end: date) -> int:
    """How many days from Monday to Friday lie after `start`, up to `end`; holidays are not known."""
    weeks, rest = divmod(max(0, (end - start).days), 7)
    return weeks * 5 + sum((start.weekday() + n) % 7 < 5 for n in range(1, rest + 1))


def _ahead(text: str, day: date) -> int | None:
    """How many days after `day` a text means."""
    if _TODAY.match(text):
        return 0
    if _TOMORROW.match(text):
        return 1
    if _NEXT_WEEK.match(text):
        return 7 - day.weekday() + 4
    if _THIS_WEEK.match(text):
        return max(0, 4 - day.weekday())
    if _MONTH_END.match(text):
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        return (following - day).days - 1
    if match := _DAYS.match(text):
        return int(match[1])
    if match := _WEEKS.match(text):
        return int(match[1]) * 7
    for code in codes():
        for number, name in enumerate(entries("matter.weekday", code)):
            if re.fullmatch(name, text):
                return (number - day.weekday() - 1) % 7 + 1
    return None
