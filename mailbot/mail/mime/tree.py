"""Raw bytes -> a MIME tree, by mail-parser; what it cannot read is read anyway and named a defect."""

from __future__ import annotations

import email
import logging
import re
from email.message import Message as Part

# mail-parser logs raw headers on its warnings; no mail text belongs in a log.
logging.getLogger("mailparser").disabled = True
for _logger in ("core", "utils", "addresses", "dates", "received"):
    logging.getLogger(f"mailparser.{_logger}").disabled = True
MAX_HEADERS = 2000
MAX_HEADER = 16 * 1024
"""Characters of one header; the parsers' own costs grow with its square."""

_OWN_WORDS = {
    "AddressHeaderDefect",
    "CharsetDecodeDefect",
    "DateHeaderDefect",
    "ReceivedHeaderDefect",
    "MimeHeaderDefect",
}
"""Defects of mail-parser that this module names itself, with the header or part that has them."""


def bounded(raw: bytes, defects: list[str]) -> bytes:
    """Cut headers that are only there to cost time, and a "From " line in front."""
    raw = raw.lstrip(b"\r\n") if raw[:2] in (b"\r\n", b"\n\n") or raw[:1] == b"\n" else raw
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
        defects.append("a byte order mark stood before the headers")
    raw = without_envelope(raw)
    end = _header_end(raw)
    head = raw[:end]
    if len(head) <= MAX_HEADER:
        return raw
    lines: list[bytes] = []
    length = fields = 0
    cut = False
    for line in head.splitlines(keepends=True):
        if line[:1] not in (b" ", b"\t"):
            length, fields = 0, fields + 1
        length += len(line)
        if fields > MAX_HEADERS or length > MAX_HEADER:
            cut = True
            if length - len(line) < MAX_HEADER and fields <= MAX_HEADERS:
                lines.append(line[: MAX_HEADER - (length - len(line))].rstrip() + b"\n")
            continue
        lines.append(line)
    if not cut:
        return raw
    defects.append("a header beyond all bounds was cut short")
    return b"".join(lines) + raw[end:]


_ENVELOPE = re.compile(rb"(?:>*From (?![ \t]*:)[^\r\n]*\r?\n)+(?=[!-9;-~]+[ \t]*:)")


def without_envelope(raw: bytes) -> bytes:
    """A mail without the line that mbox files and mail servers set before its header (`From ana@acme.example Fri Nov 20 ...`,
    RFC 4155), quoted with `>` or not: it is of the envelope, and no part of the mail."""
    found = _ENVELOPE.match(raw) if raw[:1] in (b"F", b">") else None
    return raw[found.end() :] if found else raw


def _header_end(raw: bytes) -> int:
    ends = [at for at in (raw.find(b"\n\n"), raw.find(b"\n\r\n"), raw.find(b"\r\r")) if at >= 0]
    return min(ends) + 1 if ends else len(raw)


def tree(raw: bytes, defects: list[str]) -> tuple[Part, list[str]]:
    """The MIME tree, and mail-parser's defects in words."""
    from mailparser import MailParser  # a run without new mail never pays for it
    from mailparser.exceptions import MailParserError

    try:
        message = _message(raw)
        found = MailParser(_frame(message)).defects_categories
        return message, [_in_words(c) for c in sorted(found) if c not in _OWN_WORDS]
    except (MailParserError, RecursionError):
        defects.append("parts are nested too deeply to be opened")
    except Exception as error:  # noqa: BLE001 - any parser failure must leave a readable mail
        defects.append(f"mail-parser could not read it ({type(error).__name__})")
        try:
            return email.message_from_bytes(raw), []
        except Exception:  # noqa: BLE001 - as above
            defects.append("the structure could not be read")
    end = _header_end(raw)
    part = email.message_from_bytes(raw[:end])
    del part["content-type"], part["content-transfer-encoding"]
    part.set_payload(raw[end:].decode("latin-1"), "latin-1")
    return part, []


def _message(raw: bytes) -> Part:
    """The standard library's tree. It reads a body line by line to look for boundaries; where there are none it need not."""
    end = _header_end(raw)
    head = email.message_from_bytes(raw[:end])
    if (
        head.get_content_maintype() != "text"
        or head.defects
        or not raw[end : end + 2].startswith((b"\n", b"\r\n"))
    ):
        return email.message_from_bytes(raw)
    body = raw[end:].removeprefix(b"\r").removeprefix(b"\n")
    head.set_payload(body.decode("ascii", "surrogateescape"))
    return head


def _frame(message: Part) -> Part:
    """A mail with the headers of its structure alone (RFC 2045). mail-parser reads every other header as well, each Received with
    a dozen patterns, though the addresses and dates are read where they are wanted."""
    frame = Part()
    for name, value in message.raw_items():
        if name.lower().startswith(("content-", "mime-version")):
            frame.set_raw(name, value)
    frame.set_payload(message.get_payload())
    frame.preamble, frame.epilogue, frame.defects = message.preamble, message.epilogue, message.defects
    return frame


def _in_words(category: str) -> str:
    """`CloseBoundaryNotFoundDefect` -> `close boundary not found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", category.removesuffix("Defect")).lower()
