"""RFC 5322 bytes -> Message. mail-parser reads the tree; what it cannot read is read anyway and named a defect."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as Part

from mailbot.mail.message import Address, Attachment, Calendar, Message, MessageId, Text, message_ids
from mailbot.mail.mime import header, leaf
from mailbot.mail.mime.alternative import shown_of
from mailbot.mail.mime.calendar import events
from mailbot.mail.mime.flowed import unflowed
from mailbot.mail.mime.set_aside import LARGE, SetAside, set_aside
from mailbot.mail.mime.tree import bounded, tree

MAX_DEPTH = 30
"""Nested parts that are opened; what lies deeper is kept as one attachment."""
MAX_PARTS = 1000
NO_DATE = "date: missing or unreadable"
"""The defect of a mail without a date. Where one is taken from elsewhere, it says from where."""

_ADDRESS_HEADERS = ("from", "sender", "reply-to", "to", "cc", "bcc", "mail-followup-to", "mail-reply-to")
_PGP = re.compile(r"^-----BEGIN PGP (MESSAGE|SIGNED MESSAGE)-----", re.MULTILINE)


@dataclass
class _Reading:
    """What one message gathers while its tree is walked."""

    defects: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    calendars: list[Calendar] = field(default_factory=list)
    protected: str = ""
    shown: bool = False
    """Whether a text was shown already."""
    parts: int = 0
    aside: SetAside | None = None


def parse(raw: bytes) -> Message:
    """Read any bytes as a mail. Never raises: what is damaged is listed in the Message's `defects`.

    The identity (`sha256`, `size`) is that of `raw` as given; line ends and damage included.
    """
    reading = _Reading()
    light = bounded(raw, reading.defects)
    if len(light) > LARGE:
        light, reading.aside = set_aside(light)
    part, category_defects = tree(light, reading.defects)
    message = _message(part, reading, depth=0, sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))
    defects = tuple(dict.fromkeys((*message.defects, *category_defects)))
    return Message(
        **{name: getattr(message, name) for name in message.__slots__ if name != "defects"}, defects=defects
    )


def _message(part: Part, reading: _Reading, *, depth: int, sha256: str = "", size: int = 0) -> Message:
    headers: dict[str, list[str]] = {}
    raw_addresses: dict[str, list[str]] = {}
    for name, value in part.raw_items():
        key = str(name).lower().strip()
        headers.setdefault(key, []).append(header.text(str(value)))
        if key in _ADDRESS_HEADERS:
            raw_addresses.setdefault(key, []).append(str(value))

    def mailboxes(name: str) -> tuple[Address, ...]:
        found: dict[str, Address] = {}
        for raw in raw_addresses.get(name, []):
            read, defect = header.addresses(raw)
            if defect:
                reading.defects.append(f"{name}: {defect}")
            for address in read:
                found.setdefault(address.key or address.name, address)
        return tuple(found.values())

    def ids(name: str) -> tuple[MessageId, ...]:
        return message_ids(" ".join(headers.get(name, [])))

    for name in ("subject", "from", "date", "message-id"):
        if len(headers.get(name, [])) > 1:
            reading.defects.append(f"{name}: appears {len(headers[name])} times; only the first counts")
    authors = mailboxes("from") or mailboxes("sender")
    if not any(a.email for a in authors):
        reading.defects.append("from: missing")
    own_ids = ids("message-id")
    if not own_ids and depth == 0:
        reading.defects.append("message-id: missing")
    date = next((d for d in map(header.date, headers.get("date", [])) if d), None)
    if date is None:
        received = (header.date(value.rpartition(";")[2]) for value in headers.get("received", []))
        date = next((d for d in received if d), None)
        reading.defects.append(f"{NO_DATE}, taken from Received" if date else NO_DATE)

    body = tuple(_body(part, reading, depth))
    for shown in body:
        if isinstance(shown, Text) and (found := _PGP.search(shown.content)):
            reading.protected = "encrypted" if found[1] == "MESSAGE" else reading.protected or "signed"
    if not body and not reading.attachments and not reading.calendars:
        reading.defects.append("the mail has no body")
    return Message(
        sha256=sha256,
        size=size,
        message_id=own_ids[0] if own_ids else None,
        subject=headers.get("subject", [""])[0],
        sender=authors[0] if authors else None,
        authors=authors,
        reply_to=mailboxes("reply-to"),
        to=mailboxes("to"),
        cc=mailboxes("cc"),
        date=date,
        in_reply_to=ids("in-reply-to"),
        references=ids("references"),
        headers={name: tuple(values) for name, values in headers.items()},
        body=body,
        attachments=tuple(reading.attachments),
        calendars=tuple(reading.calendars),
        content_type=part.get_content_type(),
        protected=reading.protected,
        defects=tuple(dict.fromkeys(reading.defects)),
    )


def _body(part: Part, reading: _Reading, depth: int, related: bool = False) -> Iterator[Text | Message]:
    """The parts a reader is shown, in order (RFC 2046 5.1); the others are gathered as attachments."""
    reading.parts += 1
    if reading.parts > MAX_PARTS:
        if reading.parts == MAX_PARTS + 1:
            reading.defects.append(f"more than {MAX_PARTS} parts, the rest was left out")
        return
    kind = part.get_content_type()
    if depth > MAX_DEPTH:
        reading.defects.append("parts are nested too deeply to be opened")
        _attach(part, reading)
    elif kind in ("message/delivery-status", "message/feedback-report", "text/rfc822-headers"):
        yield Text(_text(part, reading))
    elif kind == "message/rfc822" and _is_encoded(part):
        yield from _forwarded_encoded(part, reading, depth)
    elif kind == "message/rfc822" and part.is_multipart():
        yield from _forwarded(part, reading, depth)
    elif part.is_multipart() or kind.startswith("multipart/"):
        yield from _multipart(part, kind, reading, depth)
    elif kind == "text/calendar":
        content = _text(part, reading)
        method = str(part.get_param("method") or "") or _ics_method(content)
        calendar = Calendar(method.upper().strip(), content)
        reading.calendars.append(calendar)
        readable = bool(events(calendar))
        if not readable:
            reading.defects.append("text/calendar: no event in it could be read")
        if _is_file(part) or not readable:
            _attach(part, reading)
    elif kind in ("text/plain", "text/html") or (
        part.get_content_maintype() == "text" and not _is_file(part)
    ):
        disposition = leaf.disposition(part)
        # A name alone makes no file of the first text: clients show it.
        if disposition == "attachment" or (_is_file(part) and disposition != "inline" and reading.shown):
            _attach(part, reading)
            return
        content = _text(part, reading)
        if kind == "text/plain":
            content = unflowed(part, content)
        if content.strip():
            reading.shown = True
            yield Text(content, html=kind == "text/html")
        if _is_file(part) and disposition == "inline":
            _attach(part, reading, inline=True)
    elif kind == "application/ms-tnef" or leaf.file_name(part).casefold() == "winmail.dat":
        yield from _winmail(part, reading)
    else:
        if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            signed = "signed" in str(part.get_param("smime-type") or "")
            reading.protected = "signed" if signed else "encrypted"
        _attach(part, reading, inline=related or bool(part.get("content-id")))


def _winmail(part: Part, reading: _Reading) -> Iterator[Text]:
    """Outlook's own wrapping (MS-OXTNEF): what is in it is shown and kept; a stream that cannot be opened is kept whole."""
    from mailbot.mail.mime.tnef import open_tnef

    opened = open_tnef(_payload(part, reading))
    if opened is None:
        reading.defects.append("winmail.dat could not be opened (mailbot's extra `tnef` opens sound ones)")
        _attach(part, reading)
        return
    if opened.html.strip() or opened.text.strip():
        yield Text(opened.html or opened.text, html=bool(opened.html.strip()))
    for name, content in opened.files:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        reading.attachments.append(Attachment(name, kind, content))


