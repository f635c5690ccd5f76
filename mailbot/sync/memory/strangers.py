"""Mails whose senders may become known: a person note is made when the user and they have written with each other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from mailbot.sync.memory.database import Database, to_text
from mailbot.sync.memory.rows import Stranger


class Strangers(Protocol):
    """One row for each mail whose sender is yet to be looked at."""

    def add(self, mail_id: int, account: str, at: datetime, address: str, parents: Iterable[str]) -> None:
        """The sender of a mail may be a person worth a note; `parents` are the mails that this one says it answers. A mail
        that is known changes nothing."""
        ...

    def all(self, account: str) -> list[Stranger]:
        """The mails whose senders are yet to be looked at, oldest first."""
        ...

    def met(self, mail_ids: Iterable[int]) -> None:
        """These are in a person note now."""
        ...

    def forget_before(self, moment: datetime) -> None:
        """Strangers since longer ago, who were never answered."""
        ...


class SqliteStrangers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, mail_id: int, account: str, at: datetime, address: str, parents: Iterable[str]) -> None:
        sql = (
            "INSERT INTO stranger (mail_id, account, since, address, parents) VALUES (?,?,?,?,?)"
            " ON CONFLICT (mail_id) DO NOTHING"
        )
        self._database.run(sql, mail_id, account, to_text(at), address.casefold(), " ".join(parents))

    def all(self, account: str) -> list[Stranger]:
        sql = "SELECT mail_id, address, parents FROM stranger WHERE account = ? ORDER BY mail_id"
        rows = self._database.all(sql, account)
        return [Stranger(mail_id, address, tuple(parents.split())) for mail_id, address, parents in rows]

    def met(self, mail_ids: Iterable[int]) -> None:
        self._database.run_many("DELETE FROM stranger WHERE mail_id = ?", [(i,) for i in mail_ids])

    def forget_before(self, moment: datetime) -> None:
        if self._database.one("SELECT 1 FROM stranger WHERE since < ? LIMIT 1", to_text(moment)):
            self._database.run("DELETE FROM stranger WHERE since < ?", to_text(moment))
