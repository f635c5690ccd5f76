"""What the user has said of mails that mailbot had decided otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from mailbot.sync.memory.database import Database, to_text


class Corrections(Protocol):
    """At most one correction for each mail; a later one takes its place."""

    def add(self, mail_id: int, address: str, disposition: str, at: datetime) -> None:
        """The user has said in a note what a mail of this sender's was."""
        ...

    def last(self, address: str, limit: int) -> list[str]:
        """The dispositions that the user last gave to mails of a sender, newest first."""
        ...


class SqliteCorrections:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, mail_id: int, address: str, disposition: str, at: datetime) -> None:
        sql = (
            "INSERT INTO correction (mail_id, address, disposition, at) VALUES (?,?,?,?)"
            " ON CONFLICT (mail_id) DO UPDATE SET address = excluded.address, disposition = excluded.disposition,"
            " at = excluded.at"
        )
        self._database.run(sql, mail_id, address.casefold(), disposition, to_text(at))

    def last(self, address: str, limit: int) -> list[str]:
        sql = "SELECT disposition FROM correction WHERE address = ? ORDER BY at DESC, mail_id DESC LIMIT ?"
        return [d for (d,) in self._database.all(sql, address.casefold(), limit)]
