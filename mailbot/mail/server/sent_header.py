"""The header of a mail that the user sent: to whom, when, in answer to what."""

from __future__ import annotations

import email
from dataclasses import dataclass
from datetime import datetime

from mailbot.mail.message import message_ids
from mailbot.mail.mime import header


@dataclass(frozen=True, slots=True)
class SentHeader:
    """`message_id` and `parent` (the first In-Reply-To) may be empty; `to` are the addresses of To, Cc and Bcc, case-folded."""

    message_id: str = ""
    parent: str = ""
    date: datetime | None = None
    to: tuple[str, ...] = ()


def sent_header(raw: bytes) -> SentHeader:
    """Header bytes -> SentHeader. Never raises."""
    fields = email.message_from_bytes(raw)
    lines = [str(value) for name in ("to", "cc", "bcc") for value in fields.get_all(name, [])]
    found = (address.key for line in lines for address in header.addresses(line)[0] if address.email)
    ids = message_ids(str(fields.get("message-id") or ""))
    parents = message_ids(str(fields.get("in-reply-to") or ""))
    return SentHeader(
        ids[0] if ids else "",
        parents[0] if parents else "",
        header.date(str(fields.get("date") or "")),
        tuple(dict.fromkeys(found)),
    )
