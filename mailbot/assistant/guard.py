"""What of a model's answer may pass. A model may be steered by the mail it reads; this code cannot be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailbot.assistant.host_name import HOST, LABEL, PATH, host_in
from mailbot.vault.stand_ins import visible


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an answer may carry because it was given: URLs and addresses of the source mail and of the notes used,
    compared as `normal_url` and without case."""

    urls: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    secret: str = ""
    """What no answer may quote, in the form of `_folded`: the system prompt."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """Text that may pass, and in words what was taken out of it."""

    text: str
    removed: tuple[str, ...] = ()


_REST = r"(?:(?<=[/@])\[[\da-f:.]{2,45}\]|[^\s<>`\])}\u3001\u3002])+"
_URL = "|".join(
    (
        r"(?<![a-z\d])(?:https?|ftp|obsidian|javascript|data|file|vbscript|tel|sms)\s{0,9}:" + _REST,
        r"(?<![a-z\d])www[.\u3002](?!\[)" + _REST,
        r"(?<![a-z\d])[a-z][a-z0-9+.-]{1,20}:[/\\]{1,2}" + _REST,
        r"\\\\[\w.-]{1,100}\\\S*",
        r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}[:/]\S*",
        r"\[(?:[\da-f]{0,4}:){2,7}[\da-f.]{0,15}\](?::\d|/)\S*",
    )
)
_LOCAL = r"[\w.!#$%&*+/=?^{|}~-]"
_EMAIL = "|".join(
    rf"(?:(?<!{_LOCAL}){_LOCAL}{{1,64}}|\"[^\"\n]{{1,64}}\")@{domain}"
    for domain in (rf"{LABEL}(?:[.\u3002]{LABEL})+", r"\[[\w.:]{3,60}\]")
)
_A_URL, _AN_EMAIL = re.compile(_URL, re.IGNORECASE), re.compile(_EMAIL)
_A_HOST = re.compile(f"(?P<host>{HOST}){PATH}")
_WAY_OUT = re.compile(f"(?i:{_URL})|(?P<email>{_EMAIL})|{_A_HOST.pattern}")
"""What a reader could follow: a URL, an address, a dotted word. Of two that begin at one place the first counts."""
_IMAGE = re.compile(r"!\[([^\]]{0,300})\]\s{0,9}(?:\([^)]{0,2000}\)|\[[^\]]{0,300}\])")
_LINK = re.compile(r"\[([^\[\]]{1,300})\]\s{0,9}\(\s{0,9}<?([^)>\s]{0,2000})>?[^)]{0,300}\)")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*\S.*$", re.MULTILINE)
_REFERENCE_USE = re.compile(r"\[([^\[\]]{1,300})\]\[[^\]]{0,300}\]")
_WIKI = re.compile(r"!?\[\[([^\[\]|#^]{0,300})(?:[#^][^\]|]{0,300})?(?:\|([^\]]{0,300}))?\]\]")
_HTML = re.compile(r"<!--.{0,4000}?-->|</?[a-zA-Z!?][^<>]{0,4000}>", re.DOTALL)
_CODE_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})[^\n]*$|`{3,}[\w-]*|~{3,}", re.MULTILINE)
_HEADERS = (
    "to cc bcc from sender reply-to return-path subject date message-id in-reply-to references mime-version"
)
_HEADER_LINE = re.compile(
    rf"^\s*(?:{'|'.join(_HEADERS.split())}|x-[\w-]+|content-[\w-]+)\s*:.*$", re.IGNORECASE
)
_RECIPIENT = re.compile(r"(?:to|cc|bcc|from|sender|reply-to|subject)\s*:", re.IGNORECASE)


_NO_WIDTH = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_NOTE_MARK = re.compile(r"(?<=[A-Za-z])[\u00b2\u00b3\u00b9\u2070-\u2089\u2460-\u249b]+(?!\.?\w)")
"""The mark of a footnote. It ends a word: `acme.com` in front of a raised two is no `acme.com2`."""


def _plain(text: str) -> str:
    """Text in the characters that mail clients read it in: full-width letters and dots as the plain ones, and what has no
    width not at all."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", _NO_WIDTH.sub("", _NOTE_MARK.sub("\u00b7", text)))
    return text.replace("\u2044", "/").replace("\u2215", "/")


