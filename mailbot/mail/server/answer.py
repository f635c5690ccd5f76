"""What a server says, in words for the user: cleaned, and never the octets of a mail."""

from __future__ import annotations

import imaplib
import re

from imapclient import exceptions, imap_utf7

from mailbot.hearsay import confidence, one_line

READ = 4000
"""Characters of an answer that are looked at: a server may send a megabyte."""
_QUOTED = re.compile(r"\"[^\"]*\"|`[^`]*`")
_NO_SENSE = re.compile(r"unexpected (?:tagged )?response|unterminated line|unexpected end", re.IGNORECASE)
"""How the libraries begin when they quote an answer that they cannot read: it may hold any part of a mail."""


def said(error: BaseException) -> str:
    """What the server or the system said, on one short line. Of an answer that makes no sense nothing is repeated."""
    text = str(error)[:READ]
    if not _makes_sense(error):
        return "its answer makes no sense"
    if match := re.fullmatch(r"b'(.*)'", text, re.DOTALL):
        text = match[1]
    text = re.sub(r"\s*\(\d+\.\d+ \+ .*? secs\)", "", re.sub(r"\s+", " ", text))
    return confidence.cleaned(text.strip(" .")) or type(error).__name__


def _makes_sense(error: BaseException) -> bool:
    """Whether it is the server, or the system, that speaks, and not a library that quotes what it could not read."""
    by_server = isinstance(error, (imaplib.IMAP4.error, exceptions.IMAPClientError, OSError))
    return (
        by_server
        and not isinstance(error, exceptions.ProtocolError)
        and not _NO_SENSE.search(str(error)[:READ])
    )


def throttled(error: BaseException) -> float | None:
    """The seconds that a throttling server asks to wait, or None if it does not throttle. Of an answer that
    makes no sense, and of what it quotes, nothing is believed: it may be a mail that says so."""
    text = _QUOTED.sub('""', str(error)[:READ]) if _makes_sense(error) else ""
    hint = r"Suggested Backoff Time:?\s*(\d{1,18})\d*\s*(milliseconds|ms|seconds|s)?"
    if match := re.search(hint, text, re.IGNORECASE):
        return int(match[1]) / (1 if (match[2] or "ms").lower() in ("s", "seconds") else 1000)
    words = r"\[(?:OVERQUOTA|LIMIT|THROTTLED|INUSE|UNAVAILABLE)\]|too many (?:simultaneous )?connections|throttl|rate limit"
    return 300.0 if re.search(words, text, re.IGNORECASE) else None


def mailbox_name(raw: bytes | str) -> str:
    """A mailbox name as LIST sends it, in modified UTF-7 (RFC 3501 5.1.3); one that is not stays as it was sent."""
    data = raw if isinstance(raw, bytes) else str(raw).encode("utf-8", "replace")
    try:
        return str(imap_utf7.decode(data))
    except (UnicodeError, ValueError, LookupError):
        return data.decode("utf-8", "replace")


def encoded(name: str) -> bytes:
    """A mailbox name as it is sent."""
    return bytes(imap_utf7.encode(name))


def shown(name: str) -> str:
    """A mailbox's name for a message."""
    return one_line(name)[:100]
