"""What a server says of a mailbox and of a message before its body is read. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailbot.mail.message import MessageId


@dataclass(frozen=True, slots=True)
class Opened:
    """What EXAMINE said of a mailbox. `uidnext` is 0 if the server does not say."""

    name: str
    uidvalidity: int
    uidnext: int
    exists: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A message's facts, before its body is fetched. `size` is RFC822.SIZE in octets."""

    uid: int
    size: int
    flags: frozenset[str]
    message_id: MessageId | None
    internal_date: datetime | None
