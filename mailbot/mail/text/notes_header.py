"""The header of an earlier mail as Lotus and HCL Notes print it: a name, a date, then To, cc and Subject, with no field From.

A name above a date may be anybody's words, and so may a line "To:". All of them in this one order are Notes'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.language.pattern import Pattern
from mailbot.mail.text.line import Line
from mailbot.mail.text.quote_marks import names, plain

_WHEN = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[ -][^\W\d]{3,9}\.?[ -](?:\d{4}|\d{2}))"
    r",? \d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?: ?[AP]\.?M\.?)?(?: \(?[A-Z]{2,5}\d?\)?)?"
)
"""A date with a time of day, as Notes prints one."""
_DATE = re.compile(_WHEN, re.IGNORECASE)
_FIELD = re.compile(r"(?P<name>[^\W\d][^\d:：]{0,18}?) ?[:：](?P<value>.*)")
_CELL = re.compile(r"\A([^\W\d][^\t:：]{0,18})\t+")
"""A field's name in a cell of a table: its value is in the next."""
_NAME_AND_DATE = Pattern(
    rf"(?:(?:{{{{reply.from}}}}) ?: ?(?P<named>.{{2,90}}?)|(?P<name>.{{2,90}}?))(?: {{{{reply.on}}}})? {_WHEN}$"
)
_SUMMARY = re.compile(rf".{{2,160}}? ?-{{2,3}} ?{_WHEN} ?-{{2,3}}.*", re.IGNORECASE)
"""`Jane Doe ---01/15/2001 09:12:22 AM---Dear Bob, ...` above the fields, since Notes 8."""
_BANNER = Pattern(r"-{4,} ?{{reply.forwarded_by}} .{2,120}? {{reply.on}} \d{1,4}[./ -][^-]{3,40}?-{4,}$")
_BETWEEN = Pattern(r"{{reply.above_fields}}\b.*$")
LONGEST = 80
"""Lines that a header may take; a mail to a whole department fills many with its recipients."""


@dataclass(frozen=True, slots=True)
class NotesHeader:
    """`end` is the line after the header. It is `named` where a name in it is written as only directories and mail write one: with
    an organisation behind a slash, or with an address."""

    end: int
    named: bool


def forwarded_by(read: list[Line], i: int) -> int:
    """How many lines a rule `------ Forwarded by Jane Doe/HOU/ACME on 01/15/2001 09:12 AM ------` takes that starts at line `i`;
    0 for none. Mailers break it."""
    if not read[i].text.lstrip().startswith("----"):
        return 0
    joined = ""
    for length, line in enumerate(read[i : i + 3], 1):
        joined = f"{joined} {_closed(line.text)}".strip()
        if _BANNER.match(joined):
            return length
    return 0


def may_have_headers(read: list[Line]) -> bool:
    """Whether any line names a subject: without one there is no header to look for."""
    wanted = names("reply.subject")
    for line in read:
        text = line.text[:60].strip(" \t>*_").replace("：", ":").replace("\t", ":")
        if plain(text.partition(":")[0].rstrip(" *_")) in wanted:
            return True
    return False


def notes_header(read: list[Line], i: int) -> NotesHeader | None:
    """The header that starts at line `i`, None if there is none."""
    begun = _begun(read, i)
    if begun is None:
        return None
    j, name, needs_date = begun
    named = _is_named(name)
    seen: list[str] = []
    blanks = 0
    while j < min(len(read), i + LONGEST):
        text = _closed(read[j].text)
        if not text:
            blanks += 1
        elif found := _field(_CELL.sub(r"\1: ", read[j].text[:1000].strip())):
            field, value = found
            seen.append(field)
            blanks = 0
            named = named or (field == "to" and _is_named(value))
            if (field == "to") != (len(seen) == 1) or (field == "date" and not _DATE.fullmatch(value)):
                return None
            if field == "subject":
                return NotesHeader(j + 1, named) if _in_order(seen, needs_date, named) else None
        elif blanks or not seen:
            if seen or not _BETWEEN.match(text):
                return None
            blanks = 0
        elif seen[-1] == "to":  # recipients go on
            named = named or _is_named(text)
        if blanks > 3 or read[j].quoted:
            return None
        j += 1
    return None


def _begun(read: list[Line], i: int) -> tuple[int, str, bool] | None:
    """(the line after what stands above the fields, the name there, whether the date is among the fields); None if no header
    begins here."""
    text = _closed(read[i].text)
    if not 2 <= len(text) <= 240:
        return None
    if found := _NAME_AND_DATE.match(text):
        name = found["name"] or found["named"]
        return (i + 1, name, False) if found["named"] or _is_name(name) else None
    at = _field(text)
    if at and at[0] == "from":
        return (i + 1, at[1], True) if _is_named(at[1]) else None
    below = next((j for j in range(i + 1, min(len(read), i + 5)) if read[j].text.strip()), None)
    if below is None:
        return None
    under = _closed(read[below].text)
    if read[i].text[:1] == "\t" and below > i + 1 and _is_name(text.rstrip(".")):  # the letterhead
        found = _NAME_AND_DATE.match(under)
        return (below + 1, found["named"], False) if found and found["named"] else None
    if _SUMMARY.fullmatch(text):
        at = _field(under)
        return (below + 1, at[1], True) if at and at[0] == "from" else None
    if not _is_name(text):
        return None
    for j in range(i + 1, min(len(read), i + 4)):
        under = _closed(read[j].text)
        if _DATE.fullmatch(under):
            return j + 1, text, False
        if not _BETWEEN.match(under):
            return None
    return None


def _in_order(seen: list[str], needs_date: bool, named: bool) -> bool:
    """Whether the fields stand as Notes prints them: To, copies, (the date,) Subject."""
    if seen.count("date") != needs_date or "from" in seen:
        return False
    between = seen[1:-1]
    if needs_date and between[-1:] != ["date"]:
        return False
    return named or "cc" in between  # it prints cc even where there is nobody


def _field(text: str) -> tuple[str, str] | None:
    """(`from`, `to`, `cc`, `date` or `subject`, the value) of a field; None for any other line. Newer versions print the name alone,
    and the value below."""
    text = _closed(text)
    found = _FIELD.fullmatch(text)
    name = plain(found["name"] if found else text)
    value = found["value"].strip() if found else ""
    if name in names("reply.cc"):
        return "cc", value
    for field in ("to", "subject"):
        if name in names(f"reply.{field}"):
            return field, value
    if found and name in names("reply.from"):
        return "from", value
    if found and name in names("reply.sent"):
        return "date", value
    return None


def _is_name(text: str) -> bool:
    """Whether a line is a name and no more: few words, begun with a capital or a quote, and no sentence."""
    words = re.sub(r"<[^<>]*>", "", text).split()
    begins = text[0].isupper() or text[0] in "\"'" or "@" in text or "/" in text
    return begins and len(text) <= 100 and len(words) <= 7 and text[-1] not in ".?!:,;"


def _is_named(text: str) -> bool:
    return bool(re.search(r"[^\W\d]/[^\W\d]|\S@\w", text))


def _closed(text: str) -> str:
    """A line's text without its indent, runs of white space closed."""
    return " ".join(text[:1000].split())
