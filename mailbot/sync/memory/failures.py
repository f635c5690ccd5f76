"""Messages that could not become a note: quarantined with their error, and tried again later."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from mailbot.sync.memory.database import Database, from_text, to_text
from mailbot.sync.memory.rows import Failure, Location


class Failures(Protocol):
    """At most one failure for each place on a server."""

    def record(self, account: str, location: Location, error: str, attempts: int, next_try: datetime) -> None:
        """The message failed for the n-th time (`attempts`, from 1)."""
        ...

    def attempts(self, account: str, location: Location) -> int:
        """How often it has failed so far."""
        ...

    def due(self, account: str, mailbox: str, uidvalidity: int) -> dict[int, datetime]:
        """UID -> when it may be tried again; without those that the user has given up."""
        ...

    def given_up(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        """The UIDs that the user has given up."""
        ...

    def give_up(self, account: str, location: Location, given_up: bool) -> None:
        """The user gives a message up, or wants it after all."""
        ...

    def forget(self, account: str, location: Location) -> None:
        """The message has become a note, or is gone from the server."""
        ...

    def forget_renumbered(self, account: str, mailbox: str, uidvalidity: int) -> None:
        """The mailbox has a new UIDVALIDITY: failures under another one say nothing any more."""
        ...

    def all(self, account: str) -> list[Failure]:
        """Every failure of an account, by mailbox and UID."""
        ...


class SqliteFailures:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, account: str, location: Location, error: str, attempts: int, next_try: datetime) -> None:
        sql = (
            "INSERT INTO failure (account, mailbox, uidvalidity, uid, error, attempts, next_try) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (account, mailbox, uidvalidity, uid) DO UPDATE SET error = excluded.error,"
            " attempts = excluded.attempts, next_try = excluded.next_try, given_up = 0"
        )
        place = (account, location.mailbox, location.uidvalidity, location.uid)
        self._database.run(sql, *place, error, attempts, to_text(next_try))

    def attempts(self, account: str, location: Location) -> int:
        sql = "SELECT attempts FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?"
        row = self._database.one(sql, account, location.mailbox, location.uidvalidity, location.uid)
        return int(row[0]) if row else 0

    def due(self, account: str, mailbox: str, uidvalidity: int) -> dict[int, datetime]:
        sql = "SELECT uid, next_try FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND NOT given_up"
        return {uid: from_text(at) for uid, at in self._database.all(sql, account, mailbox, uidvalidity)}

    def given_up(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        sql = "SELECT uid FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND given_up"
        return {uid for (uid,) in self._database.all(sql, account, mailbox, uidvalidity)}

    def give_up(self, account: str, location: Location, given_up: bool) -> None:
        sql = "UPDATE failure SET given_up = ? WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?"
        self._database.run(sql, int(given_up), account, location.mailbox, location.uidvalidity, location.uid)

    def forget(self, account: str, location: Location) -> None:
        sql = "DELETE FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?"
        self._database.run(sql, account, location.mailbox, location.uidvalidity, location.uid)

    def forget_renumbered(self, account: str, mailbox: str, uidvalidity: int) -> None:
        sql = "DELETE FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity <> ?"
        self._database.run(sql, account, mailbox, uidvalidity)

    def all(self, account: str) -> list[Failure]:
        sql = (
            "SELECT mailbox, uidvalidity, uid, error, attempts, next_try, given_up FROM failure WHERE account = ?"
            " ORDER BY mailbox, uid, uidvalidity"
        )
        rows = self._database.all(sql, account)
        return [Failure(Location(*row[:3]), row[3], row[4], from_text(row[5]), bool(row[6])) for row in rows]
