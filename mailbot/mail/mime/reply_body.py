"""The text of a reply: what was written, the signature, and the quoted parent under its attribution line."""

from __future__ import annotations

import re
from datetime import datetime

from mailbot.language.lists import codes, entries
from mailbot.mail.message import Address


def quoted(text: str, author: Address | None, date: datetime | None, language: str = "en") -> str:
    """The parent as quoted in a reply: an attribution line, in the language of an ISO code, and the text behind `> `."""
    text = re.sub(r"\[?cid:[^\s\]>]+\]?", "", text)
    who = (author.name or author.email) if author else ""
    template = (entries("reply.attribution", language) if language in codes() else ()) or entries(
        "reply.attribution", "en"
    )
    attribution = template[0].format(date=date, who=who) if date and who else f"{who or 'They'} wrote:"
    lines = [
        f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.strip().split("\n")
    ]
    return "\n".join([" ".join(attribution.split()), *lines])


def body(reply: str, quote: str = "", signature: str = "") -> str:
    """The text of a reply: what was written, the signature, the quote. The signature has its delimiter (RFC 3676 4.3) only where
    nothing follows it: clients take all that stands below a delimiter for signature, and cut it or show it in grey."""
    parts = [reply.strip()]
    if signature.strip():
        parts.append(signature.strip() if quote.strip() else f"-- \n{signature.strip()}")
    if quote.strip():
        parts.append(quote.strip())
    return "\n\n".join(parts) + "\n"
