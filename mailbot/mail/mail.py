"""A mail as the rest of mailbot works with it: its message and its text taken apart, each read once."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.mail.message import Message
from mailbot.mail.mime.parse import parse
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
