"""Reply headers and MIME bytes. Recipients and threading come from the source mail and the configuration alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from mailbot.mail.message import Address, Message, MessageId

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
    tagged = {_untagged(address) for address in mine}
    seen: set[str] = set()

    def fresh(addresses: Iterable[Address], *, all_others: bool = False) -> tuple[Address, ...]:
        chosen = []
        for address in addresses:
            if (
                "@" in address.email
                and address.key not in seen
                and not (all_others and _untagged(address.key) in tagged)
            ):
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
    if to and all(_untagged(a.key) in tagged for a in to):  # a mail of one's own goes on to those it went to
        to = fresh(message.to, all_others=True) or to
    if not reply_all:
        return to, ()
    seen |= mine
    # A list that points Reply-To at itself would leave the author out; anyone else who sets Reply-To means it.
    posts = message.header("list-post").casefold()
    munged = bool(message.reply_to) and all(a.key in posts for a in message.reply_to)
    return to, fresh((*(message.authors if munged else ()), *message.to, *message.cc), all_others=True)


def _untagged(email: str) -> str:
    """jo+news@example.com -> jo@example.com (RFC 5233)."""
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


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


_ATTRIBUTIONS = {
    "en": "On {0:%a, %d %b %Y at %H:%M}, {1} wrote:",
    "de": "Am {0:%d.%m.%Y um %H:%M} schrieb {1}:",
    "fr": "Le {0:%d/%m/%Y à %H:%M}, {1} a écrit :",
    "es": "El {0:%d/%m/%Y a las %H:%M}, {1} escribió:",
    "it": "Il {0:%d/%m/%Y alle %H:%M}, {1} ha scritto:",
    "pt": "Em {0:%d/%m/%Y às %H:%M}, {1} escreveu:",
    "nl": "Op {0:%d-%m-%Y om %H:%M} schreef {1}:",
}


def quoted(text: str, author: Address | None, date: datetime | None, language: str = "en") -> str:
    """The parent as quoted in a reply: an attribution line, in the language of an ISO code, and the text behind `> `."""
    text = re.sub(r"\[?cid:[^\s\]>]+\]?", "", text)
    who = (author.name or author.email) if author else ""
    attribution = (
        _ATTRIBUTIONS.get(language, _ATTRIBUTIONS["en"]).format(date, who)
        if date and who
        else f"{who or 'They'} wrote:"
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


class _Policy(EmailPolicy):
    """EmailPolicy whose id and address headers are folded here, between ids and between addresses only. The library's
    own folding RFC 2047-encodes ids of 78 characters or more, so that a client that compares bytes loses the thread,
    and takes the quotes off a long display name, so that a comma in it becomes another recipient."""

    def fold(self, name: str, value: Any) -> str:
        return self._ours(name, value) if name.lower() in _OURS else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _OURS:
            return self._ours(name, value).encode("ascii", "replace")
        return super().fold_binary(name, value)

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, str(value)) if name.lower() in _OURS else super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        return value if name.lower() in _OURS else super().header_fetch_parse(name, value)

    def _ours(self, name: str, value: str) -> str:
        lines = [f"{name}:"]
        for piece in value.split("\n"):
            if len(lines[-1]) + 1 + len(piece) > 78 and not lines[-1].endswith(":"):
                lines.append("")
            lines[-1] += f" {piece}"
        return "\r\n".join(lines) + "\r\n"


_OURS = {"message-id", "in-reply-to", "references", "from", "to", "cc"}
_POLICY = _Policy(max_line_length=78, linesep="\r\n", cte_type="7bit")


def compose(reply: Reply) -> bytes:
    """The reply as RFC 5322 bytes with CRLF: text/plain, UTF-8, quoted-printable.

    No value can add a header or a recipient: CR, LF and NUL never pass, and a display name is quoted or encoded whole.
    An address that no header can hold is left out.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = mailbox(reply.sender)
    for name, addresses in (("To", reply.to), ("Cc", reply.cc)):
        if written := [m for m in map(mailbox, addresses) if m]:
            message[name] = ",\n".join(written)
    message["Subject"] = _one_line(reply.subject)
    message["Date"] = format_datetime(reply.date)
    message["Message-ID"] = _safe_id(reply.message_id)
    if reply.in_reply_to:
        message["In-Reply-To"] = _safe_id(reply.in_reply_to)
        message["References"] = "\n".join(_safe_id(r) for r in reply.references)
    if reply.mailbot_id:
        message["X-Mailbot-Id"] = _one_line(reply.mailbot_id)
    text = reply.body.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text.encode("utf-8", "replace").decode()
    message.set_content(text, subtype="plain", charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f.:IPv]+\]")


def mailbox(address: Address) -> str:
    """An address as it stands in a header (RFC 5322 3.4): `"Name" <local@domain>`; empty where it is none that a
    header can hold. Only a plain dot-atom is taken for a local part, and an international domain is written in ASCII."""
    local, _, domain = address.email.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    if not _DOT_ATOM.fullmatch(local) or not _DOMAIN.fullmatch(domain) or "=?" in local:
        return ""
    name = _one_line(encodable(address.name))
    if not name:
        return f"{local}@{domain}"
    if name.isascii() and len(name) <= 60 and "=?" not in name:
        quoted = re.sub(r'(["\\])', r"\\\1", name)
        plain = re.fullmatch(rf"{_ATOM}(?: {_ATOM})*", name)
        return f"{name if plain else chr(34) + quoted + chr(34)} <{local}@{domain}>"
    # Encoded whole, in words of at most 75 characters (RFC 2047 2), none of which can hold a special.
    words, word = [], ""
    for character in name[:200]:
        if len(base64.b64encode((word + character).encode())) > 56:
            words.append(word)
            word = ""
        word += character
    encoded = "\n".join(f"=?utf-8?b?{base64.b64encode(w.encode()).decode()}?=" for w in [*words, word])
    return f"{encoded} <{local}@{domain}>"


def encodable(name: str) -> str:
    """A display name without lone surrogates, which no encoding holds."""
    return name.encode("utf-8", "ignore").decode()


def _safe_id(message_id: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "", message_id)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[\x00-\x1f\x7f\u2028\u2029\x85]", " ", text)).strip()
