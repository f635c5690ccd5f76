"""What others say: a server, a model, a program. It is a stranger's text, and is cleaned here, and only here, before it is
logged, kept or shown.

An answer may repeat what it was given: a password in the line that was refused, a mail in a prompt that was too long. So the
secrets of this process, and the newest of the texts that it handles, are known here, and nothing that repeats them passes.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import quopri
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

LENGTH = 200
"""Characters of an answer that are shown."""
A_FEW = 3
"""Words in a row that an answer may share with a text; from one more on it repeats it."""
LONG_WORD = 16
"""Characters of a single word (a key, a link's token) that count as many words."""
HELD = 4_000_000
"""Characters of texts that are remembered, the newest first."""
PART = 8
"""Characters in a row of a longer secret that give it away."""
BEGINNING = 5
"""Characters at the beginning of a short secret that do."""

REPEATS = "(left out: it repeats a mail, a prompt or a draft)"
SECRET = "***"  # noqa: S105 - what stands in the place of one

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_WIDE = re.compile("([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u0e00-\u0eff])")
"""Scripts that put no space between words: each character counts as one."""
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_OCTETS_APART = re.compile(r"(?:\b[0-9a-fA-F]{2}[ :,-]){3,}[0-9a-fA-F]{2}\b")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|`[^`]*`|“[^”]*”|«[^»]*»")


class Confidence:
    """What is not to be repeated. Safe to use from several threads."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._texts: OrderedDict[int, str] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def secret(self, value: str) -> str:
        """Know a secret from now on; returns it. One of less than three characters would be found everywhere."""
        if len(value) >= 3:
            with self._lock:
                self._secrets.add(value)
        return value

    def text(self, *texts: str) -> None:
        """Know a mail, a prompt or a draft from now on."""
        with self._lock:
            for text in filter(None, texts):
                part, key = text[:HELD], hash(text)
                if key in self._texts:
                    continue
                self._texts[key] = part
                self._held += len(part)
                while self._held > HELD:
                    self._held -= len(self._texts.popitem(last=False)[1])

    def cleaned(self, said: object, length: int = LENGTH) -> str:
        """What may be shown of somebody's words: one line of at most `length` characters, every control character made
        visible, without a secret; a note in its place where it repeats a text."""
        text = str(said)[: 10 * LENGTH]
        with self._lock:
            secrets, texts = sorted(self._secrets, key=len, reverse=True), list(self._texts.values())
        readings = list(_readings(text))
        if any(_gives_away(reading, secrets) for reading in readings[1:]):
            text = _without_encoded(text, secrets)
        text = _without(text, secrets)
        if any(_gives_away(reading, secrets) for reading in _readings(text)) or _in_bones(text, secrets):
            return SECRET
        if texts and _repeats(readings, texts):
            return REPEATS
        line = _QUOTED.sub(_short_quote, one_line(text))
        return line if len(line) <= length else f"{line[: length - 1]}…"


confidence = Confidence()
"""What this process must not repeat. There is one: what one thread has learned no other may print."""


def visible(text: str) -> str:
    """`text` with every character that is not seen, or that moves a cursor, written out; line ends and tabs stay."""
    return _HIDDEN.sub(lambda m: m[0] if m[0] in "\n\t" else _written_out(m[0]), text)


def one_line(text: str) -> str:
    """The same on one line."""
    return _HIDDEN.sub(lambda m: _written_out(m[0]), re.sub(r"[ \t\r\n]+", " ", text)).strip()


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _short_quote(match: re.Match[str]) -> str:
    """What stands in quotation marks is often what was sent."""
    return match[0] if len(match[0].split()) <= A_FEW + 1 else f"{match[0][0]}…{match[0][-1]}"


def _readings(text: str) -> Iterator[str]:
    """The text as it stands, and as it reads in each way in which it may have been quoted or encoded."""
    yield text
    yield html.unescape(text)
    yield unquote_plus(text)
    yield unquote(text)
    yield re.sub(r"\\(.)", r"\1", text)  # a quoted string of IMAP
    yield _unescaped(text)
    yield _TAG.sub(" ", text)
    yield text.encode("cp1252", "ignore").decode("utf-8", "ignore")  # UTF-8 that was taken for Latin-1
    yield re.sub("[\u0120\u2581\u010a]", " ", text)  # a tokenizer's spaces and line ends
    yield _OCTETS_APART.sub(lambda m: _from_hex(m[0]), text)
    several = text
    for _ in range(3):
        several = html.unescape(unquote_plus(_unescaped(several)))
    yield _TAG.sub(" ", several)
    if "=" in text:
        yield quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    for token in _ENCODED.findall(text):
        yield from _decoded(token)


def _from_hex(spaced: str) -> str:
    return bytes.fromhex(re.sub(r"[^0-9a-fA-F]", "", spaced)).decode("utf-8", "replace")


def _unescaped(text: str) -> str:
    """As in JSON, or as Python writes bytes."""

    def one(match: re.Match[str]) -> str:
        try:
            return str(json.loads(f'"{match[0]}"'))
        except ValueError:
            return " "

    text = re.sub(r"(?:\\u[0-9a-fA-F]{4})+|\\[nrtbf\"\\/]", one, text)
    raw = re.sub(r"(?:\\x[0-9a-fA-F]{2})+", lambda m: _octets(m[0]), text)
    return raw.replace("\\'", "'")


def _octets(escaped: str) -> str:
    return bytes.fromhex(escaped.replace("\\x", "")).decode("utf-8", "replace")


def _decoded(token: str) -> Iterator[str]:
    """A word of base64 or of hexadecimal digits, read; wherever it was cut."""
    plain = token.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = plain[start:]
        part = part[: len(part) - len(part) % 4] if len(part) % 4 == 1 else part
        try:
            octets = base64.b64decode(part + "=" * (-len(part) % 4))
        except (binascii.Error, ValueError):
            continue
        yield octets.decode("utf-8", "replace")
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", token):
        yield bytes.fromhex(token).decode("utf-8", "replace")


def _gives_away(text: str, secrets: list[str]) -> bool:
    folded = text.casefold()
    return any(part in folded for secret in secrets for part in _parts(secret))


def _parts(secret: str) -> list[str]:
    """What gives a secret away: itself, or where it is long any part of it that is no coincidence."""
    folded = secret.casefold()
    if len(folded) < PART + 4:  # what was cut off begins as it does
        return [folded[:end] for end in range(min(BEGINNING, len(folded)), len(folded) + 1)]
    return [folded[at : at + PART] for at in range(len(folded) - PART + 1)]


def _without(text: str, secrets: list[str]) -> str:
    """`text` with each secret replaced, in the spellings that keep its letters."""
    for secret in secrets:
        spellings = {
            secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1],
            json.dumps(secret)[1:-1], secret.replace("\\", "\\\\").replace('"', '\\"'),
        }  # fmt: skip
        for spelling in sorted(spellings, key=len, reverse=True):
            text = re.sub(re.escape(spelling), SECRET, text, flags=re.IGNORECASE)
        folded = text.casefold()
        if len(folded) == len(text):
            text = _without_parts(text, folded, _parts(secret))
    return text


def _without_parts(text: str, folded: str, parts: list[str]) -> str:
    """Every stretch of `text` that parts of a secret cover is replaced."""
    hit = bytearray(len(text))
    for part in parts:
        at = folded.find(part)
        while at >= 0:
            hit[at : at + len(part)] = b"\1" * len(part)
            at = folded.find(part, at + 1)
    if not any(hit):
        return text
    kept: list[str] = []
    for at, character in enumerate(text):
        if not hit[at]:
            kept.append(character)
        elif not at or not hit[at - 1]:
            kept.append(SECRET)
    return "".join(kept)


def _without_encoded(text: str, secrets: list[str]) -> str:
    return _ENCODED.sub(
        lambda m: SECRET if any(_gives_away(d, secrets) for d in _decoded(m[0])) else m[0], text
    )


def _in_bones(text: str, secrets: list[str]) -> bool:
    """Whether a secret is there once quotation marks, backslashes and spaces are left out on both sides: quoted twice it has more
    of them than anybody undoes."""
    bones = _bones(text)
    return any(bone in bones for secret in secrets if len(bone := _bones(secret)) >= 3)


def _bones(text: str) -> str:
    return re.sub(r"[\s\\\"'*]+", "", text).casefold()


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", _WIDE.sub(r" \1 ", text).casefold())


def _repeats(readings: list[str], texts: list[str]) -> bool:
    """Whether any reading has more than a few words in a row, or one long word, that stand in a text."""
    wanted: set[str] = set()
    for reading in readings:
        words = _words(reading)
        wanted |= {" ".join(words[n : n + A_FEW + 1]) for n in range(len(words) - A_FEW)}
        wanted |= {word for word in words if len(word) >= LONG_WORD}
    if not wanted:
        return False
    for text in texts:
        plain = f" {' '.join(_words(text))} "
        if any(f" {words} " in plain for words in wanted):
            return True
    return False
