"""What is to be done with a mailbox: which mails are wanted, and what happens to each. Plain values in, actions out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from mailbot.errors import LONGEST_WAIT
from mailbot.mail.server.listing import Listing, Opened
from mailbot.sync.memory.rows import Cursor

FIRST_YEAR = 1971
"""There is no mail from before it."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of a mailbox under its present UIDVALIDITY: its cursor, the UIDs whose mails are kept, and when each
    failure may be tried again."""

    cursor: Cursor | None = None
    known: frozenset[int] = frozenset()
    failures: Mapping[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the settings and this run ask for. `since` narrows a run, `limit` is the most mails that it keeps, `max_size` is
    in octets: of a larger mail only the header is kept. What arrived before `begins` is never wanted."""

    fetch: Literal["unseen", "new"] = "unseen"
    since: datetime | None = None
    limit: int | None = None
    max_size: int = 100_000_000
    begins: datetime | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What a mailbox is asked: the criteria of SEARCH, from which UID on, and whether each mail moves the cursor."""

    criteria: tuple[object, ...]
    first: int
    moves: bool


def search_for(wish: Wish, cursor: Cursor | None, uidvalidity: int) -> Search:
    """Which mails are wanted. `unseen`: what is unread. `new`: everything beyond the cursor, read or not; where the server
    has renumbered its mails, or has no UIDVALIDITY, everything that came since the cursor last moved; on the very first run,
    what is unread. `since` narrows a run, and then the cursor stays where it is: older mail is still to come."""
    narrowed = _since(wish.since, wish.begins)
    if wish.fetch == "unseen" or cursor is None:
        return Search(("UNSEEN", *narrowed), 1, moves=False)
    if cursor.uidvalidity != uidvalidity or not uidvalidity:
        moved = cursor.moved - timedelta(days=1) if cursor.moved else None
        return Search(_since(wish.since or moved, wish.begins) or ("ALL",), 1, moves=False)
    return Search(("ALL", *narrowed), cursor.uid + 1, moves=wish.since is None)


def _since(*days: datetime | None) -> tuple[object, ...]:
    """The criterion that mail came on the latest of these days or later. Some servers refuse a year before all mail; it narrows
    nothing."""
    latest = max((day for day in days if day and day.year >= FIRST_YEAR), default=None)
    return ("SINCE", latest.date()) if latest else ()


def worth_a_search(search: Search, opened: Opened) -> bool:
    """Whether a mailbox can have what is searched for. A server that does not say its UIDNEXT must be asked."""
    return opened.exists > 0 and (opened.uidnext == 0 or opened.uidnext > search.first)


def wanted(
    found: Iterable[int],
    memory: Remembered,
    at: datetime,
    limit: int | None = None,
    *,
    newest: bool = True,
) -> list[int]:
    """The UIDs to fetch, ascending: what was found, less what is known, and the failures whose time has come.

    `limit` keeps the newest or the oldest of them.
    """
    due = {u for u, until in memory.failures.items() if until <= at or until > at + LONGEST_WAIT}
    uids = sorted(({*found} - memory.known - memory.failures.keys()) | due)
    if limit is None or len(uids) <= limit:
        return uids
    return uids[-limit:] if newest and limit else uids[:limit]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch a mail and keep it as a note; `moves` says that the cursor follows it."""

    listing: Listing
    moves: bool = False


@dataclass(frozen=True, slots=True)
class KeepHeader:
    """Keep the header of a mail that is too large."""

    listing: Listing
    moves: bool = False


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Record that a mail cannot be kept now; it is tried again later."""

    uid: int
    reason: str
    moves: bool = False


@dataclass(frozen=True, slots=True)
class ForgetFailure:
    """A mail that failed is gone from the server."""

    uid: int


@dataclass(frozen=True, slots=True)
class ForgetRenumbered:
    """The UIDs that are remembered mean other mails now; `before` is the UIDVALIDITY that they had."""

    before: int


@dataclass(frozen=True, slots=True)
class MoveCursor:
    """Everything up to this UID is kept or recorded."""

    uid: int


Action = Fetch | KeepHeader | Quarantine | ForgetFailure | ForgetRenumbered | MoveCursor


@dataclass(frozen=True, slots=True)
class Found:
    """What a mailbox answered: the UIDs that a search `found`, those that were `asked` about, their listings, and those of
    the asked that are `undescribed` and still there."""

    opened: Opened
    search: Search
    found: Sequence[int] = ()
    asked: Sequence[int] = ()
    listings: Sequence[Listing] = ()
    undescribed: frozenset[int] = frozenset()


def plan(seen: Found, memory: Remembered, wish: Wish) -> list[Action]:
    """What is to be done with a mailbox, in order. The cursor moves last, and only where the run was not narrowed."""
    actions: list[Action] = []
    opened, moves = seen.opened, seen.search.moves
    if memory.cursor and memory.cursor.uidvalidity != opened.uidvalidity:
        actions.append(ForgetRenumbered(memory.cursor.uidvalidity))
    described = {listing.uid for listing in seen.listings}
    for uid in seen.asked:
        if uid in seen.undescribed:
            actions.append(Quarantine(uid, "the server did not describe the mail"))
        elif uid not in described:
            actions.append(ForgetFailure(uid))
    for listing in seen.listings:
        kind = KeepHeader if listing.size > wish.max_size else Fetch
        actions.append(kind(listing, moves))
    if wish.limit is None and wish.since is None:
        last = opened.uidnext - 1 if opened.uidnext else max([0, *seen.found])
        actions.append(MoveCursor(last))
    return actions
