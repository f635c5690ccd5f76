"""A mail's text -> newest reply, quoted or forwarded history, signature.

The one rule above all: words that the author just wrote are never taken for history. Where a mark is not certain
the line stays in the newest reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from mailbot.mail.html_lines import Line, lines, normalised
from mailbot.mail.message import Message, Text
from mailbot.mail.quote_marks import (
    ADDRESSED,
    CLOCK,
    DATED,
    DELIMITER,
    FIELD,
    FORWARD,
    FROM_NAMES,
    INITIALS,
    LIST_FOOTER,
    MOBILE,
    OTHER_ATTRIBUTION,
    QUOTED,
    RULE,
    SAID,
    SCHRIEB_MIDDLE,
    SENT_BY_MAIL,
    SENT_NAMES,
    SEPARATOR,
    STARTS,
    SUBJECT_FIELD,
    SUBJECT_NAMES,
    TO_NAMES,
    WROTE,
    WROTE_END,
)

Kind = Literal["newest", "quoted", "forwarded", "signature"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of one mail's text: its `kind`, the plain text, and the text or markup it stands in."""

    kind: Kind
    plain: str
    source: Text


@dataclass(frozen=True, slots=True)
class Reply:
    """The segments of a mail in their order."""

    segments: tuple[Segment, ...] = ()

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


def split(message: Message) -> Reply:
    """Take a mail's body apart. Every shown line lands in exactly one segment."""
    segments: list[Segment] = []
    for shown in message.body:
        if isinstance(shown, Text):
            segments += split_text(shown)
    return Reply(tuple(segments))


def split_text(text: Text) -> list[Segment]:
    """One body part taken apart; the segments' sources, put together, are the part."""
    if text.html:
        markup = normalised(text.content)
        read = lines(markup)
    else:
        markup, read = text.content, _plain_lines(text.content)
    kinds = classify(read)
    segments: list[Segment] = []
    if not read and "<img" in markup:  # a mail that is one picture
        return [Segment("newest", "", Text(markup, html=text.html))]
    start = 0
    for index in range(1, len(read) + 1):
        if index < len(read) and kinds[index] == kinds[start]:
            continue
        chunk = read[start:index]
        plain = _joined(chunk)
        end = read[index].start if index < len(read) else len(markup)
        begin = 0 if start == 0 else chunk[0].start
        source = markup[begin:end]
        if plain or "<img" in source:
            segments.append(Segment(kinds[start], plain, Text(source, html=text.html)))
        start = index
    return segments


def _joined(chunk: Iterable[Line]) -> str:
    joined = "\n".join(f"{line.text}\n" if line.ends else line.text for line in chunk)
    return re.sub(r"\n{3,}", "\n\n", joined).strip("\n").rstrip()


def _plain_lines(content: str) -> list[Line]:
    texts = content.split("\n")
    # "AR> text": initials are a quote mark where one author's stand on several lines (RFC 1849's "supercite").
    initials = Counter(m[1] for text in texts if (m := INITIALS.match(text)))
    found, start = [], 0
    for text in texts:
        named = INITIALS.match(text)
        quoted = bool(QUOTED.match(text)) or bool(named and initials[named[1]] > 1)
        shown = (
            "-- " if text.rstrip("\r") == "-- " else text.rstrip()
        )  # RFC 3676 4.3: the space is the delimiter
        found.append(Line(shown, start, quoted=quoted))
        start += len(text) + 1
    return found


def classify(read: list[Line]) -> list[Kind]:
    """The kind of every line. `read` is the whole text; pure, and the heart of this module."""
    read = [line if len(line.text) < 80 else replace(line, text=_looked_at(line.text)) for line in read]
    history, forwarded = _history(read)
    footer = _footers(read, history)
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


