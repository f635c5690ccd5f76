"""An account's servers: the login, the mailboxes, a draft that goes there and back, the clock, and the way out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailbot.errors import MailbotError, ServerUnavailable
from mailbot.mail.message import Address, MessageId
from mailbot.mail.mime.compose import Reply, compose, new_message_id
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.login import Login
from mailbot.mail.server.outbox import Outbox
from mailbot.mail.server.special_use import SpecialUse
from mailbot.settings import Account
from mailbot.sync.checks.check import Check, failed, ok, warning, wrong

DRIFT = timedelta(minutes=2)
"""Between the clocks of this machine and the server; more, and "newer than" means something else."""


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The names of an account's special mailboxes; empty for one that was not found."""

    drafts: str = ""
    sent: str = ""
    trash: str = ""


def imap(account: Account, login: Login, *, round_trip: bool = True) -> Iterator[Check]:
    """Log in and look round. With `round_trip` a draft is put into Drafts and taken out again: nothing else is changed."""
    name = account.name
    server = ImapAccount(login)
    try:
        server.connect()
    except MailbotError as error:
        yield failed("imap", name, error)
        return
    try:
        yield ok("imap", name, f"logged in to {login.host}:{login.port} as {login.username}")
        yield from _inboxes(account, server)
        found = mailboxes(account, server)
        yield from _special(account, found)
        if round_trip and found.drafts:
            yield from draft_there_and_back(name, account.address, server, found.drafts)
    except MailbotError as error:
        yield failed("mailboxes", name, error)
    finally:
        server.close()


def mailboxes(account: Account, server: ImapAccount) -> Mailboxes:
    """Which mailbox is what. Raises ServerUnavailable if the server does not say."""

    def find(use: SpecialUse, configured: str = "auto") -> str:
        try:
            return server.find(use, configured)
        except ServerUnavailable:
            return ""

    server.mailboxes()
    return Mailboxes(
        find("drafts", account.drafts_mailbox), find("sent", account.sent_mailbox), find("trash")
    )


def _inboxes(account: Account, server: ImapAccount) -> Iterator[Check]:
    for mailbox in account.mailboxes:
        try:
            opened = server.examine(mailbox)
            unread = len(server.search(["UNSEEN"], exists=opened.exists))
            yield ok(
                "mailbox",
                account.name,
                f"{mailbox}: {opened.exists} mail{'' if opened.exists == 1 else 's'}, {unread} unread",
            )
        except ServerUnavailable as error:
            server.ensure()
            yield wrong(
                "mailbox", account.name, str(error), f"fix `mailboxes`; the server has: {server.names()}", 69
            )


def _special(account: Account, found: Mailboxes) -> Iterator[Check]:
    for use, name, why in (
        ("drafts", found.drafts, "drafts are kept as notes only"),
        ("sent", found.sent, "mails that you have answered may get a draft"),
        ("trash", found.trash, "a draft that you delete counts as missing for some hours"),
    ):
        setting = "" if use == "trash" else f"; name it with `{use}_mailbox`"
        if name:
            yield ok(use, account.name, f"{use.title()} mailbox: {name}")
        elif use == "drafts" and not account.create_drafts_mailbox:
            yield wrong(
                use, account.name, "no Drafts mailbox was found", f"without it {why}{setting}, or set `create_drafts_mailbox: true`", 69
            )  # fmt: skip
        else:
            yield warning(
                use, account.name, f"no {use.title()} mailbox was found", f"without it {why}{setting}"
            )


def draft_there_and_back(about: str, address: str, server: ImapAccount, drafts: str) -> Iterator[Check]:
    """Put a draft into Drafts, read it back, take it out again; and compare the clocks."""
    if not server.can_remove():
        yield warning(
            "drafts round trip",
            about,
            "not tried: this server cannot remove one message alone (no UIDPLUS)",
            "mailbot works; a draft that it replaces stays beside the new one until you delete it",
        )
        return
    message_id = _test_id(address)
    here = datetime.now(UTC)
    raw = _test_draft(address, message_id, here)
    listing = None
    try:
        _swept(server, drafts, message_id)  # of a run that was stopped in the middle
        uid = server.append_draft(drafts, raw, message_id)
        server.examine(drafts)
        listing = next(iter(server.listings([uid] if uid else [])), None)
        gone = _swept(server, drafts, message_id)
    except MailbotError as error:
        with suppress(MailbotError):
            server.ensure()
            _swept(server, drafts, message_id)
        advice = f"look into {drafts} for a mail called “A test of mailbot's”, and delete it"
        yield wrong("drafts round trip", about, failed("drafts round trip", about, error).found, advice, 69)
        return
    if listing is None or not gone:
        yield wrong(
            "drafts round trip",
            about,
            f"a test draft was stored in {drafts} and could not be {'removed again' if listing else 'found again'}",
            "delete the one called “A test of mailbot's”",
            69,
        )
        return
    yield ok("drafts round trip", about, f"a test draft could be saved in {drafts} and removed again")
    if listing.internal_date:
        yield _clock(about, listing.internal_date - here)


def _test_draft(address: str, message_id: MessageId, at: datetime) -> bytes:
    sender = Address("", address)
    body = "mailbot has put this here to see whether it can, and takes it away again at once.\nIf you read this, you may delete it.\n"
    reply = Reply(message_id, at.astimezone(), sender, (sender,), (), "A test of mailbot's", None, (), body)
    return compose(reply)


def _test_id(address: str) -> MessageId:
    """The same for each test of an address: what a run that was stopped has left is found by it."""
    domain = new_message_id(address).rpartition("@")[2]
    return MessageId(f"<{hashlib.sha256(f'test {address.casefold()}'.encode()).hexdigest()[:32]}@{domain}")


def _swept(server: ImapAccount, drafts: str, message_id: MessageId) -> bool:
    """Take every test draft away; whether there was one, and none is left."""
    found = server.copies(drafts, message_id)
    opened = server.examine(drafts)
    for uid in found:
        stored = server.message(drafts, uid, 1_000_000) or b""
        server.take_away(drafts, opened.uidvalidity, uid, hashlib.sha256(stored).hexdigest())
    return bool(found) and not server.copies(drafts, message_id)


def _clock(about: str, drift: timedelta) -> Check:
    apart = abs(drift)
    if apart <= DRIFT:
        return ok("clock", about, "the clocks of this machine and the server agree")
    ahead = "behind" if drift > timedelta(0) else "ahead of"
    return warning(
        "clock",
        about,
        f"this machine's clock is {int(apart.total_seconds() // 60)} minutes {ahead} the server's",
        "set it right: what is too old for a draft is told by it",
    )


def smtp(account: Account, login: Login) -> Check:
    """Connect and log in for sending; nothing is sent."""
    here = login.host in ("127.0.0.1", "localhost", "::1")
    try:
        Outbox(login).check()
        asks = bool(Outbox(login).mechanisms())
    except MailbotError as error:
        return failed("smtp", account.name, error)
    if not asks and not here:
        found = f"{login.host}:{login.port} asks for no login, so it takes mail for its own users only"
        return wrong("smtp", account.name, found, "use the submission port, 465 or 587", 78)
    if not asks:
        return ok(
            "smtp",
            account.name,
            f"connected to {login.host}:{login.port}, which asks for no login; nothing was sent",
        )
    return ok("smtp", account.name, f"logged in to {login.host}:{login.port}; nothing was sent")
