"""The values of RFC 5322 that the rest of mailbot speaks in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

MessageId = NewType("MessageId", str)
"""A msg-id of RFC 5322 3.6.4 with its angle brackets: `<id-left@id-right>`."""

_MSG_ID = re.compile(r"<[^<>\s]+>")


def message_ids(header: str) -> tuple[MessageId, ...]:
    """The msg-ids of a Message-ID, In-Reply-To or References header, in order, each once.

    Folded white space inside an id (Exchange and some gateways fold there) is closed up; words that are no
    msg-id, such as the phrases of RFC 822's In-Reply-To, are left out.
    """
    closed = re.sub(r"<[^<>]*>", lambda m: re.sub(r"\s+", "", m.group()), header)
    return tuple(dict.fromkeys(MessageId(m) for m in _MSG_ID.findall(closed)))


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox of RFC 5322 3.4: display name (may be empty) and addr-spec."""

    name: str
    email: str

    @property
    def key(self) -> str:
        """What two spellings of one address have in common; compared without case."""
        return self.email.casefold()

    @property
    def domain(self) -> str:
        return self.key.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is kept as a file. `name` is the sender's claim, not yet safe for a file system."""

    name: str
    content_type: str
    content: bytes = field(repr=False)
    content_id: str = ""
    inline: bool = False

    @property
    def size(self) -> int:
        """Octets after decoding."""
        return len(self.content)


@dataclass(frozen=True, slots=True)
class Text:
    """A part that is shown: plain text (already unflowed, RFC 3676) or HTML as it came."""

    content: str = field(repr=False)
    html: bool = False


@dataclass(frozen=True, slots=True)
class Calendar:
    """A text/calendar part; `method` is upper case and may be empty (RFC 5546)."""

    method: str
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One mail, read. Its identity is Message-ID and SHA-256 of the raw bytes.

    `body` holds the shown parts in order; a `Message` in it is a forwarded message/rfc822. `headers` has the
    decoded values of every header by lower-case name; they are claims of a stranger. `defects` lists in words
    what was damaged.
    """

    sha256: str
    size: int
    message_id: MessageId | None = None
    subject: str = ""
    sender: Address | None = None
    authors: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    date: datetime | None = None
    in_reply_to: tuple[MessageId, ...] = ()
    references: tuple[MessageId, ...] = ()
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    body: tuple[Text | Message, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    content_type: str = "text/plain"
    protected: str = ""
    """`signed`, `encrypted` or empty: such a body is neither edited nor quoted."""
    defects: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """The first value of a header, or the empty string."""
        values = self.headers.get(name.lower(), ())
        return values[0] if values else ""

    @property
    def thread(self) -> MessageId | None:
        """The root of the thread: the oldest reference, else the parent, else this mail."""
        return (*self.references, *self.in_reply_to, self.message_id)[0]


def addressed(message: Message, own: Collection[str]) -> str:
    """Where a mail names one of these addresses (case-folded), in words: `To`, `To, with 2 others`, `Cc`, `neither To nor Cc`."""
    if any(a.key in own for a in message.to):
        return "To" if len(message.to) == 1 else f"To, with {len(message.to) - 1} others"
    return "Cc" if any(a.key in own for a in message.cc) else "neither To nor Cc"
