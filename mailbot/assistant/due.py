"""A due date as a model writes it -> an ISO date, counted from the mail's own day."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def due_date(value: str, day: date) -> str:
    """`2026-12-01`, `tomorrow`, `Friday`, `next week`, `in 3 days`, `end of month` -> ISO; empty for anything else.

    A weekday is the next one after `day`; "next week" is its Friday. The model is asked for ISO dates; small ones forget.
    """
    text = value.strip().casefold().rstrip(".")
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        pass
    text = re.sub(r"^(?:by|on|until|before|due) ", "", text)
    if text in ("today", "tonight", "eod", "end of day"):
        return day.isoformat()
    if text == "tomorrow":
        return (day + timedelta(days=1)).isoformat()
    if text in ("next week", "end of next week"):
        return (day + timedelta(days=7 - day.weekday() + 4)).isoformat()
    if text in ("this week", "end of week", "end of the week", "eow"):
        return (day + timedelta(days=max(0, 4 - day.weekday()))).isoformat()
    if text in ("end of month", "end of the month", "eom"):
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        return (following - timedelta(days=1)).isoformat()
    if match := re.fullmatch(r"in (\d{1,3}) (day|week)s?", text):
        return (day + timedelta(days=int(match[1]) * (7 if match[2] == "week" else 1))).isoformat()
    name = text.removeprefix("next ").removeprefix("this ")
    if name in _DAYS:
        ahead = (_DAYS.index(name) - day.weekday() - 1) % 7 + 1
        return (day + timedelta(days=ahead)).isoformat()
    return ""
