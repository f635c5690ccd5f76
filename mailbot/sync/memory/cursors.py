"""Up to where each mailbox was read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from mailbot.sync.memory.database import Database, from_text, to_text
from mailbot.sync.memory.rows import Cursor, Purpose


class Cursors(Protocol):
    """One cursor for each mailbox and purpose."""

    def get(self, account: str, mailbox: str, purpose: Purpose = "inbox") -> Cursor | None:
        """The cursor, None if the mailbox was never read to its end."""
        ...

    def move(self, account: str, mailbox: str, cursor: Cursor, purpose: Purpose = "inbox") -> None:
        """Move forward. Within one UIDVALIDITY a cursor never goes back; one that does not move changes nothing."""
        ...

    def any(self, account: str, purpose: Purpose) -> bool:
        """Whether any mailbox of an account was read for a purpose."""
        ...


class SqliteCursors:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: str, mailbox: str, purpose: Purpose = "inbox") -> Cursor | None:
        sql = "SELECT uidvalidity, uid, moved FROM cursor WHERE account = ? AND purpose = ? AND mailbox = ?"
        row = self._database.one(sql, account, purpose, mailbox)
        return Cursor(row[0], row[1], from_text(row[2])) if row else None

    def move(self, account: str, mailbox: str, cursor: Cursor, purpose: Purpose = "inbox") -> None:
        at = self.get(account, mailbox, purpose)
        if at and at.uidvalidity == cursor.uidvalidity and at.uid >= cursor.uid:
            return
        sql = (
            "INSERT INTO cursor (account, purpose, mailbox, uidvalidity, uid, moved) VALUES (?,?,?,?,?,?)"
            " ON CONFLICT (account, purpose, mailbox) DO UPDATE SET uidvalidity = excluded.uidvalidity, uid = excluded.uid,"
            " moved = excluded.moved"
        )
        moved = to_text(cursor.moved or datetime.now(UTC))
        self._database.run(sql, account, purpose, mailbox, cursor.uidvalidity, cursor.uid, moved)

    def any(self, account: str, purpose: Purpose) -> bool:
        sql = "SELECT 1 FROM cursor WHERE account = ? AND purpose = ? LIMIT 1"
        return self._database.one(sql, account, purpose) is not None
