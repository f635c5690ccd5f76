"""A mail as the rest of mailbot works with it: its message and its text taken apart, each read once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.mail.message import Message
from mailbot.mail.mime.parse import NO_DATE, parse
from mailbot.mail.text.split import MailText, split


@dataclass(frozen=True, slots=True)
class Mail:
    """A message and its text, taken apart into newest reply, history and signature."""

    message: Message
    text: MailText


def read_mail(raw: bytes) -> Mail:
    """Read any bytes as a mail. Never raises: what is damaged is listed in the message's `defects`."""
    message = parse(raw)
    return Mail(message, split(message))


def dated(mail: Mail, arrived: datetime | None) -> Mail:
    """The same mail; one without a date gets the time at which it arrived (INTERNALDATE, RFC 3501 2.3.3), and a defect says so.
    A time that no calendar of ours can hold is none."""
    if mail.message.date or arrived is None:
        return mail
    try:
        at = arrived.astimezone()
    except (OverflowError, ValueError, OSError):
        return mail
    defects = tuple(f"{d}, taken from its arrival" if d == NO_DATE else d for d in mail.message.defects)
    return replace(mail, message=replace(mail.message, date=at, defects=defects))
