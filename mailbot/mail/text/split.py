"""A mail's text -> newest reply, quoted or forwarded history, signature.

The one rule above all: words that the author just wrote are never taken for history. Where a mark is not certain
the line stays in the newest reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from mailbot.mail.message import Message, Text
from mailbot.mail.text.footer import footers
from mailbot.mail.text.history import history_of
from mailbot.mail.text.html_lines import lines
from mailbot.mail.text.line import Line
from mailbot.mail.text.quote_marks import INITIALS, QUOTED

Kind = Literal["newest", "quoted", "forwarded", "signature"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of one mail's text: its `kind`, the plain text, and what that comes from: a piece of the plain body, or lines of
    HTML."""

    kind: Kind
    plain: str
    source: str | tuple[Line, ...] = ""


@dataclass(frozen=True, slots=True)
class MailText:
    """The segments of a mail in their order. `pixels` counts the pictures that only report that the mail was opened."""

    segments: tuple[Segment, ...] = ()
    pixels: int = 0

    def plain(self, *kinds: Kind) -> str:
        return "\n\n".join(s.plain for s in self.segments if s.kind in kinds).strip()

    @property
    def newest(self) -> str:
        """What the author wrote last, as plain text; empty for a pure forward."""
        return self.plain("newest")

    @property
    def history(self) -> str:
        return self.plain("quoted", "forwarded")

    @property
    def signature(self) -> str:
        return self.plain("signature")


def split(message: Message) -> MailText:
    """Take a mail's body apart. Every shown line lands in exactly one segment."""
    segments: list[Segment] = []
    pixels = 0
    for shown in message.body:
        if isinstance(shown, Text):
            text = split_text(shown)
            segments += text.segments
            pixels += text.pixels
    return MailText(tuple(segments), pixels)


def split_text(text: Text) -> MailText:
    """One body part taken apart; the segments' sources, put together, are the part."""
    if text.html:
        read, pixels = lines(text.content)
        return MailText(tuple(_of_html(read)), pixels)
    content = _unescaped(text.content)
    return MailText(tuple(_of_plain(_plain_lines(content), content)))


def _of_html(read: list[Line]) -> Iterator[Segment]:
    for kind, start, end in _runs(classify(read)):
        chunk = tuple(read[start:end])
        plain = _joined(chunk)
        if plain or any(line.runs or line.block.rule for line in chunk):
            yield Segment(kind, plain, chunk)


def _of_plain(read: list[Line], content: str) -> Iterator[Segment]:
    for kind, start, end in _runs(classify(read)):
        if plain := _joined(read[start:end]):
            at = 0 if start == 0 else read[start].start
            yield Segment(kind, plain, content[at : read[end].start if end < len(read) else len(content)])


def _runs(kinds: list[Kind]) -> Iterator[tuple[Kind, int, int]]:
    """(kind, first line, the line after the last) of each run of one kind."""
    start = 0
    for index in range(1, len(kinds) + 1):
        if index == len(kinds) or kinds[index] != kinds[start]:
            yield kinds[start], start, index
            start = index


def _joined(chunk: Iterable[Line]) -> str:
    joined = "\n".join(f"{line.text}\n" if line.ends else line.text for line in chunk)
    return re.sub(r"\n{3,}", "\n\n", joined).strip("\n").rstrip()


def _unescaped(content: str) -> str:
    """Text without the `>` that mbox files set before a line that begins with "From " (RFC 4155, appendix A): one that stands
    alone is no quote."""
    if ">From " not in content:
        return content
    texts = content.split("\n")
    for n, text in enumerate(texts):
        beside = texts[max(0, n - 1) : n] + texts[n + 1 : n + 2]
        if text.startswith(">From ") and not any(t.startswith(">") for t in beside):
            texts[n] = text[1:]
    return "\n".join(texts)


_PROMPTS = frozenset(("SQL", "PS", "C", "D"))
"""Of shells: no author's initials."""


def _plain_lines(content: str) -> list[Line]:
    texts = content.split("\n")
    # "AR> text": initials are a quote mark where one author's stand on several lines (RFC 1849's "supercite").
    named = [INITIALS.match(text) if ">" in text[:12] else None for text in texts]
    initials = Counter(m[1] for m in named if m and m[1] not in _PROMPTS)
    found, start = [], 0
    for text, name in zip(texts, named, strict=True):
        quoted = (">" in text[:4] and bool(QUOTED.match(text))) or bool(name and initials[name[1]] > 1)
        shown = (
            "-- " if text.rstrip("\r") == "-- " else text.rstrip()
        )  # RFC 3676 4.3: the space is the delimiter
        found.append(Line(shown, start, quoted=quoted))
        start += len(text) + 1
    return found


def classify(read: list[Line]) -> list[Kind]:
    """The kind of every line. `read` is the whole text; pure, and the heart of this module."""
    read = [line if len(line.text) < 80 else line._replace(text=_looked_at(line.text)) for line in read]
    history, forwarded = history_of(read)
    footer = footers(read, history)
    written = [i for i, line in enumerate(read) if line.text.strip() and not history[i] and not footer[i]]
    kinds: list[Kind] = ["newest"] * len(read)
    for i in range(len(read)):
        if history[i]:
            kinds[i] = "forwarded" if forwarded[i] else "quoted"
        elif footer[i] and (written or not read[i].signature):
            kinds[i] = "signature"
    if written:
        _keep_answered(read, history, written, kinds)
    return _blanks(read, kinds)


def _looked_at(text: str) -> str:
    """What the marks are looked for in: runs of white space closed, nothing beyond the length of any mark."""
    text = text[:1000]
    body = text.lstrip()
    return text[: len(text) - len(body)][-8:] + re.sub(r"\s{2,}", " ", body)[:400]


def _keep_answered(read: list[Line], history: list[bool], written: list[int], kinds: list[Kind]) -> None:
    """Answers between quoted lines keep the lines they answer: from the first quoted line that is followed by an
    answer and then by more quoting and another answer, to the last answer."""
    first = next((i for i, quoted in enumerate(history) if quoted), len(history))
    before = list(accumulate(history, initial=0))  # how many quoted lines stand above each
    runs: list[tuple[int, int]] = []
    for i in written:
        if runs and before[i] == before[runs[-1][1]]:
            runs[-1] = (runs[-1][0], i)
        else:
            runs.append((i, i))
    after = [run for run in runs if run[0] > first]
    if len(after) < 2:
        return
    while (
        first < after[0][0]
        and not QUOTED.match(read[first].text)
        and not (read[first].quoted or read[first].cite)
    ):
        first += 1
    for i in range(first, after[-1][1] + 1):
        if kinds[i] != "signature":
            kinds[i] = "newest"


def _blanks(read: list[Line], kinds: list[Kind]) -> list[Kind]:
    """Blank lines go with what stands above them, so that a segment is not broken by them."""
    for i, line in enumerate(read):
        if i and not line.text.strip():
            kinds[i] = kinds[i - 1]
    return kinds