def _multipart(part: Part, kind: str, reading: _Reading, depth: int) -> Iterator[Text | Message]:
    children = [child for child in part.get_payload() if isinstance(child, Part)]
    if kind == "multipart/alternative" and children:
        yield from _alternative(children, reading, depth + 1)
        return
    if kind == "multipart/signed":
        reading.protected = reading.protected or "signed"
    if kind == "multipart/encrypted":
        reading.protected = "encrypted"
    if not children and isinstance(part.get_payload(), str):
        yield Text(_text(part, reading))
    for text in (part.preamble,):
        # A multipart whose boundary was lost leaves its whole text in the preamble.
        if not children and text and text.strip():
            yield Text(text)
    for child in children:
        yield from _body(child, reading, depth + 1, related=kind == "multipart/related")


def _alternative(children: list[Part], reading: _Reading, depth: int) -> Iterator[Text | Message]:
    """One of the alternatives; calendars and files among them are kept as well."""
    read: list[list[Text | Message]] = []
    before = reading.shown
    for child in children:
        reading.shown = before
        read.append(list(_body(child, reading, depth)))
    reading.shown = before or any(read)
    yield from shown_of(read)


def _forwarded(part: Part, reading: _Reading, depth: int) -> Iterator[Message]:
    for child in part.get_payload():
        if isinstance(child, Part):
            yield _inner(child, reading, depth)


