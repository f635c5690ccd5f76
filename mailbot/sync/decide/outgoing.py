"""The reply as it goes to the server. Everything but its text comes from the source mail and the settings."""

from __future__ import annotations

import re
from datetime import datetime

from mailbot.assistant.closing import parted
from mailbot.language.detect import language_of
from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, MessageId
from mailbot.mail.mime import reply_body, reply_header
from mailbot.mail.mime.compose import Reply
from mailbot.mail.text.split import MailText
from mailbot.settings import Account, Settings
from mailbot.sync.decide.audience import recipients


def outgoing(
    settings: Settings, account: Account, mail: Mail, text: str, message_id: MessageId, date: datetime
) -> Reply:
    """The reply to `mail` with this text, from the account's address that received it, with signature and quote."""
    message = mail.message
    own = tuple(Address(account.display_name, email) for email in account.own_addresses)
    to, cc = recipients(settings, message)
    in_reply_to, references = reply_header.threading(message)
    written = text if account.signature else signed(text, account.display_name)
    quote = _quote(mail)
    return Reply(
        message_id=message_id,
        date=date,
        sender=reply_header.sender_alias(message, own),
        to=to,
        cc=cc,
        subject=reply_header.reply_subject(message.subject),
        in_reply_to=in_reply_to,
        references=references,
        body=reply_body.body(written, quote, account.signature),
        quote_lines=len(quote.strip().split("\n")) if quote.strip() else 0,
    )


def signed(text: str, name: str) -> str:
    """A reply with the user's name under it, where it does not stand there already: nobody sends a mail that ends in
    "Best regards,"."""
    if "\n" in parted(text).closing:
        return text
    last = re.findall(r"\w+", " ".join(text.rstrip().split("\n")[-2:]).casefold())
    there = not name or not set(re.findall(r"\w+", name.casefold())).isdisjoint(last)
    return text if there else f"{text.rstrip()}\n{name}"


def _quote(mail: Mail) -> str:
    """The mail as it is quoted; nothing of one that is signed or encrypted."""
    message = mail.message
    if message.protected:
        return ""
    return reply_body.quoted(
        _quotable(mail.text), message.sender, message.date, language_of(mail.text.newest)
    )


def _quotable(text: MailText) -> str:
    """The mail as plain text to be quoted: without its signature, the history of an HTML mail marked as such."""
    parts = []
    for segment in text.segments:
        if segment.kind == "signature":
            continue
        lines = segment.plain.split("\n")
        deeper = segment.kind == "quoted" and not isinstance(segment.source, str)
        parts.append("\n".join(f"> {line}".rstrip() for line in lines) if deeper else segment.plain)
    return "\n\n".join(parts)
