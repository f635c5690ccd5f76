"""What a draft says, whoever wrote its bytes: recipients, subject, text and files. Two of them tell whether it was edited."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from mailbot.mail.mail import Mail
from mailbot.mail.mime.header import addresses
from mailbot.mail.text.line import Line
from mailbot.mail.text.split import MailText, Segment

COMPARED = 1000
"""Words of each text that are compared."""
ALIKE = 0.4
"""The likeness from which a mail without our Message-ID is taken for a draft that was changed."""


@dataclass(frozen=True, slots=True)
class Content:
    """`to`, `cc` and `bcc` are addresses, case-folded; `files` name each file with a hash of it."""

    to: frozenset[str]
    cc: frozenset[str]
    subject: str
    text: str
    files: tuple[str, ...] = ()
    bcc: frozenset[str] = frozenset()
    sender: str = ""
    reply_to: frozenset[str] = frozenset()
    links: tuple[str, ...] = ()
    """Where the links of HTML lead."""

    @property
    def hash(self) -> str:
        """What two that say the same have in common: a SHA-256 in hex."""
        people = map(_listed, (self.to, self.cc, self.bcc, self.reply_to, {self.sender}))
        parts = (*people, self.subject, self.text, *self.files, *self.links)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def content_of(mail: Mail) -> Content:
    """What a mail says: its text without quote marks and with all white space folded, since clients wrap, stuff and requote what
    they did not edit (RFC 3676)."""
    message = mail.message
    hidden = (a.key for value in message.headers.get("bcc", ()) for a in addresses(value)[0] if a.email)
    return Content(
        frozenset(a.key for a in message.to),
        frozenset(a.key for a in message.cc),
        folded(message.subject),
        folded("\n".join(s.plain for s in mail.text.segments)),
        tuple(sorted(f"{a.name} {hashlib.sha256(a.content).hexdigest()}" for a in message.attachments)),
        frozenset(hidden),
        message.sender.key if message.sender else "",
        frozenset(a.key for a in message.reply_to),
        tuple(run.target for line in _lines(mail.text) for run in line.runs if run.target),
    )


def _lines(text: MailText) -> Iterator[Line]:
    """The lines of the HTML of a mail."""
    for segment in text.segments:
        if not isinstance(segment.source, str):
            yield from segment.source


def folded(text: str) -> str:
    """A text without the quote marks of its lines and with each run of white space as one space. A signature's delimiter, which
    clients add and take away, does not count."""
    lines = (re.sub(r"^[> ]*", "", line) for line in text.split("\n"))
    return " ".join(" ".join(line for line in lines if line.rstrip() != "--").split())


def tidy(text: str) -> str:
    """The text of a note's reply as it counts: without white space at the ends of lines and without more than one empty line."""
    lines = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def likeness(one: str, other: str) -> float:
    """How much of two texts is the same, from 0 to 1, by their words in order."""
    first, second = (folded(text).casefold().split()[:COMPARED] for text in (one, other))
    if not first or not second:
        return float(first == second)
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def reply_in(text: MailText, signature: str = "", *, signed: bool = True) -> str:
    """What was written in a reply: without the history that stands below it, and without this signature. Any other text below a
    delimiter is kept, since it may be more than a signature, unless not `signed`. What stands between quoted lines is kept with
    them: it would say nothing alone."""
    kept = ("newest", "signature") if signed else ("newest",)
    segments = [s for s in text.segments if s.kind != "signature" or not _is_signature(s.plain, signature)]
    while segments and segments[-1].kind not in kept:
        segments.pop()
    between = any(s.kind in ("quoted", "forwarded") for s in segments)
    written = "\n\n".join(_marked(s) if between else s.plain for s in segments if between or s.kind in kept)
    written = _unsigned(written.strip("\n").rstrip(), signature)
    if written or not text.segments:
        return written
    # What was written stands below something that looks like history to its end: better all of it than nothing.
    every = "\n\n".join(s.plain for s in text.segments).strip("\n")
    return every if _has_own_words(every) else ""


def _is_signature(text: str, signature: str) -> bool:
    """Whether a segment is this signature, or a delimiter with nothing below it."""
    return folded(text) in ("", folded(signature))


def _has_own_words(text: str) -> bool:
    """Whether a text is more than a quote and the line that introduces it."""
    own = [line for line in text.split("\n") if line.strip() and not line.startswith(">")]
    return len(own) > 1 or any(not line.rstrip().endswith(":") for line in own)


def quote_in(text: MailText) -> str:
    """The history that stands below what was written, with its quote marks; empty if there is none."""
    below = []
    for segment in reversed(text.segments):
        if segment.kind == "newest":
            break
        if segment.kind != "signature":
            below.append(_marked(segment))
    return "\n\n".join(reversed(below))


def _marked(segment: Segment) -> str:
    """A segment with its quote marks, which HTML has not."""
    if isinstance(segment.source, str):
        return segment.plain
    lines = []
    for line in segment.source:
        depth = line.block.quotes or int(segment.kind in ("quoted", "forwarded") and line.quoted)
        lines.append(f"{'> ' * depth}{line.text}".rstrip())
        if line.ends:
            lines.append(">" * depth)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _unsigned(written: str, signature: str) -> str:
    """A text without this signature at its end, however its lines are wrapped."""
    wanted = folded(signature)
    if not wanted or not folded(written).endswith(wanted):
        return written
    lines = written.split("\n")
    for start in range(len(lines) - 1, -1, -1):
        if folded("\n".join(lines[start:])) == wanted:
            above = "\n".join(lines[:start]).rstrip()
            return re.sub(r"(?:^|\n)-- ?$", "", above).rstrip()
    return written


def _listed(values: Iterable[str]) -> str:
    return ",".join(sorted(values))
