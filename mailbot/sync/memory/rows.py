"""The rows of the memory, as values. Times are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Stage = Literal["triage", "draft", "done"]
"""What a mail waits for."""
Purpose = Literal["inbox", "sent"]
"""Why a mailbox is read: to keep its mails, or to know what the user has written."""
DraftStatus = Literal[
    "intent",
    "draft",
    "edited",
    "approved",
    "sending",
    "sent",
    "answered",
    "discarded",
    "missing",
    "superseded",
    "conflict",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to which UID of a mailbox everything wanted is durable or its failure recorded; `moved` says when it last moved."""

    uidvalidity: int
    uid: int
    moved: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a mail lies on an account's server."""

    mailbox: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail that was kept. `note` is relative to the vault; `note_hash` is of the bytes that were last written there.
    `next_try` is None if it may be tried at once."""

    id: int
    account: str
    message_id: str
    sha256: str
    note: str
    note_hash: str
    date: datetime
    stage: Stage
    disposition: str
    attempts: int = 0
    next_try: datetime | None = None
    error: str = ""

    @property
    def stem(self) -> str:
        """The name of its note, without folder and ending."""
        return self.note.rpartition("/")[2].removesuffix(".md")


Ender = Literal["", "client", "user"]
"""Who ended a draft: a mail client, as far as can be told, or the user in words."""
OPEN: tuple[DraftStatus, ...] = ("draft", "edited", "approved", "conflict", "missing", "sending", "unknown")
"""The drafts of which more is to come."""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft. `uid` is 0 until the server's was confirmed; `sha256` is of the bytes that lie there, `ours` says that they are as
    we appended them, or that the user has said that they give way; `why` says in words how it came to its status. It lies in the
    spool where `mailbox` is empty."""

    id: int
    mail_id: int
    message_id: str
    status: DraftStatus
    why: str
    note: str
    note_hash: str
    mailbox: str
    uidvalidity: int
    uid: int
    sha256: str
    created: datetime
    ours: bool = True
    quote_lines: int = 0
    """How many lines at the end of its text quote the mail."""
    server_base: str = ""
    note_base: str = ""
    """Hashes of what Drafts and the note said when they last agreed."""
    becomes: DraftStatus = "draft"
    """Its status once it is stored, and once an approval is withdrawn."""
    ended_by: Ender = ""
    since: datetime | None = None
    """Since when it is missing."""
    looks: int = 0
    """How many runs have missed it."""
    approved: str = ""
    """The hash of what the user has approved."""
    approved_at: datetime | None = None
    sent_at: datetime | None = None
    """When mailbot handed it to the mail server."""
    todo: str = ""
    """What is left to do after that, in words of `steps/after_sending.py`."""
    attempts: int = 0
    next_try: datetime | None = None
    sent_mark: int = 0
    """The newest mail in Sent when it was made: only later ones can be it, or answer instead of it."""
    thread_note: str = ""
    """The note of a newer mail of the thread that its own note names."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that could not become a note: where it lies, why, and when it may be tried again; or that the user has given it
    up."""

    location: Location
    error: str
    attempts: int
    next_try: datetime
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class SentRow:
    """A mail of the user's own, by its header. `parent` is the Message-ID that it answers."""

    id: int
    location: Location
    message_id: str
    parent: str
    date: datetime | None


@dataclass(frozen=True, slots=True)
class Stranger:
    """A mail whose sender may become known: the address, and the Message-IDs that the mail says it answers."""

    mail_id: int
    address: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model was asked for one purpose."""

    purpose: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when an account is left alone, and why."""

    until: datetime
    reason: str
