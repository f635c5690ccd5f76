"""Large attachments kept out of the parsers' way: a 60 MB mail then costs its attachment once, not five times."""

from __future__ import annotations

import binascii
import re
import secrets
from dataclasses import dataclass

LARGE = 1_000_000
"""Octets above which a base64 body is decoded apart."""


@dataclass(frozen=True)
class SetAside:
    """Large base64 bodies that no parser is shown: a token stands in for each, and its octets are decoded from the raw
    mail when they are asked for. A mail then costs its attachments once, not five times."""

    raw: bytes
    token: bytes
    spans: tuple[tuple[int, int], ...]

    def octets(self, data: bytes) -> bytes:
        """What stands for `data`: the body behind a token, else `data` itself."""
        if not data.startswith(self.token):
            return data
        start, end = self.spans[int(data[len(self.token) :])]
        return binascii.a2b_base64(memoryview(self.raw)[start:end])


def set_aside(raw: bytes) -> tuple[bytes, SetAside]:
    """The mail without its large base64 bodies (RFC 2045 6.8), and those."""
    token = secrets.token_hex(
        16
    ).encode()  # chosen anew, so that no mail can name what stands elsewhere in it
    pieces: list[bytes] = []
    spans: list[tuple[int, int]] = []
    at = 0
    for match in _BASE64.finditer(raw):
        blank = _BLANK.search(raw, match.end())
        if match.start() < at or not blank:
            continue
        boundary = raw.find(b"\n--", blank.end())
        end = boundary if boundary >= 0 else len(raw)
        if end - blank.end() > LARGE:
            pieces += [raw[at : blank.end()], binascii.b2a_base64(token + b"%d" % len(spans))]
            spans.append((blank.end(), end))
            at = end
    return b"".join([*pieces, raw[at:]]) if spans else raw, SetAside(raw, token, tuple(spans))


_BASE64 = re.compile(rb"^content-transfer-encoding:[ \t]*base64[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"\r?\n\r?\n")
