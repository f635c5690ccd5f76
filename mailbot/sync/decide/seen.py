"""A stored draft as it was seen at a moment: what the server holds of it, and what its note says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mailbot.sync.memory.rows import Location

Place = Literal["drafts", "sent", "trash"]


@dataclass(frozen=True, slots=True)
class Found:
    """A message that is the draft, or came from it. `by_id` says that it has the draft's Message-ID, else it answers the same mail;
    `same` that it says what the draft said; `ours` that its bytes are those we appended; `as_noted` that its text is what the
    note says now."""

    place: Place
    at: Location
    message_id: str
    by_id: bool
    same: bool = False
    ours: bool = False
    likeness: float = 1.0
    """How alike they are; a draft that is mostly blanks is like anything that was made of it."""
    strict: float = 1.0
    """The same, word for word."""
    as_noted: bool = False
    content: str = ""
    """The hash of what it says."""
    sha256: str = ""
    stale: bool = False
    """It has the Message-ID of an earlier revision: a client had that one open when the note's text took its place."""


@dataclass(frozen=True, slots=True)
class OnServer:
    """`placed`: it lies where it lay, not marked as deleted. `marked`: it lies there, marked as deleted. `copies` are other
    messages in Drafts that may be it, `sent` and `trash` what was found in those."""

    placed: bool = False
    marked: bool = False
    copies: tuple[Found, ...] = ()
    sent: Found | None = None
    trash: Found | None = None


@dataclass(frozen=True, slots=True)
class InNote:
    """`there`: the note was found. `read`: its marks and properties are whole. `changed`: it says something else than when it and
    Drafts last agreed. `status` and `resolve` are as the user may have set them."""

    there: bool = True
    read: bool = True
    changed: bool = False
    status: str = ""
    resolve: str = ""
    as_approved: bool = False
    """It says what was approved."""
    lacking: str = ""
    """Why it cannot be approved: a blank, or no text at all."""
    why: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Both sides, at a moment."""

    server: OnServer
    note: InNote
    now: datetime
