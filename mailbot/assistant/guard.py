"""What of a model's answer may pass. A model may be steered by the mail it reads; this code cannot be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

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


_URL = re.compile(
    r"\b(?:https?|ftp|obsidian|javascript|data|file|vbscript|tel|sms)\s{0,9}:[^\s<>`\])}]+|\bwww\.[^\s<>`\])}]+"
    r"|\b[a-z][a-z0-9+.-]{1,20}:[/\\]{1,2}[^\s<>`\])}]+|\\\\[\w.-]{1,100}\\\S*|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}[:/]\S*",
    re.IGNORECASE,
)
_BARE_DOMAIN = re.compile(
    r"(?<![@\w.-])(?:[\w-]{1,63}\.){1,10}(?:[a-z]{2,24})[/?:][^\s<>\"'`\])}]*", re.IGNORECASE
)
_HOST = re.compile(
    r"(?<![@\w.-])(?:(?!\d+\.)[\w-]{1,63}\.){1,10}(?:com|net|org|info|biz|io|co|app|dev|xyz|top|online|site|shop|club|link|live|click|ru|cn|de|uk|fr|it|es|nl|be|ch|at"
    r"|pl|se|eu|us|ca|au|in|br|jp|me|ai|tk|example|test|support|zip|mov|ly|gg|cc|tv|ws|to|fm|im|la|ms|mobi|pro|asia|icu|vip|work|world|today|life"
    r"|email|cloud|tech|store|space|website|fun|host|press|digital|agency|company|solutions|services|systems|group|team|network|center|global|money"
    r"|finance|bank|pay|credit|loan|loans|tax|legal|law|health|care|news|media|blog|wiki|page|web|download|review|reviews|stream|trade|date|party|win"
    r"|bid|science|men|buzz|rest|bar|monster|quest|beauty|sbs|cfd|lol|security|login|account|verify|help|chat|delivery|direct|express|exchange|fund"
    r"|gold|guru|ink|kim|ltd|market|mobile|ninja|one|photo|plus|promo|red|run|sale|school|show|social|software|studio|tips|tools|trading|ventures"
    r"|video|wang|watch|wtf|zone|dk|no|fi|ie|pt|gr|cz|sk|hu|ro|bg|ua|by|kz|tr|il|ir|ae|sa|za|ng|ke|eg|mx|ar|cl|pe|hk|tw|kr|sg|my|th|vn|ph|id|nz|su|ga|cf|ml|gq|pw)"
    r"(?![\w@-]|\.\w)",
    re.IGNORECASE,
)
"""A bare domain: plain text, but mail clients make a link of it."""
_EMAIL = re.compile(
    r"(?:(?<![\w.!#$%&*+/=?^{|}~-])[\w.!#$%&*+/=?^{|}~-]{1,64}|\"[^\"\n]{1,64}\")@(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}|\[[\w.:]{3,60}\])"
)
_IMAGE = re.compile(r"!\[([^\]]{0,300})\]\s{0,9}(?:\([^)]{0,2000}\)|\[[^\]]{0,300}\])")
_LINK = re.compile(r"\[([^\[\]]{1,300})\]\s{0,9}\(\s{0,9}<?([^)>\s]{0,2000})>?[^)]{0,300}\)")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*\S.*$", re.MULTILINE)
_REFERENCE_USE = re.compile(r"\[([^\[\]]{1,300})\]\[[^\]]{0,300}\]")
_WIKI = re.compile(r"!?\[\[([^\[\]|#^]{0,300})(?:[#^][^\]|]{0,300})?(?:\|([^\]]{0,300}))?\]\]")
_HTML = re.compile(r"<!--.{0,4000}?-->|</?[a-zA-Z!?][^<>]{0,4000}>", re.DOTALL)
_CODE_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})[^\n]*$|`{3,}[\w-]*|~{3,}", re.MULTILINE)
_HEADER_LINE = re.compile(
    r"^\s*(?:to|cc|bcc|from|sender|reply-to|return-path|subject|date|message-id|in-reply-to|references|x-[\w-]+|content-[\w-]+|mime-version)\s*:.*$",
    re.IGNORECASE,
)


_RECIPIENT = re.compile(r"(?:to|cc|bcc|from|sender|reply-to|subject)\s*:", re.IGNORECASE)


def _comparable(text: str) -> str:
    """Full-width letters and dots are read by mail clients as the plain ones: compared as such."""
    if text.isascii():
        return text
    return (
        unicodedata.normalize("NFKC", text)
        .replace("\u3002", ".")
        .replace("\u2044", "/")
        .replace("\u2215", "/")
    )


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
    addresses = {e.casefold() for e in emails}
    for text in texts:
        text = _comparable(text)
        urls.update(normal_url(m[0]) for pattern in (_URL, _BARE_DOMAIN) for m in pattern.finditer(text))
        urls.update(m[0].casefold() for m in _HOST.finditer(text))
        addresses.update(m[0].casefold().rstrip(".") for m in _EMAIL.finditer(text))
    urls |= {a.rpartition("@")[2] for a in addresses}
    return Allowed(frozenset(urls), frozenset(addresses), _folded(secret))


def reply_text(text: str, may: Allowed) -> Guarded:
    """A model's reply -> plain text for a mail: no markup that runs or loads, no link or address that was not given,
    no line that plays a header."""
    removed: list[str] = []
    text = visible(text).replace("\t", "    ")
    if not text.isascii() and any(p.search(_comparable(text)) for p in (_URL, _HOST, _EMAIL)):
        text = _comparable(text)

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
    for pattern in (_URL, _BARE_DOMAIN, _HOST):
        text = pattern.sub(
            lambda m: m[0] if normal_url(m[0]) in may.urls else drop(m, "link", "[link removed]"), text
        )
    text = _EMAIL.sub(
        lambda m: (
            m[0] if m[0].casefold().rstrip(".") in may.emails else drop(m, "address", "[address removed]")
        ),
        text,
    )
    text = _DELIMITER.sub(lambda m: drop(m, "delimiter"), text)
    if may.secret:
        text = _unquoted(text, may.secret, removed)
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
    if normal_url(url) in may.urls:
        return label if normal_url(label) == normal_url(url) else f"{label} ({url})"
    removed.append(f"link: {match[0][:120]}")
    return label


def field_text(text: str, may: Allowed, limit: int = 400) -> str:
    """A model's short field (a reason, a topic, a task) -> one line that may pass."""
    return re.sub(r"\s+", " ", reply_text(text[: 2 * limit], may).text).strip()[:limit]


def long_text(text: str, may: Allowed, limit: int = 4000) -> str:
    """A model's reasoning -> text that may pass."""
    return reply_text(text[: 2 * limit], may).text[:limit]
