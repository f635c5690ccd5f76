"""Header fields as good clients show them: raw 8-bit text, RFC 2047 words and RFC 5322 addresses in the wild."""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache

from mailbot.mail.message import Address
from mailbot.mail.mime.charset import decode

# RFC 2047 2, as loosely as it is written in the wild: spaces inside the text, a language suffix (RFC 2231 5).
_WORD = re.compile(r"=\?([\w.:+-]+)(?:\*[\w-]*)?\?([bBqQ])\?((?:[^?]|\?(?!=)){0,4000})\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?[\w.:+-]+(?:\*[\w-]*)?\?[bBqQ]\?)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_MAX = 64 * 1024
"""Characters of one header that are looked at: the rest of a longer one is a defect, not work."""


_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?\s*\Z")
_GMT_OFFSET = re.compile(r"(?:\bGMT|\bUTC)?([+-])(\d\d):?(\d\d)(?=\s|\Z)")
"""`GMT+0200` as JavaScript writes it, `+02:00` as ISO 8601 does."""
_ZONE = re.compile(r"\d\s+([A-Za-z]{3,4})\b(?!\s*\d)")
_ZONES = {"CET": 3600, "CEST": 7200, "MET": 3600, "MEST": 7200, "BST": 3600, "WEST": 3600, "EET": 7200, "EEST": 10800, "MSK": 10800,
          "JST": 32400, "KST": 32400, "AEST": 36000, "AEDT": 39600, "NZST": 43200, "NZDT": 46800}  # fmt: skip
"""Zones that RFC 5322 does not know and that mean one thing only, in seconds."""


def unfold(raw: str) -> str:
    """A raw header (surrogate escapes for 8-bit bytes, folded) -> one line of text, not yet RFC 2047 decoded."""
    if not raw.isascii():
        raw = _WORD.sub(_escaped, raw) if "=?" in raw else raw
        raw = decode(raw.encode("utf-8", "surrogateescape"), None)[0]
    raw = raw[:_MAX]
    if "\n" in raw or "\r" in raw:  # RFC 5322 2.2.3
        raw = " ".join(part for line in raw.splitlines() if (part := line.strip()))
    return _CONTROLS.sub(" ", raw).strip()


def _escaped(word: re.Match[str]) -> str:
    """An encoded word with raw 8-bit octets in it, which RFC 2047 5 forbids -> one that says the same without them. They are in
    the charset of the word, whatever the rest of the line is in; what is plainly UTF-8, or plainly not, is read as that."""
    label, octets = word[1], word[3].encode("utf-8", "surrogateescape")
    if octets.isascii():
        return word[0]
    if word[2] in "bB":
        stripped = re.sub(rb"[^A-Za-z0-9+/=]", b"", octets)
        if _is_base64(stripped, label):
            return f"=?{label}?B?{stripped.decode()}?="
        octets = re.sub(rb"[=_?]", lambda m: b"=%02X" % m[0][0], octets)  # text that nobody encoded
    codec, utf8 = _codec(label), _is_utf8(octets)

    def run(found: re.Match[bytes]) -> bytes:
        meant = label
        if utf8 and codec in _WESTERN:
            meant = "utf-8"
        elif codec == "utf-8" and not _is_utf8(found[0]):
            meant = "windows-1252"
        text = b"".join(b"=%02X" % octet for octet in found[0])
        return text if meant == label else f"?==?{meant}?Q?".encode() + text + f"?==?{label}?Q?".encode()

    text = re.sub(rb"[\x80-\xff]+", run, octets).decode()
    return f"=?{label}?Q?{text}?="


_WESTERN = ("ascii", "iso8859-1", "iso8859-15", "cp1252")
"""Charsets in which the octets of UTF-8 make no words."""


def _codec(label: str) -> str:
    try:
        return codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""


def _is_utf8(octets: bytes) -> bool:
    try:
        return bool(octets.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _is_base64(packed: bytes, charset: str) -> bool:
    """Whether this is text of the charset in base64, and not letters that happen to be in its alphabet."""
    try:
        text, defect = decode(base64.b64decode(packed, validate=True), charset)
    except (binascii.Error, ValueError):
        return False
    return not defect and text.isprintable()


def decode_words(text: str) -> str:
    """RFC 2047 encoded words -> text. Adjacent words of one charset are joined before decoding, since clients
    split multi-byte characters across them; a word that cannot be decoded stays as it was."""
    if "=?" not in text:
        return text
    text = _BETWEEN.sub(r"\1", text)
    out: list[str] = []
    pending, charset, raw, end = b"", "", "", 0

    def flush() -> None:
        if raw:
            decoded, defect = decode(pending, charset)
            out.append(raw if defect.startswith("unknown") and not pending.isascii() else decoded)

    for match in _WORD.finditer(text):
        data = _word_bytes(match[2], match[3])
        gap = text[end : match.start()]
        if gap or match[1].lower() != charset or data is None:
            flush()
            pending, charset, raw = b"", "", ""
            out.append(gap)
        if data is None:
            out.append(match[0])
        else:
            pending, charset, raw = pending + data, match[1].lower(), raw + match[0]
        end = match.end()
    flush()
    out.append(text[end:])
    return _CONTROLS.sub(" ", re.sub(r"[\r\n]+", " ", "".join(out)))


def _word_bytes(encoding: str, text: str) -> bytes | None:
    if encoding in "qQ":
        return quopri.decodestring(text.replace("_", " ").encode("utf-8", "surrogateescape"), header=False)
    packed = re.sub(r"[^A-Za-z0-9+/]", "", text)
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4))
    except (binascii.Error, ValueError):
        try:  # one stray character at the end: decode what stands before it
            return base64.b64decode(packed[: len(packed) // 4 * 4])
        except (binascii.Error, ValueError):
            return None


def text(raw: str) -> str:
    """A raw unstructured header -> what a client shows, on one line."""
    return decode_words(unfold(raw)).strip()


@lru_cache(maxsize=256)
def addresses(raw: str) -> tuple[tuple[Address, ...], str]:
    """A raw address header -> the mailboxes in it (groups opened, each address once) and a defect or ''.

    An entry that names a person but no address is kept with an empty `email`: a client shows it too.
    """
    from mailparser.utils import get_addresses

    line = unfold(raw)
    if "=?" in line:
        line = _ENCODED.sub(_quoted, line)
    if ";" in line and ":" not in re.sub(
        r"\"[^\"]*\"|<[^<>]*>", "", line
    ):  # no group: Outlook's way to part addresses
        line = re.sub(r'("[^"]*")|([>\w])[ \t]*;', lambda m: m[1] or f"{m[2]},", line)
    try:
        pairs = get_addresses(line, decode_names=True)
        defect = ""
    except Exception as error:  # noqa: BLE001 - the standard library raises IndexError and worse on damaged headers
        pairs, defect = [], f"address header could not be read ({type(error).__name__})"
    found: dict[str, Address] = {}
    for name, email in pairs:
        name, email = _clean(decode_words(name)), _clean(email).strip("<>").replace(" ", "")
        if "@" in email or (email and not name):
            found.setdefault(email.casefold(), Address("" if name == email else name, email))
    if not found:
        for match in re.finditer(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", line):
            found.setdefault(match[0].casefold(), Address("", match[0]))
        name = _clean(decode_words(re.sub(r"<[^>]*>", "", line)).strip(' "'))
        if not found and name and not re.fullmatch(r"[^:]*:\s*;?", line):
            return (Address(name, ""),), defect or "an address header names no address"
        if found:
            defect = defect or "an address header was damaged"
    return tuple(found.values()), defect


_ENCODED = re.compile(r"(?<![\w\"])(?:=\?[\w.:+-]+(?:\*[\w-]*)?\?[bBqQ]\?[^?\s]{0,2000}\?=\s*)+")


def _quoted(words: re.Match[str]) -> str:
    """Encoded words that stand for a name with a comma or the like in it -> that name in quotes; others as they are."""
    name = decode_words(words[0]).strip()
    bare = re.sub(r'[\\"]', "", name)
    return f'"{bare}" ' if re.search(r"[,;:<>()@\[\]]", bare) else words[0]


def _clean(value: str) -> str:
    return re.sub(r"\s+", " ", value).strip()


def date(raw: str) -> datetime | None:
    """A Date header -> an aware datetime in the sender's offset (an unknown zone is UTC), None where unreadable."""
    line = _GMT_OFFSET.sub(r"\1\2\3", unfold(raw)[:200])
    try:
        if _ISO.match(line):
            read = datetime.fromisoformat(line)
            return _kept(read if read.tzinfo else read.replace(tzinfo=UTC))
        parts = parsedate_tz(line)
    except Exception:  # noqa: BLE001 - several damaged dates raise IndexError or TypeError in the standard library
        return None
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    offset = parts[9] or 0
    if not offset and (named := _ZONE.search(line)):
        offset = _ZONES.get(named[1].upper(), 0)
    if half := re.search(r":\d\d\s*([AaPp])\.?[Mm]\b", line):
        hour = hour % 12 + (12 if half[1] in "pP" else 0)
    try:
        zone = timezone(timedelta(seconds=offset)) if abs(offset) < 86_400 else UTC
        return _kept(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def _kept(read: datetime) -> datetime | None:
    """A date, if a clock or a file name can show it."""
    return read if 1970 <= read.astimezone(UTC).year < 9000 else None