def _history(read: list[Line]) -> tuple[list[bool], list[bool]]:
    """Which lines are history, and which of it was forwarded."""
    history = [line.quoted for line in read]
    forwarded = [False] * len(read)
    marked = _last_quoted(read)
    prefixes: set[str] = set()
    answered = False
    """Whether the author wrote anything above the line that is looked at."""

    def mark(start: int, end: int, forward: bool = False) -> int:
        history[start:end] = [True] * (end - start)
        forwarded[start:end] = [forward] * (end - start)
        return end

    i = 0
    while i < len(read):
        line = read[i]
        text = line.text.strip()
        if line.quoted and SEPARATOR.match(line.text) and FORWARD.search(text) and _separates(read, i):
            i = mark(i, _quote_end(read, i), forward=True)
        elif not text or line.quoted:
            i += 1
        elif line.edge and _edge_holds(read, i):
            i = mark(i, len(read))
        elif SEPARATOR.match(line.text) and _separates(read, i):
            forward = bool(FORWARD.search(text))
            quote = _quote_end(read, i + 1)
            if quote > i + 1:  # Apple and others set the forwarded mail in a quote: it ends with the quote
                i = mark(i, quote, forward)
            elif forward or answered or marked <= i:
                i = mark(i, len(read), forward)
            else:  # answers stand below, between the marked lines
                i = mark(i, _header_end(read, i + 1))
        elif length := _attribution(read, i):
            quote = _quote_end(read, i + length)
            if quote > i + length:
                i = mark(i, quote)
            elif own := _own_prefix(read, i + length):
                mark(i, i + length)
                if own not in prefixes:
                    prefixes.add(own)
                    for j in range(i, len(read)):
                        history[j] = history[j] or read[j].text.startswith(own)
                i += length
            elif _quoted_soon(read, i + length) or (
                not answered and (marked > i or _certain(read, i, length))
            ):
                i = mark(i, i + length)  # what stands above nothing of the author's ends nothing of theirs
            elif _certain(read, i, length):
                i = mark(i, len(read))
            else:
                answered, i = True, i + 1
        elif _header_block(read, i):
            above = next((k for k in range(i - 1, -1, -1) if read[k].text.strip()), None)
            start = above if above is not None and RULE.match(read[above].text) else i
            if answered or start < i or (marked <= i and _only_mail_has(read, i)):
                i = mark(start, len(read))
            elif marked <= i:
                answered, i = True, i + 1  # a form that was filled in, not a mail that was forwarded
            else:
                i = mark(start, _header_end(read, i))
        else:
            answered = answered or not RULE.match(text)
            i += 1
    _wrapped(read, history)
    return history, forwarded


def _separates(read: list[Line], i: int) -> bool:
    """Whether words such as "Original message" part the mail here: drawn as a rule, or with a header or quote below."""
    if re.match(r"^[ \t>]*[-_=*~+#]{4,}", read[i].text):
        return True
    below = [line for line in read[i + 1 : i + 6] if line.text.strip()][:2]
    return any(_field(line.text)[0] or line.quoted or line.cite for line in below)


def _last_quoted(read: list[Line]) -> int:
    """The last line with a quote mark, -1 for none."""
    return next((j for j in range(len(read) - 1, -1, -1) if read[j].quoted or read[j].cite), -1)


def _header_end(read: list[Line], i: int) -> int:
    """The first line after the printed header of an earlier mail: its fields, up to the first blank or quoted line."""
    while i < len(read) and read[i].text.strip() and not read[i].quoted:
        i += 1
    return i


_SNIP = re.compile(r"^\W*(?:\.{2,}|…|snip\w*|schnipp?|cut|\[.{0,20}\]|<.{0,20}>)\W*$", re.IGNORECASE)


def _quoted_soon(read: list[Line], i: int) -> bool:
    """Whether marked lines follow, with at most an omission mark or two lines before them."""
    seen = 0
    for line in read[i : i + 12]:
        if line.quoted or line.cite:
            return True
        seen += bool(line.text.strip()) and not _SNIP.match(line.text)
        if seen > 2:
            return False
    return False


def _own_prefix(read: list[Line], i: int) -> str:
    """A quote mark of the author's own making ("--]", "|"): what the two lines below an attribution begin with."""
    below = [line.text for line in read[i : i + 6] if line.text.strip()][:2]
    prefixes = [re.match(r"[^\w\s]{1,4}", text) for text in below]
    if len(prefixes) == 2 and prefixes[0] and prefixes[1] and prefixes[0][0] == prefixes[1][0]:
        return "" if prefixes[0][0] in ("-", "*", "•", "+", "--", '"', "(", "[") else prefixes[0][0]
    return ""