def _plain_with_places(text: str) -> tuple[str, Sequence[int]]:
    """Text as in `_plain`, character by character, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
        return text, range(len(text))
    text = _NOTE_MARK.sub(lambda m: "\u00b7" * len(m[0]), text)
    read = [(at, p) for at, character in enumerate(text) for p in _plain(character)]
    return "".join(p for _, p in read), [at for at, _ in read]


def _key(url: str) -> str:
    """A URL or host of plain text as it stands in `Allowed.urls`."""
    return normal_url(unicodedata.normalize("NFC", url).replace("\u3002", ".").lstrip("-_"))


def _address(email: str) -> str:
    """The same for an address and `Allowed.emails`."""
    return unicodedata.normalize("NFC", email).replace("\u3002", ".").casefold().rstrip(".")


def normal_url(url: str) -> str:
    """A URL in the form it is compared in: without trailing punctuation, scheme and host in lower case."""
    url = url.strip().rstrip(".,;:!?*_~'\"")
    spare = url.count(")") - url.count("(")
    while spare > 0 and url.endswith(")"):
        url, spare = url[:-1], spare - 1
    url = url.rstrip("/")
    match = re.match(r"(?:(https?|ftp)://)?([^/?]*)(.*)", url, re.IGNORECASE | re.DOTALL)
    return f"{match[2].casefold()}{match[3]}" if match else url


QUOTE = 40
"""Characters, white space and marks aside, from which a passage of the prompt counts as quoted."""
_DELIMITER = re.compile(r"<{0,3}\b(?:MAIL|SOURCE|DRAFT)-[0-9a-f]{8,}\b>{0,3}")


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def allowed(texts: Iterable[str], emails: Iterable[str] = (), secret: str = "") -> Allowed:
    """What the given texts (the source mail, the notes used) let an answer carry, and the `secret` that it may not quote."""
    urls: set[str] = set()
    addresses = {_address(_plain(e)) for e in emails}
    for text in texts:
        text = _plain(text)
        urls.update(_key(m[0]) for m in _A_URL.finditer(text))
        addresses.update(_address(m[0]) for m in _AN_EMAIL.finditer(text))
        for host in _A_HOST.finditer(text):
            urls.update((_key(host["host"]), _key(host[0])))
    urls |= {a.rpartition("@")[2] for a in addresses}
    return Allowed(frozenset(urls), frozenset(addresses), _folded(secret))


def reply_text(text: str, may: Allowed) -> Guarded:
    """A model's reply -> plain text for a mail: no markup that runs or loads, no link or address that was not given,
    no line that plays a header."""
    removed: list[str] = []
    text = visible(text).replace("\t", "    ")

    def drop(match: re.Match[str], what: str, keep: str = "") -> str:
        removed.append(f"{what}: {match[0].strip()[:120]}")
        return keep

    text = _IMAGE.sub(lambda m: drop(m, "image", m[1]), text)
    previous = None
    while previous != text:  # `[[[[Note]]]]`
        previous, text = (
            text,
            _WIKI.sub(
                lambda m: drop(m, "wikilink", "" if m[0][0] == "!" else m[2] or m[1].rpartition("/")[2]), text
            ),
        )
    text = _REFERENCE.sub(lambda m: drop(m, "link definition"), text)
    text = _LINK.sub(lambda m: _link(m, may, removed), text)
    text = _REFERENCE_USE.sub(r"\1", text)
    text = re.sub(r"<((?:https?|mailto):[^<>\s]+|[^<>\s@]+@[^<>\s@]+)>", r"\1", text)
    previous = None
    while previous != text:  # `<scr<b>ipt>` must not come out whole
        previous, text = text, _HTML.sub(lambda m: drop(m, "markup"), text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "", text)  # a tag that was never closed
    text = _CODE_FENCE.sub(lambda m: drop(m, "code fence"), text)
    text = re.sub(
        r"<%.{0,2000}?%>|<%|%>|\{\{|\}\}|\{%|%\}|%%", lambda m: drop(m, "template"), text, flags=re.DOTALL
    )
    text = re.sub(r"`\s*\$?=[^`]*`", lambda m: drop(m, "query"), text)
    text = _DELIMITER.sub(lambda m: drop(m, "delimiter"), text)
    if may.secret:
        text = _unquoted(text, may.secret, removed)
    text = _without_ways_out(text, may, removed)  # last: what is taken out between two words joins them
    lines = text.strip().split("\n")
    top = next(
        (n for n, line in enumerate(lines) if line.strip() and not _HEADER_LINE.match(line)), len(lines)
    )
    played = [line.strip()[:120] for line in lines[:top] if line.strip()]
    if len(played) > 1 or any(
        _RECIPIENT.match(line) for line in played
    ):  # one line "Date: Friday" may be an answer
        removed += [f"header: {line}" for line in played]
        lines = lines[top:]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
    return Guarded(text, tuple(dict.fromkeys(removed)))


def _without_ways_out(text: str, may: Allowed, removed: list[str]) -> str:
    """Text without the URLs, addresses and host names that were not given. All else stays as it was written."""
    plain, places = _plain_with_places(text)
    out = ""
    done = 0
    for start, end, what in _ways_out(plain, may):
        first, last = places[start], places[end - 1] + 1
        removed.append(f"{what}: {text[first:last].strip()[:120]}")
        out = _marked(out + text[done:first], what)
        done = len(text) - len(text[last:].lstrip(":"))  # `[x]: y` is a definition
        out += " " * text.startswith(("(", "["), done)
    return out + text[done:]


def _marked(before: str, what: str) -> str:
    """Text with the mark of what was removed behind it, so that no bracket makes a link of the mark."""
    return f"{before}{' ' * before.endswith(('[', ']', '!'))}[{what} removed]"


def _ways_out(plain: str, may: Allowed) -> Iterator[tuple[int, int, str]]:
    """The places of what may not pass, and what it is."""
    at = 0
    while match := _WAY_OUT.search(plain, at):
        at = match.end()
        if match["email"] is not None:
            if _address(match[0]) not in may.emails:
                yield match.start(), at, "address"
            continue
        what = match[0].rstrip(".,;:!?*'\"") or match[0]  # the sentence's, not the link's
        if _key(what) in may.urls:
            continue
        if match["host"] is not None:
            at = match.end("host")
            what = host_in(match["host"], what[len(match["host"]) :])
            if not what or _key(what) in may.urls:
                continue
        at = match.start() + len(what)
        yield match.start(), at, "link"


def _unquoted(text: str, secret: str, removed: list[str]) -> str:
    """Text without the sentences that quote the prompt. It is looked for across lines: a passage is not another for being
    broken in the middle."""
    letters = [(at, f) for at, character in enumerate(text) for f in _folded(character)]  # "ß" folds to two
    places, folded = [at for at, _ in letters], "".join(f for _, f in letters)
    quoted: set[int] = set()
    for at in range(0, len(folded) - QUOTE + 1, 4):
        if folded[at : at + QUOTE] in secret:
            quoted.update(range(places[at], places[at + QUOTE - 1] + 1))
    if not quoted:
        return text
    removed.append("a passage of the prompt")
    sentences = re.finditer(r"[^.!?\n]+[.!?]*|[.!?\n]", text)
    return "".join(m[0] for m in sentences if quoted.isdisjoint(range(m.start(), m.end())))


def _link(match: re.Match[str], may: Allowed, removed: list[str]) -> str:
    label, url = match[1], match[2]
    if _key(_plain(url)) in may.urls:
        return label if normal_url(label) == normal_url(url) else f"{label} ({url})"
    removed.append(f"link: {match[0][:120]}")
    return label


def field_text(text: str, may: Allowed, limit: int = 400) -> str:
    """A model's short field (a reason, a topic, a task) -> one line that may pass."""
    return re.sub(r"\s+", " ", reply_text(text[: 2 * limit], may).text).strip()[:limit]


def long_text(text: str, may: Allowed, limit: int = 4000) -> str:
    """A model's reasoning -> text that may pass."""
    return reply_text(text[: 2 * limit], may).text[:limit]
