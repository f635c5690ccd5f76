"""What models were asked, and what it cost."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from mailbot.sync.memory.database import Database, to_text
from mailbot.sync.memory.rows import Usage


class Costs(Protocol):
    """One entry for each question; `cost` is in the currency of the prices in the settings."""

    def add(
        self,
        account: str,
        purpose: str,
        model: str,
        tokens_in: int,
        tokens_out: int,
        at: datetime,
        cost: float = 0.0,
    ) -> None: ...

    def since(self, moment: datetime) -> tuple[int, float]:
        """(tokens, money) since then, for all accounts."""
        ...

    def usage(self, account: str, since: datetime) -> list[Usage]:
        """What an account's models were asked since then, by purpose and model."""
        ...


class SqliteCosts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        account: str,
        purpose: str,
        model: str,
        tokens_in: int,
        tokens_out: int,
        at: datetime,
        cost: float = 0.0,
    ) -> None:
        sql = "INSERT INTO call (at, account, purpose, model, tokens_in, tokens_out, cost) VALUES (?,?,?,?,?,?,?)"
        self._database.run(sql, to_text(at), account, purpose, model, tokens_in, tokens_out, cost)

    def since(self, moment: datetime) -> tuple[int, float]:
        sql = (
            "SELECT coalesce(sum(tokens_in + tokens_out), 0), coalesce(sum(cost), 0) FROM call WHERE at >= ?"
        )
        ((tokens, money),) = self._database.all(sql, to_text(moment))
        return int(tokens), float(money)

    def usage(self, account: str, since: datetime) -> list[Usage]:
        sql = (
            "SELECT purpose, model, count(*), sum(tokens_in), sum(tokens_out) FROM call WHERE account = ? AND at >= ?"
            " GROUP BY purpose, model ORDER BY purpose, model"
        )
        return [Usage(*row) for row in self._database.all(sql, account, to_text(since))]