def _edge_holds(read: list[Line], i: int) -> bool:
    """A client's mark for the start of history counts where a printed header or an attribution follows it closely."""
    near = [j for j in range(i, min(i + 8, len(read))) if read[j].text.strip()]
    fields = [name for j in near if (name := _field(read[j].text)[0])]
    header = len(fields) >= 3 and any(name in FROM_NAMES for name in fields)
    return header or any(_attribution(read, j) or SEPARATOR.match(read[j].text) for j in near[:3])


def _attribution(read: list[Line], i: int) -> int:
    """How many lines an attribution ("On ..., X wrote:") takes that starts at line `i`; 0 for none."""
    joined = ""
    for length in range(1, 5):
        if i + length > len(read):
            return 0
        text = read[i + length - 1].text.strip()
        if not text or (length > 1 and QUOTED.match(text) and text not in (">:", "> wrote:")):
            return 0
        joined = f"{joined} {text}".strip()
        if len(joined) > 400:
            return 0
        if text.endswith((":", "：", ">", "*", "_", "-", "wrote")):
            if _says_who_wrote(joined):
                # Only the attribution itself, not the line of the author's that may stand right above it.
                shorter = [read[k : i + length] for k in range(i + 1, i + length)]
                told = [part for part in shorter if _says_who_wrote(" ".join(x.text.strip() for x in part))]
                if any(STARTS.match(part[0].text) for part in told) or (
                    told and not STARTS.match(read[i].text)
                ):
                    return 0
                return length
            if length == 1 and len(joined) < 120 and _quoted_next(read, i + 1):
                candidate = joined.strip("*_ ")
                if WROTE_END.search(candidate) or SAID.search(candidate):
                    return 1
    return 0


def _quoted_next(read: list[Line], i: int) -> bool:
    """Whether the next line with text is marked as quoted. (A bare blockquote is not enough: people quote Goethe.)"""
    return next((line.quoted for line in read[i : i + 4] if line.text.strip()), False)


def _says_who_wrote(text: str) -> bool:
    candidate = text.strip("*_ ")
    if len(candidate) > 320 or not DATED.search(candidate):
        return False
    return bool(
        WROTE_END.search(candidate) or SCHRIEB_MIDDLE.match(candidate) or OTHER_ATTRIBUTION.match(candidate)
    )


def _certain(read: list[Line], i: int, length: int) -> bool:
    """Whether an attribution with no quote mark below it still ends what the author wrote: only where it is written as
    a client writes it, with a time and an address, or a time, a date and a word for writing."""
    text = " ".join(line.text.strip() for line in read[i : i + length]).strip("*_ ")
    if re.search(r"\w{3,}[.!?]\s+[A-ZÀ-ÞА-Я]", text) or re.search(r"\bas\s+\w", text):
        return False  # that is prose
    time = re.search(
        r"(?<![\d.])\d{1,2}[:.h]\d\d(?![\d.]*\d\.)", re.sub(r"\d{1,2}\.\d{1,2}\.\d{2,4}", "", text)
    )
    dated = re.search(r"\b(?:19|20)\d\d\b|\d年|\d{1,2}[./]\d{1,2}", text)
    address = re.search(r"<[^<>\s]+@[^<>\s]+\s*>|\([^()\s]+@[^()\s]+\)", text)
    wrote = re.search(rf"\b(?:{WROTE})\b|写道|寫道|書きました|작성", text, re.IGNORECASE)
    ends = text.endswith((":", "：")) or bool(wrote)
    return bool(ends and ((address and (time or (wrote and dated))) or (wrote and time and dated)))


def _quote_end(read: list[Line], i: int) -> int:
    """The first line after the quoted lines that start at or just below line `i` (blank lines between allowed)."""
    end = i
    for j in range(i, len(read)):
        if QUOTED.match(read[j].text) or read[j].quoted or read[j].cite:
            end = j + 1
        elif read[j].text.strip() and not _SNIP.match(read[j].text):
            break
    return end


@lru_cache(maxsize=4096)
def _field(text: str) -> tuple[str, str]:
    """(name in lower case, value) of a printed header field, ("", "") for any other line."""
    match = FIELD.match(text)
    return (match["name"].casefold(), text[match.end() :]) if match else ("", "")


