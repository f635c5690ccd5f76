"""The journal: all that is remembered of one vault, one repository for each concept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailbot.sync.memory.corrections import Corrections, SqliteCorrections
from mailbot.sync.memory.costs import Costs, SqliteCosts
from mailbot.sync.memory.cursors import Cursors, SqliteCursors
from mailbot.sync.memory.database import Database
from mailbot.sync.memory.drafts import Drafts, SqliteDrafts
from mailbot.sync.memory.failures import Failures, SqliteFailures
from mailbot.sync.memory.locations import Locations, SqliteLocations
from mailbot.sync.memory.mails import Mails, SqliteMails
from mailbot.sync.memory.pauses import Pauses, SqlitePauses
from mailbot.sync.memory.sent import SentMails, SqliteSentMails
from mailbot.sync.memory.strangers import SqliteStrangers, Strangers


@dataclass(frozen=True, slots=True)
class Journal:
    """The repositories of one vault. Each call that writes is durable when it returns; `together` makes several of them
    durable at once, or none."""

    cursors: Cursors
    locations: Locations
    failures: Failures
    mails: Mails
    drafts: Drafts
    sent: SentMails
    corrections: Corrections
    strangers: Strangers
    costs: Costs
    pauses: Pauses
    together: Callable[[], AbstractContextManager[None]]


@contextmanager
def opened_journal(path: Path) -> Iterator[Journal]:
    """The journal in a SQLite file, which is made where it is missing. Raises what `Database` raises."""
    database = Database(path)
    try:
        yield Journal(
            SqliteCursors(database),
            SqliteLocations(database),
            SqliteFailures(database),
            SqliteMails(database),
            SqliteDrafts(database),
            SqliteSentMails(database),
            SqliteCorrections(database),
            SqliteStrangers(database),
            SqliteCosts(database),
            SqlitePauses(database),
            database.together,
        )
    finally:
        database.close()
