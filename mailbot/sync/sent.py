"""What the user has written: the headers of Sent, read once and remembered. Nothing there is changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from mailbot.errors import MailbotError, TryAgain
from mailbot.mail.freemail import is_for_all
from mailbot.mail.message import Address, Message
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.journal import Cursor, Journal
from mailbot.sync.run import Run, log

FIRST = 5000
"""Of a Sent that was never read, the newest so many."""


def remember_sent(run: Run, server: ImapAccount) -> None:
    """Read the headers that came to Sent since the last look. A Sent that cannot be read is no reason to stop: what is
    known of it stays as it was."""
    account = run.account.name
    try:
        opened = server.examine(server.find("sent", run.account.sent_mailbox))
        key = f"sent:{opened.name}"
        cursor = run.journal.cursor(account, key)
        if cursor and cursor.uidvalidity != opened.uidvalidity:
            run.journal.correspondence.forget_sent(account, opened.name)
            cursor = None
        first = cursor.uid + 1 if cursor else 1
        if opened.uidnext and opened.uidnext <= first:
            return
        last = max(opened.uidnext - 1, 0)
        uids = server.search(["ALL"], first=first, last=last, exists=opened.exists) if opened.exists else []
        found = list(server.headers(uids[-FIRST:]))
        with run.journal.together():
            for uid, header in found:
                day = header.date.astimezone(UTC).isoformat() if header.date else ""
                run.journal.correspondence.remember_sent(
                    account,
                    opened.name,
                    opened.uidvalidity,
                    uid,
                    header.message_id,
                    header.parent,
                    day,
                    header.to,
                )
            run.journal.move_cursor(account, key, Cursor(opened.uidvalidity, max([last, *uids])))
    except TryAgain:
        raise
    except MailbotError as error:
        server.ensure()
        log.info("account %s: Sent could not be read: %s", account, error)


def exchanged(journal: Journal, message: Message, own: Iterable[str]) -> bool:
    """Whether the user and the sender of a mail have written to each other: the user wrote to the address, or the mail
    answers one of the user's that went to a colleague of the sender's. (Anybody can name a mail of the user's that went to a
    list.)"""
    sender = message.sender
    if sender is None or sender.key in {o.casefold() for o in own}:
        return False
    return journal.correspondence.written_to(sender.key) > 0 or _answers(journal, message, "9999")


def _answers(journal: Journal, message: Message, before: str) -> bool:
    """Whether a mail answers one of the user's that went to its sender's own domain, if that is not one for all."""
    domain = message.sender.domain if message.sender else ""
    named = (*message.in_reply_to, *message.references)
    return bool(
        domain and not is_for_all(domain) and journal.correspondence.wrote_there(named, domain, before)
    )


def never_met(
    journal: Journal, message: Message, readers: Iterable[Address], before: str = "9999"
) -> frozenset[str]:
    """Those who would read the answer to a mail and to whom the user never wrote (before an ISO time, UTC). The author is
    known too where the mail answers one that went to a colleague of theirs."""
    sent = journal.correspondence
    author = message.sender.key if message.sender and _answers(journal, message, before) else ""
    return frozenset(r.key for r in readers if r.key != author and not sent.written_to(r.key, before))
