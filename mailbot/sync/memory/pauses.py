"""Accounts that are left alone for a while, because their server asked for it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from mailbot.errors import LONGEST_WAIT
from mailbot.sync.memory.database import Database, from_text, to_text
from mailbot.sync.memory.rows import Pause


class Pauses(Protocol):
    """At most one pause for each account; a later one takes its place."""

    def set(self, account: str, until: datetime, reason: str) -> None: ...

    def active(self, account: str, at: datetime) -> Pause | None:
        """The pause of an account that is not over at that time, nor so far off that a clock must have been wrong."""
        ...


class SqlitePauses:
    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, account: str, until: datetime, reason: str) -> None:
        sql = (
            "INSERT INTO pause (account, until, reason) VALUES (?,?,?)"
            " ON CONFLICT (account) DO UPDATE SET until = excluded.until, reason = excluded.reason"
        )
        self._database.run(sql, account, to_text(until), reason)

    def active(self, account: str, at: datetime) -> Pause | None:
        sql = "SELECT until, reason FROM pause WHERE account = ? AND until > ? AND until <= ?"
        row = self._database.one(sql, account, to_text(at), to_text(at + LONGEST_WAIT))
        return Pause(from_text(row[0]), row[1]) if row else None
