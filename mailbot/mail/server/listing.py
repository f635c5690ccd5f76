"""What a server says of a mailbox and of a message before its body is read. Values only, and none out of this world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailbot.mail.message import MessageId

HIGHEST = 2**32 - 1
"""The highest number of IMAP (RFC 3501 9, nz-number)."""


def number(value: object) -> int:
    """A number of the protocol; 0 where the server sends none, or one that cannot be."""
    try:
        found = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0
    return found if 0 < found <= HIGHEST else 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What EXAMINE said of a mailbox. `uidnext` is 0 if the server does not say, `uidvalidity` is 0 if it has none: then a UID
    tells no mail from another."""

    name: str
    uidvalidity: int
    uidnext: int
    exists: int

    @property
    def last(self) -> int:
        """The highest UID that can be there."""
        return self.uidnext - 1 if self.uidnext else HIGHEST


@dataclass(frozen=True, slots=True)
class Listing:
    """A message's facts, before its body is fetched. `size` is RFC822.SIZE in octets."""

    uid: int
    size: int
    flags: frozenset[str]
    message_id: MessageId | None
    internal_date: datetime | None
