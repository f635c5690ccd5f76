"""Reply headers and MIME bytes. Recipients and threading come from the source mail and the configuration alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any

from mailbot.mail.message import Address, Message, MessageId

_ID_HEADERS = {"message-id", "in-reply-to", "references"}
MAX_REFERENCES = 40
"""Ids kept in References: the root and the newest (RFC 5322 3.6.4 lets the middle go)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to write: `body` is plain text, already with quote and signature; `subject` has its `Re: `."""

    message_id: MessageId
    date: datetime
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    in_reply_to: MessageId | None
    references: tuple[MessageId, ...]
    body: str
    mailbot_id: str = ""


def recipients(
    message: Message, own: Iterable[str], reply_all: bool
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """(To, Cc) of a reply: Reply-To, else From (RFC 5322 3.6.2); on reply-all the other recipients go to Cc, less the
    user's own addresses (`own`), each once. Never a Bcc, never Sender."""
    mine = {address.casefold() for address in own}
    seen: set[str] = set()

    def fresh(addresses: Iterable[Address]) -> tuple[Address, ...]:
        chosen = []
        for address in addresses:
            if "@" in address.email and address.key not in seen:
                seen.add(address.key)
                chosen.append(address)
        return tuple(chosen)

    followup = message.headers.get("mail-followup-to")
    if reply_all and followup:
        from mailbot.mail.header import addresses

        wanted = tuple(a for value in followup for a in addresses(value)[0] if a.key not in mine)
        if wanted:
            return fresh(wanted), ()
    to = fresh(message.reply_to) or fresh(message.authors)
    if not reply_all:
        return to, ()
    seen |= mine
    # A list that points Reply-To at itself would leave the author out (RFC 2369 is no reason to).
    others = (*message.authors, *message.to, *message.cc) if message.reply_to else (*message.to, *message.cc)
    return to, fresh(others)


def sender_alias(message: Message, own: Iterable[Address]) -> Address:
    """The user's address that received the mail (Delivered-To, X-Original-To, To, Cc, in this order), else the first."""
    mine = tuple(own)
    known = {a.key: a for a in mine}
    claims = [*message.headers.get("delivered-to", ()), *message.headers.get("x-original-to", ())]
    for email in [*(c.strip("<> ").casefold() for c in claims), *(a.key for a in (*message.to, *message.cc))]:
        if email in known:
            return known[email]
    return mine[0]


_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|vs|odp|rif|res|ref|ynt|回复|回覆|答复|答覆|返信|답장|πρ|να)(?:\[\d+\]|\(\d+\))?\s*[:：]\s*)+",
    re.IGNORECASE,
)


def reply_subject(subject: str) -> str:
    """One `Re: ` in front of the subject, whatever stood there before; the rest unchanged."""
    return f"Re: {_PREFIX.sub('', subject).strip()}".strip()


def threading(message: Message) -> tuple[MessageId | None, tuple[MessageId, ...]]:
    """(In-Reply-To, References) of a reply (RFC 5322 3.6.4); neither where the parent has no id."""
    if message.message_id is None:
        return None, ()
    parents = message.references or (message.in_reply_to if len(message.in_reply_to) == 1 else ())
    chain = tuple(dict.fromkeys((*(p for p in parents if p != message.message_id), message.message_id)))
    if len(chain) > MAX_REFERENCES:
        chain = (chain[0], *chain[-(MAX_REFERENCES - 1) :])
    return message.message_id, chain


def quoted(text: str, author: Address | None, date: datetime | None) -> str:
    """The parent as quoted in a reply: an attribution line and the text behind `> `."""
    text = re.sub(r"\[?cid:[^\s\]>]+\]?", "", text)
    who = (author.name or author.email) if author else ""
    attribution = (
        f"On {date:%a, %d %b %Y at %H:%M}, {who} wrote:" if date and who else f"{who or 'They'} wrote:"
    )
    lines = [
        f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.strip().split("\n")
    ]
    return "\n".join([_one_line(attribution), *lines])


def body(reply: str, quote: str = "", signature: str = "") -> str:
    """The text of a reply: what was written, the signature behind its delimiter (RFC 3676 4.3), the quote."""
    parts = [reply.strip()]
    if signature.strip():
        parts.append(f"-- \n{signature.strip()}")
    if quote.strip():
        parts.append(quote.strip())
    return "\n\n".join(parts) + "\n"


class _Threads(EmailPolicy):
    """EmailPolicy that folds id headers between ids only: the library's own RFC 2047-encodes ids of 78 characters or
    more, and a client that compares bytes then loses the thread."""

    def fold(self, name: str, value: Any) -> str:
        return self._ids(name, value) if name.lower() in _ID_HEADERS else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return (
            self._ids(name, value).encode("ascii", "replace")
            if name.lower() in _ID_HEADERS
            else super().fold_binary(name, value)
        )

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, str(value)) if name.lower() in _ID_HEADERS else super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        return value if name.lower() in _ID_HEADERS else super().header_fetch_parse(name, value)

    def _ids(self, name: str, value: str) -> str:
        lines = [f"{name}:"]
        for word in value.split():
            if len(lines[-1]) + 1 + len(word) > 78 and not lines[-1].endswith(":"):
                lines.append("")
            lines[-1] += f" {word}"
        return "\r\n".join(lines) + "\r\n"


_POLICY = _Threads(**{k: v for k, v in vars(SMTP).items() if not k.startswith("_")}).clone(
    max_line_length=78, cte_type="7bit"
)


def compose(reply: Reply) -> bytes:
    """The reply as RFC 5322 bytes with CRLF: text/plain, UTF-8, quoted-printable.

    No value can add a header: CR, LF and NUL never pass. Addresses that no header can hold are left out.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = _header_address(reply.sender)
    if to := tuple(h for h in map(_header_address, reply.to) if h):
        message["To"] = to
    if cc := tuple(h for h in map(_header_address, reply.cc) if h):
        message["Cc"] = cc
    message["Subject"] = _one_line(reply.subject)
    message["Date"] = format_datetime(reply.date)
    message["Message-ID"] = _safe_id(reply.message_id)
    if reply.in_reply_to:
        message["In-Reply-To"] = _safe_id(reply.in_reply_to)
        message["References"] = " ".join(_safe_id(r) for r in reply.references)
    if reply.mailbot_id:
        message["X-Mailbot-Id"] = _one_line(reply.mailbot_id)
    text = reply.body.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    message.set_content(text, subtype="plain", charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _header_address(address: Address) -> HeaderAddress | None:
    local, _, domain = _one_line(address.email).rpartition("@")
    try:
        return HeaderAddress(_one_line(address.name), local, domain)
    except (ValueError, IndexError):
        pass
    try:
        return HeaderAddress(_one_line(address.name), addr_spec=_one_line(address.email))
    except Exception:  # noqa: BLE001 - the parser raises many kinds on what is no address; such a one cannot be written to
        return None


def _safe_id(message_id: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "", message_id)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[\x00-\x1f\x7f\u2028\u2029\x85]", " ", text)).strip()
