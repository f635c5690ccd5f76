"""How far back: what lies unread, and from which day on mailbot is to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from mailbot.mail.server.account import ImapAccount
from mailbot.sync.setup.person import Person, counted

MANY = 200
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Unread:
    """What is unread in a mailbox: how much of it, how much of the last 30 days, and since when (None for nothing)."""

    count: int
    of_month: int
    oldest: date | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """From when on, and which mail: as the settings have it."""

    since: date | None
    fetch: Literal["unseen", "new"]


def unread_in(server: ImapAccount, mailbox: str, today: date) -> Unread:
    """Count what is unread. Raises ServerUnavailable."""
    opened = server.examine(mailbox)
    uids = server.search(["UNSEEN"], exists=opened.exists)
    recent = server.search(["UNSEEN", "SINCE", today - MONTH], exists=opened.exists)
    first = [m.internal_date for m in server.listings(uids[:1]) if m.internal_date]
    return Unread(len(uids), len(recent), first[0].date() if first else None)


def ask_reach(person: Person, unread: Unread, mailbox: str, today: date) -> Reach:
    """Ask how far back mail is kept, and whether mail that was read elsewhere counts."""
    age = f", the oldest from {unread.oldest}" if unread.oldest else ""
    person.say(
        f"{mailbox} has {counted(unread.count, 'unread mail')}{age}; {unread.of_month} came in the last 30 days."
    )
    ways = [
        ("all", f"all that is unread ({unread.count})"),
        ("30d", f"the last 30 days ({unread.of_month})"),
        ("now", "from today on"),
    ]
    word = person.choose("since", "Which should become notes?", ways, "30d" if unread.count > MANY else "all")
    fetch = person.choose(
        "fetch",
        "And from then on?",
        [
            (
                "unseen",
                "unread mail; mail that you have already read elsewhere is skipped",
            ),
            ("new", "everything that arrives, read or not"),
        ],
        "unseen",
    )
    since = {"all": None, "30d": today - MONTH, "now": today}[word]
    return Reach(since, "new" if fetch == "new" else "unseen")
