"""Invitations and delivery reports as small blocks of an email note."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from mailbot.mail.message import Calendar, Message
from mailbot.mail.mime.report import report
from mailbot.vault.markdown import callout, inline, text_to_markdown

if TYPE_CHECKING:
    from mailbot.mail.mime.calendar import Event


def blocks(message: Message, shown: str) -> list[str]:
    """The invitations of a mail and its delivery report, as Markdown. `shown` is the text that stands in the note already."""
    events = [_event_block(e, shown) for calendar in message.calendars for e in _events(calendar)]
    return [*events, _report_block(message)]


def _events(calendar: Calendar) -> list[Event]:
    from mailbot.mail.mime.calendar import events  # a mail without an invitation never pays for icalendar

    return events(calendar)


_METHODS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Counter-proposal",
}
_ANSWERS = {
    "accepted": "accepted",
    "declined": "declined",
    "tentative": "perhaps",
    "needs-action": "not answered",
}


def _event_block(event: Event, shown: str) -> str:
    """An event as a small block: title, when, where, who asks and who has answered, and its description where the mail's text,
    `shown` elsewhere in the note, does not say the same."""
    rows = [
        ("When", event.when + _yours(event.start) + (" (repeats)" if event.repeats else "")),
        ("Where", event.where),
        ("Organiser", event.organizer),
    ]
    lines = [f"**{label}:** {inline(text)}" for label, text in rows if text]
    answers = [
        f"{inline(a.name or a.email)}: {_ANSWERS.get(a.answer, a.answer or 'not answered')}"
        for a in event.attendees
    ]
    if answers:
        lines.append(f"**Answers:** {'; '.join(answers)}")
    what = (
        "Changed invitation"
        if event.updated and event.method == "REQUEST"
        else _METHODS.get(event.method, "Event")
    )
    text = "  \n".join(lines)
    words = set(re.findall(r"\w+", event.description.casefold()))
    if not words <= set(re.findall(r"\w+", shown.casefold())):
        text += f"\n\n{text_to_markdown(event.description)}"
    return callout("calendar", f"{what}: {inline(event.title)}", text, folded=False)


def _yours(start: datetime | None) -> str:
    """A moment as the user's own clock shows it, where that is another than the invitation's."""
    try:
        local = start.astimezone() if start else None
    except (OverflowError, ValueError):
        return ""
    if start is None or local is None or local.utcoffset() == start.utcoffset():
        return ""
    return f"; for you {local:%a, %d %b %Y %H:%M %Z}"


def _report_block(message: Message) -> str:
    """A delivery report as a small block: who did not get which mail of ours, and why."""
    found = report(message)
    if found is None:
        return ""
    lines = []
    for r in found.recipients:
        what = f"{r.action or 'reported'}{f' ({r.status})' if r.status else ''}"
        lines.append(f"**{inline(r.recipient)}:** {inline(f'{what}: {r.reason}' if r.reason else what)}")
    about = f"{found.subject} {found.message_id or ''}".strip()
    if about:
        lines.append(f"**The mail:** {inline(about)}")
    return callout("fail", "Delivery report", "  \n".join(lines), folded=False)
