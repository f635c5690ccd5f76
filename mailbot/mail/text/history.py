"""Which lines of a mail are quoted or forwarded history."""

from __future__ import annotations

import re

from mailbot.language.pattern import Pattern
from mailbot.mail.text.attribution import attribution, certain
from mailbot.mail.text.line import Line
from mailbot.mail.text.notes_header import forwarded_by, may_have_headers, notes_header
from mailbot.mail.text.printed_header import FROM, field, header_block, header_end, only_mail_has
from mailbot.mail.text.quote_marks import QUOTED, RULE, names, separator


def history_of(read: list[Line]) -> tuple[list[bool], list[bool]]:
    """Which lines are history, and which of it was forwarded."""
    history = [line.quoted for line in read]
    forwarded = [False] * len(read)
    marked = _last_quoted(read)
    of_notes = may_have_headers(read)
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
        if line.quoted and separator(line.text) == "forwarded" and _separates(read, i):
            i = mark(i, _quote_end(read, i), forward=True)
        elif not text or line.quoted:
            i += 1
        elif line.edge and _edge_holds(read, i):
            i = mark(i, len(read))
        elif (kind := separator(line.text)) and _separates(read, i):
            forward = kind == "forwarded"
            quote = _quote_end(read, i + 1)
            if quote > i + 1:  # Apple and others set the forwarded mail in a quote: it ends with the quote
                i = mark(i, quote, forward)
            elif forward or answered or marked <= i:
                i = mark(i, len(read), forward)
            else:  # answers stand below, between the marked lines
                i = mark(i, header_end(read, i + 1))
        elif length := forwarded_by(read, i):
            quote = _quote_end(read, i + length)
            i = mark(i, quote if quote > i + length else len(read), forward=True)
        elif of_notes and (header := notes_header(read, i)):
            start = _rule_above(read, i)
            if _quoted_soon(read, header.end):
                i = mark(start, header.end)
            elif answered or header.named:
                i = mark(start, len(read))
            else:
                answered, i = True, header.end
        elif length := attribution(read, i):
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
                not answered and (marked > i or certain(read, i, length))
            ):
                i = mark(i, i + length)  # what stands above nothing of the author's ends nothing of theirs
            elif certain(read, i, length):
                i = mark(i, len(read))
            else:
                answered, i = True, i + 1
        elif header_block(read, i):
            start = _rule_above(read, i)
            if answered or start < i or (marked <= i and only_mail_has(read, i)):
                i = mark(start, len(read))
            elif marked <= i or not only_mail_has(read, i):
                answered = True  # a form that was filled in, not a mail that was forwarded
                i = header_end(read, i)
            else:
                i = mark(start, header_end(read, i))
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
    return any(field(line.text)[0] or line.quoted or line.cite for line in below)


def _rule_above(read: list[Line], i: int) -> int:
    """The rule that is drawn above line `i`, blank lines between aside; `i` itself where there is none."""
    above = next((k for k in range(i - 1, -1, -1) if read[k].text.strip()), None)
    return above if above is not None and RULE.match(read[above].text) else i


def _last_quoted(read: list[Line]) -> int:
    """The last line with a quote mark, -1 for none."""
    return next((j for j in range(len(read) - 1, -1, -1) if read[j].quoted or read[j].cite), -1)


_SNIP = Pattern(r"^\W*(?:\.{2,}|…|{{reply.snip}}|\[.{0,20}\]|<.{0,20}>)\W*$")


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
    fields = [name for j in near if (name := field(read[j].text)[0])]
    header = len(fields) >= 3 and any(name in names(FROM) for name in fields)
    return header or any(attribution(read, j) or separator(read[j].text) for j in near[:3])


def _quote_end(read: list[Line], i: int) -> int:
    """The first line after the quoted lines that start at or just below line `i` (blank lines between allowed)."""
    end = i
    for j in range(i, len(read)):
        if QUOTED.match(read[j].text) or read[j].quoted or read[j].cite:
            end = j + 1
        elif read[j].text.strip() and not _SNIP.match(read[j].text):
            break
    return end


def _wrapped(read: list[Line], history: list[bool]) -> None:
    """A quoted line that a mailer broke leaves its tail without a mark: one lower-case scrap between two quoted lines."""
    for i in range(1, len(read) - 1):
        if history[i] or not (QUOTED.match(read[i - 1].text) and QUOTED.match(read[i + 1].text)):
            continue
        above, text = read[i - 1].text.rstrip(), read[i].text.strip()
        scrap = len(text.split()) > 1 and text[:1].islower() and "," not in text
        if scrap and 65 <= len(above) <= 82 and above[-1] not in ".?!:":
            history[i] = True
