"""The header of a mail that the user sent: to whom, when, in answer to what."""

from __future__ import annotations

import email
from dataclasses import dataclass
from datetime import datetime

from mailbot.mail.message import message_ids
from mailbot.mail.mime import header


@dataclass(frozen=True, slots=True)
class SentHeader:
    """`message_id` and `parent` may be empty; `to` are the addresses of To, Cc and Bcc, case-folded. The parent is the first
    In-Reply-To, else the last of References: Claws drops the one and keeps the other."""

    message_id: str = ""
    parent: str = ""
    date: datetime | None = None
    to: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    """As the server sends them."""
    sender: str = ""
    """The address in From, case-folded."""


def sent_header(raw: bytes, flags: frozenset[str] = frozenset()) -> SentHeader:
    """Header bytes -> SentHeader. Never raises."""
    fields = email.message_from_bytes(raw)
    lines = [str(value) for name in ("to", "cc", "bcc") for value in fields.get_all(name, [])]
    found = (address.key for line in lines for address in header.addresses(line)[0] if address.email)
    ids = message_ids(str(fields.get("message-id") or ""))
    parents = message_ids(str(fields.get("in-reply-to") or ""))
    chain = message_ids(str(fields.get("references") or ""))
    return SentHeader(
        ids[0] if ids else "",
        parents[0] if parents else chain[-1] if chain else "",
        header.date(str(fields.get("date") or "")),
        tuple(dict.fromkeys(found)),
        flags,
        next((a.key for a in header.addresses(str(fields.get("from") or ""))[0]), ""),
    )
