"""Sent -> what the user has written: its headers, read once and remembered. Nothing there is changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mailbot.errors import AuthenticationFailed, MailbotError, TryAgain
from mailbot.mail.freemail import is_for_all
from mailbot.mail.message import Address, Message
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Opened
from mailbot.mail.server.sent_header import SentHeader
from mailbot.settings import Account
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, Location
from mailbot.sync.memory.sent import SentMails
from mailbot.sync.session.report import in_log, log

FIRST = 5000
"""How many of the newest mails are read the first time."""


def read_sent(server: ImapAccount, account: Account, journal: Journal) -> None:
    """Read the headers that came to Sent since the last look. A Sent that cannot be read is no reason to stop: what is
    known of it stays as it was. Raises TryAgain if the server asks for patience."""
    try:
        _read(server, account, journal)
    except (TryAgain, AuthenticationFailed):
        raise
    except MailbotError as error:
        server.ensure()
        log.info("account %s: Sent could not be read: %s", account.name, in_log(error))


def _read(server: ImapAccount, account: Account, journal: Journal) -> None:
    opened = server.examine(server.find("sent", account.sent_mailbox))
    cursor = journal.cursors.get(account.name, opened.name, "sent")
    if cursor and cursor.uidvalidity != opened.uidvalidity:
        journal.sent.forget(account.name, opened.name)
        cursor = None
    if not opened.uidvalidity:
        _read_anew(server, account.name, journal, opened)
        return
    first = cursor.uid + 1 if cursor else 1
    if opened.uidnext and opened.uidnext <= first:
        return
    uids = (
        server.search(["ALL"], first=first, last=opened.last, exists=opened.exists) if opened.exists else []
    )
    found = list(server.headers(uids[-FIRST:]))
    with journal.together():
        _add(account.name, journal, opened, found)
        reached = Cursor(opened.uidvalidity, max([opened.uidnext - 1, *uids]))
        journal.cursors.move(account.name, opened.name, reached, "sent")


def _add(account: str, journal: Journal, opened: Opened, found: Iterable[tuple[int, SentHeader]]) -> None:
    for uid, header in found:
        at = Location(opened.name, opened.uidvalidity, uid)
        journal.sent.add(account, at, header.message_id, header.parent, header.date, header.to)


def _read_anew(server: ImapAccount, account: str, journal: Journal, opened: Opened) -> None:
    """Without UIDVALIDITY a UID may be another mail's than last time: all is read, and remembered where it is news."""
    uids = server.search(["ALL"], last=opened.last, exists=opened.exists) if opened.exists else []
    found = list(server.headers(uids[-FIRST:]))
    if {(uid, header.message_id) for uid, header in found} == journal.sent.lying(account, opened.name):
        return
    with journal.together():
        journal.sent.forget(account, opened.name)
        _add(account, journal, opened, found)
        journal.cursors.move(account, opened.name, Cursor(0, max([0, *uids])), "sent")


def have_exchanged(sent: SentMails, message: Message, own: frozenset[str]) -> bool:
    """Whether the user and the sender of a mail have written to each other: the user wrote to the address, or the mail
    answers one of the user's that went to a colleague of the sender's. (Anybody can name a mail of the user's that went to a
    list.) `own` are the user's addresses, case-folded."""
    sender = message.sender
    if sender is None or sender.key in own:
        return False
    return exchanged_with(sent, sender.key, (*message.in_reply_to, *message.references))


def exchanged_with(sent: SentMails, address: str, parents: Iterable[str]) -> bool:
    """The same by an address (case-folded) and the Message-IDs that its mail says it answers."""
    domain = address.rpartition("@")[2]
    to_colleague = bool(domain) and not is_for_all(domain) and sent.wrote_to_domain(parents, domain)
    return to_colleague or sent.written_to(address) > 0


def strangers_among(
    sent: SentMails, message: Message, readers: Iterable[Address], before: datetime | None = None
) -> frozenset[str]:
    """Those who would read the answer to a mail and to whom the user never wrote (before a moment). The author is known too
    where the mail answers one that went to a colleague of theirs."""
    author = message.sender.key if message.sender and _answers(sent, message, before) else ""
    return frozenset(r.key for r in readers if r.key != author and not sent.written_to(r.key, before))


def _answers(sent: SentMails, message: Message, before: datetime | None = None) -> bool:
    """Whether a mail answers one of the user's that went to its sender's own domain, if that is not one for all."""
    domain = message.sender.domain if message.sender else ""
    named = (*message.in_reply_to, *message.references)
    return bool(domain and not is_for_all(domain) and sent.wrote_to_domain(named, domain, before))
