"""The header of an earlier mail as clients print it into the text, in the languages they speak."""

from __future__ import annotations

from functools import lru_cache

from mailbot.mail.text.line import Line
from mailbot.mail.text.quote_marks import (
    ADDRESSED,
    CLOCK,
    FIELD,
    SUBJECT_FIELD,
    names,
    plain,
)

FROM, SENT, SENT_BY_MAIL, SUBJECT = "reply.from", "reply.sent", "reply.sent_by_mail", "reply.subject"
RECIPIENTS = ("reply.to", "reply.cc")
"""SENT_BY_MAIL are names of the date field that only a mail client writes: an itinerary has From, To and Date as well."""


@lru_cache(maxsize=1024)
def field(text: str) -> tuple[str, str]:
    """(name in lower case, value) of a printed header field, ("", "") for any other line."""
    match = FIELD.match(text) if ":" in text or "：" in text else None
    name = plain(match["name"]) if match else ""
    known = match and name in names(FROM, SENT, SUBJECT, *RECIPIENTS)
    return (name, text[match.end() :]) if match and known else ("", "")


def header_block(read: list[Line], i: int) -> bool:
    """Whether the header of an earlier mail, as clients print it, starts at line `i`: a From line, and a date and a
    subject or recipient near it, in any order."""
    if not field(read[i].text)[0]:
        return False
    fields: list[tuple[str, str]] = []
    blanks = 0
    for line in read[i : i + 10]:
        name, value = field(line.text)
        if name:
            fields.append((name, value))
            blanks = 0
            if SUBJECT_FIELD.search(value):  # phones print two fields on one line
                fields.append((SUBJECT, ""))
        elif not line.text.strip():
            blanks += 1
            if blanks > 1:
                break
    found = {name for name, _ in fields}
    recipient = bool(found & names(*RECIPIENTS))
    subject = SUBJECT in found or bool(found & names(SUBJECT))
    if (
        len(fields) < 3
        or not found & names(FROM)
        or not found & names(SENT)  # every client prints it; a form or an instruction may not
        or not (subject or recipient)
    ):
        return False
    # An itinerary and a contact form have such fields too: what a mail client prints has an address in the sender's
    # own line, or a field that only mail has ("Sent") with a time.
    address = any(name in names(FROM) and ADDRESSED.search(value) for name, value in fields)
    timed = any(name in names(SENT) and CLOCK.search(value) for name, value in fields)
    by_mail = bool(found & names(SENT_BY_MAIL))
    return (address and recipient) or (by_mail and (timed or (recipient and subject)))


def only_mail_has(read: list[Line], i: int) -> bool:
    """Whether a printed header has a field that only a mail client prints ("Sent")."""
    return any(field(line.text)[0] in names(SENT_BY_MAIL) for line in read[i : i + 8])


def header_end(read: list[Line], i: int) -> int:
    """The first line after the printed header of an earlier mail: its fields, up to the first blank or quoted line."""
    while i < len(read) and read[i].text.strip() and not read[i].quoted:
        i += 1
    return i
