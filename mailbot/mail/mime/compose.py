"""A reply -> MIME bytes."""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from mailbot.mail.message import Address, Attachment, MessageId


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
    quote_lines: int = 0
    """How many lines at the end of `body` quote the parent."""
    files: tuple[Attachment, ...] = ()
    bcc: tuple[Address, ...] = ()
    """Stands in a draft only; what goes out names none of them."""


class _Policy(EmailPolicy):
    """EmailPolicy whose id and address headers are folded here, between ids and between addresses only. The library's
    own folding RFC 2047-encodes ids of 78 characters or more, so that a client that compares bytes loses the thread,
    and takes the quotes off a long display name, so that a comma in it becomes another recipient."""

    def fold(self, name: str, value: Any) -> str:
        return self._ours(name, value) if name.lower() in _OURS else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _OURS:
            return self._ours(name, value).encode("utf-8", "replace")
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


_OURS = {"message-id", "in-reply-to", "references", "from", "to", "cc", "bcc"}
_POLICY = _Policy(max_line_length=78, linesep="\r\n", cte_type="7bit")


def new_message_id(address: str) -> MessageId:
    """A Message-ID of our own, at the user's domain (RFC 5322 3.6.4). It says nothing of mailbot: recipients see it."""
    domain = address.rpartition("@")[2]
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = "mail.invalid"
    return MessageId(f"<{secrets.token_hex(16)}@{domain}>")


def compose(reply: Reply) -> bytes:
    """The reply as RFC 5322 bytes with CRLF: text/plain, UTF-8, quoted-printable, and its files after it.

    No value can add a header or a recipient: CR, LF and NUL never pass, and a display name is quoted or encoded whole.
    An address that no header can hold is left out.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = mailbox(reply.sender)
    for name, addresses in (("To", reply.to), ("Cc", reply.cc), ("Bcc", reply.bcc)):
        if written := [m for m in map(mailbox, addresses) if m]:
            message[name] = ",\n".join(written)
    message["Subject"] = _one_line(reply.subject)
    message["Date"] = format_datetime(reply.date)
    message["Message-ID"] = _safe_id(reply.message_id)
    if reply.in_reply_to:
        message["In-Reply-To"] = _safe_id(reply.in_reply_to)
        message["References"] = "\n".join(_safe_id(r) for r in reply.references)
    text = reply.body.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text.encode("utf-8", "replace").decode()
    message.set_content(text, subtype="plain", charset="utf-8", cte="quoted-printable")
    for file in reply.files:
        kind, _, subtype = file.content_type.partition("/")
        name = _one_line(encodable(file.name)).replace("/", "_")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=name)
    return message.as_bytes()


DEVIATIONS = frozenset("ßς\u200c\u200d")
"""What IDNA 2003 and 2008 write differently (RFC 5894 7.2): the older way may lead to somebody else's domain."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LETTERS = r"[\w!#$%&'*+/=?^`{|}~-]+"
"""An atom with letters of any script (RFC 6532 3.2): none that is invisible or turns the direction of writing."""
_DOT_ATOM = re.compile(rf"{_LETTERS}(?:\.{_LETTERS})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f.:IPv]+\]")


def mailbox(address: Address) -> str:
    """An address as it stands in a header (RFC 5322 3.4): `"Name" <local@domain>`; empty if it is none that a
    header can hold. Only a plain dot-atom is taken for a local part, which may have letters of any script (RFC 6532); an international
    domain is written in ASCII."""
    local, _, domain = unicodedata.normalize("NFC", address.email).rpartition("@")
    if set(domain) & DEVIATIONS:
        return ""
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
