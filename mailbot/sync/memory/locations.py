"""Where each mail lies on its server."""

from __future__ import annotations

from typing import Protocol

from mailbot.sync.memory.database import Database
from mailbot.sync.memory.rows import Location


class Locations(Protocol):
    """A mail may lie in several places, and in each place lies one mail."""

    def add(self, mail_id: int, account: str, location: Location) -> None:
        """Remember where a mail lies."""
        ...

    def known_uids(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        """The UIDs of a mailbox whose mails are kept."""
        ...

    def of(self, mail_id: int) -> list[Location]:
        """Where a mail lies, the highest UID first."""
        ...


class SqliteLocations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, mail_id: int, account: str, location: Location) -> None:
        sql = (
            "INSERT INTO location (account, mailbox, uidvalidity, uid, mail_id) VALUES (?,?,?,?,?)"
            " ON CONFLICT (account, mailbox, uidvalidity, uid) DO UPDATE SET mail_id = excluded.mail_id"
        )
        self._database.run(sql, account, location.mailbox, location.uidvalidity, location.uid, mail_id)

    def known_uids(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        sql = "SELECT uid FROM location WHERE account = ? AND mailbox = ? AND uidvalidity = ?"
        return {uid for (uid,) in self._database.all(sql, account, mailbox, uidvalidity)}

    def of(self, mail_id: int) -> list[Location]:
        sql = "SELECT mailbox, uidvalidity, uid FROM location WHERE mail_id = ? ORDER BY uid DESC, mailbox"
        return [Location(*row) for row in self._database.all(sql, mail_id)]
