"""A draft's bytes -> the bytes that go out: the same text, without what only its author may see."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from mailbot.mail.message import Address, MessageId, message_ids
from mailbot.mail.mime import header

_DROPPED = re.compile(rb"bcc|resent-bcc|fcc|date|return-path|status|x-(?!mailer$|priority$).*", re.IGNORECASE)
"""Headers that are no recipient's business: hidden recipients, where a copy is filed, and the marks that programs leave in drafts."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A mail ready for RFC 5321: its bytes with CRLF, its envelope, and what the server must be able to take."""

    raw: bytes
    sender: str
    recipients: tuple[Address, ...]
    message_id: MessageId | None
    eight_bit: bool
    """Some octet of its body is beyond ASCII (8BITMIME, RFC 6152)."""
    utf8: bool
    """Some octet of its header or its envelope is (SMTPUTF8, RFC 6531)."""


def for_wire(draft: bytes, date: datetime) -> Wire:
    """A draft as it goes out at this time, to those in To, Cc and Bcc, each once. Never raises."""
    raw = re.sub(rb"\r\n|\r|\n", b"\r\n", draft)
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    kept = [f for f in fields if not _DROPPED.fullmatch(f.partition(b":")[0].strip())]
    kept.append(b"Date: " + format_datetime(date).encode())
    said = email.message_from_string(head.decode("utf-8", "replace") + "\r\n\r\n")  # RFC 6532
    readers: dict[str, Address] = {}
    for name in ("to", "cc", "bcc"):
        for line in said.get_all(name, []):
            for address in header.addresses(str(line))[0]:
                if address.email:
                    readers.setdefault(address.key, address)
    senders = [a for a in header.addresses(str(said.get("from") or ""))[0] if a.email]
    sender = senders[0].email if senders else ""
    ids = message_ids(str(said.get("message-id") or ""))
    top = b"\r\n".join(kept)
    envelope = "".join((sender, *(a.email for a in readers.values())))
    return Wire(
        top + b"\r\n\r\n" + body,
        sender,
        tuple(readers.values()),
        ids[0] if ids else None,
        eight_bit=any(octet > 127 for octet in body),
        utf8=any(octet > 127 for octet in top) or not envelope.isascii(),
    )