def _header_block(read: list[Line], i: int) -> bool:
    """Whether the header of an earlier mail, as clients print it, starts at line `i`: a From line, and a date and a
    subject or recipient near it, in any order."""
    if not _field(read[i].text)[0]:
        return False
    fields: list[tuple[str, str]] = []
    blanks = 0
    for line in read[i : i + 10]:
        name, value = _field(line.text)
        if name:
            fields.append((name, value))
            blanks = 0
            if SUBJECT_FIELD.search(value):  # phones print two fields on one line
                fields.append(("subject", ""))
        elif not line.text.strip():
            blanks += 1
            if blanks > 1:
                break
    names = {name for name, _ in fields}
    recipient, subject = bool(names & TO_NAMES), bool(names & SUBJECT_NAMES)
    if (
        len(fields) < 3
        or not names & FROM_NAMES
        or not (subject or names & SENT_NAMES)
        or not (subject or recipient)
    ):
        return False
    # An itinerary and a contact form have such fields too: what a mail client prints has an address in the sender's
    # own line, or a field that only mail has ("Sent") with a time.
    address = any(name in FROM_NAMES and ADDRESSED.search(value) for name, value in fields)
    timed = any(name in SENT_NAMES and CLOCK.search(value) for name, value in fields)
    by_mail = bool(names & SENT_BY_MAIL)
    return (address and recipient) or (by_mail and (timed or (recipient and subject)))


def _only_mail_has(read: list[Line], i: int) -> bool:
    """Whether a printed header has a field that only a mail client prints ("Sent")."""
    return any(_field(line.text)[0] in SENT_BY_MAIL for line in read[i : i + 8])


def _wrapped(read: list[Line], history: list[bool]) -> None:
    """A quoted line that a mailer broke leaves its tail without a mark: one lower-case scrap between two quoted lines."""
    for i in range(1, len(read) - 1):
        if history[i] or not (QUOTED.match(read[i - 1].text) and QUOTED.match(read[i + 1].text)):
            continue
        above, text = read[i - 1].text.rstrip(), read[i].text.strip()
        scrap = len(text.split()) > 1 and text[:1].islower() and "," not in text
        if scrap and 65 <= len(above) <= 82 and above[-1] not in ".?!:":
            history[i] = True


def _footers(read: list[Line], history: list[bool]) -> list[bool]:
    """Signatures and list footers: from their delimiter to the next quoted line or the end."""
    footer = [line.signature and not history[i] for i, line in enumerate(read)]
    ends = [len(read)] * (len(read) + 1)
    for i in range(len(read) - 1, -1, -1):
        ends[i] = i if history[i] else ends[i + 1]
    i = 0
    while i < len(read):
        text = read[i].text
        if not history[i] and not footer[i] and text.strip():
            end = ends[i]
            delimited = DELIMITER.match(text) and (
                (text == "-- " and end - i <= 40) or (i > 0 and _short_lines(read[i + 1 : end]))
            )
            rule = RULE.match(text) and _list_footer([line.text for line in read[i + 1 : min(i + 14, end)]])
            mobile = MOBILE.match(text) and len(text) <= 80 and not re.search(r"[.!?]\s+\w|\?", text)
            if delimited or rule:
                footer[i:end] = [True] * (end - i)
            elif mobile:
                footer[i] = True
        i += 1
    return footer


def _short_lines(rest: list[Line]) -> bool:
    """Whether what follows could be a signature without the space that marks one: a few short lines that ask nothing."""
    texts = [line.text.strip() for line in rest[:40] if line.text.strip()]
    return len(texts) <= 8 and len(rest) <= 40 and not any(len(text) > 80 or "?" in text for text in texts)


def _list_footer(below: list[str]) -> bool:
    """Whether the lines below a rule are those that a mailing list adds: its words, with an address or URL beside them."""
    near = [n for n, line in enumerate(below) if LIST_FOOTER.match(line)]
    return any(re.search(r"https?://|\S@\S", " ".join(below[max(0, n - 1) : n + 4])) for n in near)


def _blanks(read: list[Line], kinds: list[Kind]) -> list[Kind]:
    """Blank lines go with what stands above them, so that a segment is not broken by them."""
    for i, line in enumerate(read):
        if i and not line.text.strip():
            kinds[i] = kinds[i - 1]
    return kinds
