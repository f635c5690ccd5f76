"""text/calendar -> what an invitation says (RFC 5545, RFC 5546). The only importer of icalendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mailbot.mail.message import Calendar

MAX_SIZE = 500_000
MAX_EVENTS = 5
MAX_DESCRIPTION = 20_000


@dataclass(frozen=True, slots=True)
class Attendee:
    """`answer` is the PARTSTAT in lower case: accepted, declined, tentative, needs-action, or empty."""

    name: str
    email: str
    answer: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an invitation. `when` is in words, in the zone of the invitation; `start` is the moment itself where
    there is one; `method` as in the Calendar."""

    method: str
    title: str
    when: str
    start: datetime | None
    where: str
    organizer: str
    attendees: tuple[Attendee, ...] = ()
    repeats: bool = False
    description: str = ""
    updated: bool = False
    """Whether an earlier form of it was sent before (RFC 5545 3.8.7.4, SEQUENCE)."""


def events(calendar: Calendar) -> list[Event]:
    """The events of a calendar part, the first few of many; an empty list where it cannot be read."""
    import icalendar  # a mail without an invitation never pays for it

    if len(calendar.content) > MAX_SIZE:
        return []
    try:
        parsed = icalendar.Calendar.from_ical(calendar.content)
        found = [_event(calendar.method, component) for component in parsed.walk("VEVENT")[:MAX_EVENTS]]
    except Exception:  # noqa: BLE001 - damaged calendars raise ValueError, KeyError and more; the file itself is kept
        return []
    return [event for event in found if event.title or event.when]


def _event(method: str, component: Any) -> Event:
    attendees = component.get("attendee") or []
    attendees = attendees if isinstance(attendees, list) else [attendees]
    start = _value(component.get("dtstart"))
    return Event(
        method=method,
        title=str(component.get("summary") or ""),
        when=_when(start, _value(component.get("dtend"))),
        start=start if isinstance(start, datetime) and start.tzinfo else None,
        where=str(component.get("location") or ""),
        organizer=_person(component.get("organizer")),
        attendees=tuple(
            Attendee(str(a.params.get("CN", "")), _email(a), str(a.params.get("PARTSTAT", "")).lower())
            for a in attendees[:50]
        ),
        repeats=bool(component.get("rrule")),
        description=str(component.get("description") or "").strip()[:MAX_DESCRIPTION],
        updated=str(component.get("sequence") or "0") not in ("0", ""),
    )


def _value(prop: Any) -> Any:
    return getattr(prop, "dt", None)


def _when(start: Any, end: Any) -> str:
    if isinstance(start, datetime):
        zone = start.tzname() if start.tzinfo else "no time zone"
        text = f"{start:%a, %d %b %Y %H:%M}"
        if isinstance(end, datetime):
            text += f"–{end:%H:%M}" if end.date() == start.date() else f" – {end:%a, %d %b %Y %H:%M}"
        return f"{text} {zone or ''}".strip()
    return f"{start:%a, %d %b %Y}, all day" if isinstance(start, date) else ""


def _person(prop: Any) -> str:
    if prop is None:
        return ""
    name, email = str(prop.params.get("CN", "")), _email(prop)
    return f"{name} <{email}>" if name and name != email else email


def _email(prop: Any) -> str:
    text = str(prop)
    return text[7:] if text[:7].lower() == "mailto:" else text
