"""Whether a note was there at the time that a context is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mailbot.assistant.scope import Scope
from mailbot.vault.note_row import NoteRow


def existed(note: NoteRow, scope: Scope) -> bool:
    """Whether all that a note says was there at the time that the context is for; in doubt it was not."""
    if scope.until is None:
        return True
    by_date = note.type == "email" or scope.trust_dates
    when = _moment(note.date) if by_date and note.date else None
    if when is None and note.type != "email":
        when = datetime.fromtimestamp(note.mtime_ns / 1e9, UTC)
    return when is not None and when < scope.until.astimezone()


def _moment(text: str) -> datetime | None:
    """A date property as a moment; a day alone as its end, since nothing says when in it."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        when += timedelta(days=1 if len(text.strip()) <= 10 else 0)
        return when if when.tzinfo else when.astimezone()
    except (OverflowError, ValueError):
        return None
