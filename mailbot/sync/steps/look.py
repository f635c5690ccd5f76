"""A mailbox is asked for what is wanted, and a plan made. Nothing changes here; a run that finds nothing new ends with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Opened
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


@dataclass(frozen=True, slots=True)
class Look:
    """A mailbox that was asked, and what is to be done with it."""

    opened: Opened
    actions: Sequence[Action]

    @property
    def wanted(self) -> int:
        """How many mails are to be kept."""
        return sum(isinstance(a, Fetch | KeepHeader) for a in self.actions)

    @property
    def has_mail(self) -> bool:
        return self.wanted > 0


def look(server: ImapAccount, account: str, opened: Opened, journal: Journal, wish: Wish) -> Look:
    """Ask the mailbox that is open for what is wanted, and plan. Raises MailbotError if the server fails."""
    mailbox, uidvalidity = opened.name, opened.uidvalidity
    failures = journal.failures
    memory = Remembered(
        journal.cursors.get(account, mailbox),
        frozenset(
            journal.locations.known_uids(account, mailbox, uidvalidity)
            | failures.given_up(account, mailbox, uidvalidity)
        ),
        failures.due(account, mailbox, uidvalidity) if uidvalidity else {},
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
