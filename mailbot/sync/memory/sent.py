"""What the user has written: the headers of their own mails, and to whom each went."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from mailbot.sync.memory.database import Database, optional_moment, optional_text, to_text
from mailbot.sync.memory.rows import Location, SentRow


class SentMails(Protocol):
    """Addresses are compared without case. `before` leaves out what is dated then or later, and what has no date."""

    def add(
        self,
        account: str,
        location: Location,
        message_id: str,
        parent: str,
        date: datetime | None,
        to: Iterable[str],
    ) -> None:
        """A mail of the user's own, by its header; `to` are the addresses it went to. One that is known changes nothing."""
        ...

    def forget(self, account: str, mailbox: str) -> None:
        """The mailbox has a new UIDVALIDITY: it is read anew."""
        ...

    def lying(self, account: str, mailbox: str) -> set[tuple[int, str]]:
        """(UID, Message-ID) of what is remembered of a mailbox."""
        ...

    def written_to(self, address: str, before: datetime | None = None) -> int:
        """How many mails the user has sent to an address, from any account."""
        ...

    def wrote_to_domain(
        self, message_ids: Iterable[str], domain: str, before: datetime | None = None
    ) -> bool:
        """Whether one of these mails is the user's own and went to somebody at a domain."""
        ...

    def domains(self, before: datetime | None = None) -> frozenset[str]:
        """The domains that the user has written to."""
        ...

    def answered(self, message_id: str) -> bool:
        """Whether the user has sent an answer to a mail."""
        ...

    def with_id(self, account: str, message_id: str) -> list[SentRow]:
        """The mails of this Message-ID, the oldest first."""
        ...

    def answering(self, account: str, parent: str, after: int) -> list[tuple[SentRow, frozenset[str]]]:
        """The mails that answer this one and were remembered after the one of id `after`, each with the addresses it went to, the
        oldest first."""
        ...

    def newest_id(self) -> int:
        """The id of the mail that was remembered last, 0 for none."""
        ...

    def newest(
        self, account: str, address: str = "", limit: int = 50, before: datetime | None = None
    ) -> list[SentRow]:
        """The user's newest mails of an account, or those of them to an address, newest first; those without a date last."""
        ...


_COLUMNS = "s.id, s.mailbox, s.uidvalidity, s.uid, s.message_id, s.parent, s.date"


def _row(values: tuple[Any, ...]) -> SentRow:
    return SentRow(values[0], Location(*values[1:4]), values[4], values[5], optional_moment(values[6]))


class SqliteSentMails:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        account: str,
        location: Location,
        message_id: str,
        parent: str,
        date: datetime | None,
        to: Iterable[str],
    ) -> None:
        sql = (
            "INSERT INTO sent (account, mailbox, uidvalidity, uid, message_id, parent, date) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT DO NOTHING RETURNING id"
        )
        place = (account, location.mailbox, location.uidvalidity, location.uid)
        added = self._database.all(sql, *place, message_id, parent, optional_text(date))
        rows = [(address.casefold(), sent_id) for (sent_id,) in added for address in to]
        self._database.run_many(
            "INSERT INTO sent_to (address, sent_id) VALUES (?,?) ON CONFLICT DO NOTHING", rows
        )

    def forget(self, account: str, mailbox: str) -> None:
        self._database.run("DELETE FROM sent WHERE account = ? AND mailbox = ?", account, mailbox)

    def lying(self, account: str, mailbox: str) -> set[tuple[int, str]]:
        sql = "SELECT uid, message_id FROM sent WHERE account = ? AND mailbox = ?"
        return {(uid, message_id) for uid, message_id in self._database.all(sql, account, mailbox)}

    def written_to(self, address: str, before: datetime | None = None) -> int:
        sql = "SELECT count(*) FROM sent_to t JOIN sent s ON s.id = t.sent_id WHERE t.address = ?"
        return int(self._only(*_dated(sql, before, address.casefold())))

    def wrote_to_domain(
        self, message_ids: Iterable[str], domain: str, before: datetime | None = None
    ) -> bool:
        ids = list(message_ids)
        if not ids:
            return False
        marks = ",".join("?" * len(ids))
        sql = (
            "SELECT count(*) FROM sent s JOIN sent_to t ON t.sent_id = s.id WHERE s.message_id <> ''"
            f" AND s.message_id IN ({marks}) AND t.address LIKE ? ESCAPE '!'"
        )
        ending = "%@" + domain.casefold().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        return bool(self._only(*_dated(sql, before, *ids, ending)))

    def domains(self, before: datetime | None = None) -> frozenset[str]:
        sql = (
            "SELECT DISTINCT t.address FROM sent_to t JOIN sent s ON s.id = t.sent_id WHERE t.address LIKE ?"
        )
        rows = self._database.all(*_dated(sql, before, "%@%"))
        return frozenset(address.rpartition("@")[2] for (address,) in rows)

    def answered(self, message_id: str) -> bool:
        sql = "SELECT 1 FROM sent WHERE parent = ? AND parent <> '' LIMIT 1"
        return self._database.one(sql, message_id) is not None

    def with_id(self, account: str, message_id: str) -> list[SentRow]:
        sql = f"SELECT {_COLUMNS} FROM sent s WHERE s.account = ? AND s.message_id = ? AND s.message_id <> '' ORDER BY s.id"
        return [_row(row) for row in self._database.all(sql, account, message_id)]

    def answering(self, account: str, parent: str, after: int) -> list[tuple[SentRow, frozenset[str]]]:
        sql = f"SELECT {_COLUMNS} FROM sent s WHERE s.account = ? AND s.parent = ? AND s.parent <> '' AND s.id > ? ORDER BY s.id"
        found = [_row(row) for row in self._database.all(sql, account, parent, after)]
        to = "SELECT address FROM sent_to WHERE sent_id = ?"
        return [(row, frozenset(a for (a,) in self._database.all(to, row.id))) for row in found]

    def newest_id(self) -> int:
        return int(self._only("SELECT coalesce(max(id), 0) FROM sent"))

    def newest(
        self, account: str, address: str = "", limit: int = 50, before: datetime | None = None
    ) -> list[SentRow]:
        sql = f"SELECT {_COLUMNS} FROM sent s WHERE s.account = ?"
        values: list[object] = [account]
        if address:
            sql += " AND s.id IN (SELECT sent_id FROM sent_to WHERE address = ?)"
            values.append(address.casefold())
        sql, *values = _dated(sql, before, *values)
        sql += " ORDER BY coalesce(s.date, '') DESC, s.id DESC LIMIT ?"
        return [_row(row) for row in self._database.all(sql, *values, limit)]

    def _only(self, sql: str, *values: object) -> Any:
        row = self._database.one(sql, *values)
        return row[0] if row else 0


def _dated(sql: str, before: datetime | None, *values: object) -> tuple[Any, ...]:
    """(SQL, its values) narrowed to what is dated before a moment."""
    return (f"{sql} AND s.date < ?", *values, to_text(before)) if before else (sql, *values)
