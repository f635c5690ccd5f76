"""Unread mail -> arrivals: a mailbox is asked and a plan made (`look`), then its mails are read and decided (`Arrivals`).

Nothing changes here, on the server or elsewhere: `keep.py` makes the plan true, a dry run prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mailbot.errors import BadData, MailbotError
from mailbot.hearsay import confidence
from mailbot.mail.mail import Mail, dated, read_mail
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Listing, Opened
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.sync.decide.mailbox import (
    Action,
    Fetch,
    Found,
    KeepHeader,
    Remembered,
    Wish,
    plan,
    search_for,
    wanted,
    worth_a_search,
)
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import MailRow, Stage
from mailbot.sync.session.report import bug, log
from mailbot.sync.steps.circumstances import KnowledgeOf
from mailbot.vault.files import content_hash
from mailbot.vault.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """A mailbox that was asked, and what is to be done with it."""

    opened: Opened
    actions: Sequence[Action]

    @property
    def has_mail(self) -> bool:
        return any(isinstance(a, Fetch | KeepHeader) for a in self.actions)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that was read. `known` is its row where it is kept already; else `verdict` says what becomes of it, and `twins`
    are the notes of other mails with its Message-ID. `raw` is empty where only the header was read."""

    listing: Listing
    mail: Mail
    raw: bytes
    moves: bool
    verdict: Verdict
    known: MailRow | None = None
    twins: tuple[str, ...] = ()

    @property
    def stage(self) -> Stage:
        """What the mail waits for."""
        if not self.verdict.disposition:
            return "triage"
        return "draft" if self.verdict.disposition == "reply" else "done"


def look(server: ImapAccount, account: str, opened: Opened, journal: Journal, wish: Wish) -> Look:
    """Ask the mailbox that is open for what is wanted, and plan. Raises MailbotError if the server fails."""
    mailbox, uidvalidity = opened.name, opened.uidvalidity
    memory = Remembered(
        journal.cursors.get(account, mailbox),
        frozenset(journal.locations.known_uids(account, mailbox, uidvalidity)),
        journal.failures.due(account, mailbox, uidvalidity) if uidvalidity else {},
    )
    search = search_for(wish, memory.cursor, uidvalidity)
    found: list[int] = []
    if worth_a_search(search, opened):
        found = server.search(search.criteria, first=search.first, last=opened.last, exists=opened.exists)
    uids = wanted(found, memory, datetime.now(UTC), wish.limit, newest=not search.moves)
    listings = server.listings(uids)
    described = {m.uid for m in listings}
    silent = [uid for uid in uids if uid not in described]
    there = frozenset(uid for uid in silent if server.search(["ALL"], first=uid, last=uid))
    seen = Found(opened, search, found, uids, listings, there)
    return Look(opened, plan(seen, memory, wish))


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Reads the mails of a plan and decides what becomes of each. Changes nothing.

    `at_once` are the circumstances that hold for every mail. `knows` gives those of a mail that they do not settle; without it
    such a mail stays undecided.
    """

    account: str
    server: ImapAccount
    journal: Journal
    at_once: Circumstances
    knows: KnowledgeOf | None
    now: datetime

    def read(self, look: Look) -> Iterator[tuple[Fetch | KeepHeader, Arrival | MailbotError]]:
        """Each mail of the mailbox that is open that is to be kept, in order, or why it cannot be; a bad mail never stops a
        mailbox. Raises MailbotError if the server as a whole fails, OSError if the disk does."""
        mails = [a for a in look.actions if isinstance(a, Fetch | KeepHeader)]
        for action, raw in self._bodies(mails):
            try:
                yield action, self._arrival(action, raw)
            except OSError:
                raise  # the disk: no mail would fare better
            except MailbotError as error:
                yield action, error
            except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
                log.exception("account %s: %s uid %d", self.account, look.opened.name, action.listing.uid)
                yield action, bug(error)

    def _bodies(
        self, mails: Sequence[Fetch | KeepHeader]
    ) -> Iterator[tuple[Fetch | KeepHeader, bytes | None]]:
        """Each with its bytes, in order; None if the server sent none, or where only the header is wanted."""
        fetched = self.server.bodies(a.listing for a in mails if isinstance(a, Fetch))
        waiting = next(fetched, None)
        for action in mails:
            if waiting and isinstance(action, Fetch) and waiting[0] == action.listing.uid:
                yield action, waiting[1]
                waiting = next(fetched, None)
            else:
                yield action, None

    def _arrival(self, action: Fetch | KeepHeader, raw: bytes | None) -> Arrival:
        listing = action.listing
        if isinstance(action, KeepHeader):
            mail = _header_only(self.server.header(listing.uid), listing)
        elif raw:
            mail = read_mail(raw)
        else:
            raise BadData("the server listed the mail but sent no body")
        mail = dated(mail, listing.internal_date)
        message = mail.message
        confidence.text(message.subject, mail.text.plain("newest", "quoted", "forwarded"))
        if known := self.journal.mails.by_content(self.account, message.sha256):
            return Arrival(listing, mail, raw or b"", action.moves, Verdict(), known)
        twins = tuple(m.note for m in self.journal.mails.by_message_id(message.message_id or ""))
        verdict = self._verdict(mail, listing, twin=bool(twins), too_large=isinstance(action, KeepHeader))
        return Arrival(listing, mail, raw or b"", action.moves, verdict, None, twins)

    def _verdict(self, mail: Mail, listing: Listing, *, twin: bool, too_large: bool) -> Verdict:
        """Decide from the mail and its arrival alone. Look up more only if they do not decide."""
        arrived = listing.internal_date or mail.message.date
        here = replace(
            self.at_once,
            answered=any(f.casefold() == "\\answered" for f in listing.flags),
            twin=twin,
            too_large=too_large,
            age=_age(arrived, self.now),
            model=True,
        )
        settled = disposition(mail, here)
        if settled.disposition or self.knows is None:
            return settled
        try:
            return disposition(mail, self.knows(mail.message))
        except Exception:  # noqa: BLE001 - what is known beside a mail may fail, and the mail is kept: triage decides
            log.exception("account %s: what is known beside uid %d", self.account, listing.uid)
            return settled


def _age(arrived: datetime | None, now: datetime) -> timedelta | None:
    try:
        return now - arrived.astimezone() if arrived else None
    except (OverflowError, ValueError, OSError):  # a date that no time zone can hold
        return None


def _header_only(header: bytes, listing: Listing) -> Mail:
    """What is kept of a mail that is too large: its header, under an identity that counts its size as well."""
    if not header.strip():
        raise BadData("the server listed the mail but sent no header")
    mail = read_mail(header)
    size = f"{listing.size / 1_000_000:.0f} MB"
    message = replace(
        mail.message,
        sha256=content_hash(header + f"{listing.size}".encode()),
        size=listing.size,
        body=(),
        defects=(
            *mail.message.defects,
            f"its body ({size}) is above max_mail_size and was left on the server",
        ),
    )
    return Mail(message, mail.text)
