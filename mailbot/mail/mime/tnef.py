"""winmail.dat (MS-OXTNEF) -> the text and files that Outlook wrapped in it. The only importer of tnefparse, an extra."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.mail.mime.charset import decode


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in it: `text` or `html` may be empty; `files` are (name, content)."""

    text: str
    html: str
    files: tuple[tuple[str, bytes], ...]


def open_tnef(data: bytes) -> Opened | None:
    """The contents of a TNEF stream, None if it cannot be read or the extra `tnef` is not installed."""
    try:
        from tnefparse import TNEF  # a mail without a winmail.dat never pays for it
    except ImportError:
        return None
    try:
        parsed = TNEF(data, do_checksum=False)
        files = tuple(
            (str(a.long_filename() or a.name or "file"), bytes(a.data or b""))
            for a in parsed.attachments[:200]
        )
        if any(not content for _, content in files):
            return None  # cut off, or of a kind that is not understood: kept whole, so that nothing is lost
        return Opened(_text(parsed.body), _text(parsed.htmlbody), files)
    except Exception:  # noqa: BLE001 - a damaged stream raises struct.error, IndexError and more; the file itself is kept
        return None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return decode(value, None)[0]
    return str(value or "")