def _inner(part: Part, reading: _Reading, depth: int) -> Message:
    """A mail inside a mail. Its invitations are none to the reader of this one: they are kept as files."""
    inner = _Reading(parts=reading.parts, aside=reading.aside)
    message = _message(part, inner, depth=depth + 1)
    reading.attachments.extend(inner.attachments)
    named = {a.name for a in inner.attachments}
    for calendar in inner.calendars:
        if not any(name.casefold().endswith(".ics") for name in named):
            reading.attachments.append(Attachment("invite.ics", "text/calendar", calendar.content.encode()))
    reading.defects += [f"forwarded mail: {d}" for d in inner.defects if "missing" not in d]
    reading.parts, reading.shown = inner.parts, True
    return message


def _is_encoded(part: Part) -> bool:
    """Whether a mail inside a mail is encoded, which RFC 2046 5.2.1 forbids and some do."""
    return str(part.get("content-transfer-encoding") or "").strip().lower() in ("base64", "quoted-printable")


def _forwarded_encoded(part: Part, reading: _Reading, depth: int) -> Iterator[Message]:
    payload = part.get_payload()
    children = [c for c in payload if isinstance(c, Part)] if isinstance(payload, list) else []
    text = "".join(str(c.get_payload()) for c in children) if children else str(payload)
    holder = Part()
    holder["content-transfer-encoding"] = str(part["content-transfer-encoding"])
    holder.set_payload(text)
    raw = _payload(holder, reading).lstrip()
    if re.match(rb"[\w-]+:", raw):
        yield _inner(tree(bounded(raw, reading.defects), reading.defects)[0], reading, depth)
    else:
        yield from _forwarded(part, reading, depth)


def _ics_method(content: str) -> str:
    found = re.search(r"^METHOD:(\w+)", content, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _text(part: Part, reading: _Reading) -> str:
    text, defects = leaf.text(part, reading.aside)
    reading.defects += defects
    return text


def _payload(part: Part, reading: _Reading) -> bytes:
    content, defects = leaf.octets(part, reading.aside)
    reading.defects += defects
    return content


def _is_file(part: Part) -> bool:
    return bool(leaf.file_name(part))


def _attach(part: Part, reading: _Reading, inline: bool = False) -> None:
    attachment = Attachment(
        name=leaf.file_name(part) or leaf.stand_in_name(part, len(reading.attachments) + 1),
        content_type=part.get_content_type(),
        content=_payload(part, reading),
        content_id=header.text(str(part.get("content-id") or "")).strip("<> "),
        inline=inline,
    )
    reading.attachments.append(attachment)
