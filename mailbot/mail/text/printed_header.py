"""The header of an earlier mail as clients print it into the text, in the languages they speak."""

from __future__ import annotations

from functools import lru_cache

from mailbot.mail.text.line import Line
from mailbot.mail.text.quote_marks import (
    ADDRESSED,
    CLOCK,
    FIELD,
    FROM_NAMES,
    SENT_BY_MAIL,
    SENT_NAMES,
    SUBJECT_FIELD,
    SUBJECT_NAMES,
    TO_NAMES,
)


@lru_cache(maxsize=4096)
def field(text: str) -> tuple[str, str]:
    """(name in lower case, value) of a printed header field, ("", "") for any other line."""
    match = FIELD.match(text)
    return (match["name"].casefold(), text[match.end() :]) if match else ("", "")


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
        or not names & SENT_NAMES  # every client prints it; a form or an instruction may not
        or not (subject or recipient)
    ):
        return False
    # An itinerary and a contact form have such fields too: what a mail client prints has an address in the sender's
    # own line, or a field that only mail has ("Sent") with a time.
    address = any(name in FROM_NAMES and ADDRESSED.search(value) for name, value in fields)
    timed = any(name in SENT_NAMES and CLOCK.search(value) for name, value in fields)
    by_mail = bool(names & SENT_BY_MAIL)
    return (address and recipient) or (by_mail and (timed or (recipient and subject)))


def only_mail_has(read: list[Line], i: int) -> bool:
    """Whether a printed header has a field that only a mail client prints ("Sent")."""
    return any(field(line.text)[0] in SENT_BY_MAIL for line in read[i : i + 8])


def header_end(read: list[Line], i: int) -> int:
    """The first line after the printed header of an earlier mail: its fields, up to the first blank or quoted line."""
    while i < len(read) and read[i].text.strip() and not read[i].quoted:
        i += 1
    return i
