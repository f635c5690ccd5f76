"""What the journal remembers of people: what the user sent to whom, what they corrected, whom they are yet to know."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SentRow:
    """A mail of the user's own, by its header: `parent` is the Message-ID that it answers."""

    id: int
    mailbox: str
    uidvalidity: int
    uid: int
    message_id: str
    parent: str
    date: str


@dataclass(frozen=True, slots=True)
class Unmet:
    """A mail whose sender may become known: the address, and the Message-IDs that the mail says it answers."""

    mail_id: int
    address: str
    parents: tuple[str, ...]


class Correspondence:
    """A part of the journal; its writes belong to the journal's transactions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def remember_sent(
        self,
        account: str,
        mailbox: str,
        uidvalidity: int,
        uid: int,
        message_id: str,
        parent: str,
        date: str,
        to: Iterable[str],
    ) -> None:
        """A mail of the user's own, by its header; `to` are the addresses it went to."""
        cursor = self._database.execute(
            "INSERT OR IGNORE INTO sent (account, mailbox, uidvalidity, uid, message_id, parent, date) VALUES (?,?,?,?,?,?,?)",
            (account, mailbox, uidvalidity, uid, message_id, parent, date),
        )
        if cursor.rowcount:
            rows = [(address.casefold(), cursor.lastrowid) for address in to]
            self._database.executemany("INSERT OR IGNORE INTO sent_to VALUES (?,?)", rows)

    def forget_sent(self, account: str, mailbox: str) -> None:
        """The server has renumbered the mailbox: it is read anew."""
        which = "SELECT id FROM sent WHERE account = ? AND mailbox = ?"
        self._database.execute(f"DELETE FROM sent_to WHERE sent_id IN ({which})", (account, mailbox))
        self._database.execute("DELETE FROM sent WHERE account = ? AND mailbox = ?", (account, mailbox))

    def knows_sent(self, account: str) -> bool:
        """Whether Sent was ever read."""
        sql = "SELECT 1 FROM mailbox WHERE account = ? AND mailbox LIKE 'sent:%' LIMIT 1"
        return self._database.execute(sql, (account,)).fetchone() is not None

    def written_to(self, address: str, before: str = "9999") -> int:
        """How many mails the user has sent to an address, from any account, dated before an ISO time in UTC."""
        sql = "SELECT count(*) FROM sent_to t JOIN sent s ON s.id = t.sent_id WHERE t.address = ? AND s.date < ?"
        return int(self._database.execute(sql, (address.casefold(), before)).fetchone()[0])

    def wrote_there(self, message_ids: Iterable[str], domain: str, before: str = "9999") -> bool:
        """Whether one of these mails is the user's own and went to somebody at a domain."""
        ids = list(message_ids)
        marks = ",".join("?" * len(ids))
        sql = (
            "SELECT 1 FROM sent s JOIN sent_to t ON t.sent_id = s.id WHERE s.message_id <> '' AND s.date < ?"
            f" AND substr(t.address, instr(t.address, '@') + 1) = ? AND s.message_id IN ({marks}) LIMIT 1"
        )
        return self._database.execute(sql, [before, domain.casefold(), *ids]).fetchone() is not None

    def answered(self, message_id: str) -> bool:
        """Whether the user has sent an answer to a mail."""
        sql = "SELECT 1 FROM sent WHERE parent = ? AND parent <> '' LIMIT 1"
        return self._database.execute(sql, (message_id,)).fetchone() is not None

    def sent_mails(
        self, account: str, address: str = "", limit: int = 50, before: str = "9999"
    ) -> list[SentRow]:
        """The user's newest mails of an account dated before an ISO time in UTC, or those of them to an address, newest
        first."""
        where, values = "account = ? AND date < ?", [account, before]
        if address:
            where += " AND id IN (SELECT sent_id FROM sent_to WHERE address = ?)"
            values.append(address.casefold())
        sql = f"SELECT id, mailbox, uidvalidity, uid, message_id, parent, date FROM sent WHERE {where} ORDER BY date DESC, id DESC LIMIT ?"
        return [SentRow(*row) for row in self._database.execute(sql, (*values, limit))]

    # --- what the user corrected -----------------------------------------------------------------------------------

    def corrected(self, mail_id: int, address: str, disposition: str, at: datetime) -> None:
        """The user has said in a note what a mail of this sender's was."""
        self._database.execute(
            "INSERT OR REPLACE INTO correction VALUES (?,?,?,?)",
            (mail_id, address.casefold(), disposition, at.isoformat()),
        )

    def corrections(self, address: str, limit: int) -> list[str]:
        """The dispositions that the user last gave to mails of a sender, newest first."""
        sql = "SELECT disposition FROM correction WHERE address = ? ORDER BY at DESC, mail_id DESC LIMIT ?"
        return [d for (d,) in self._database.execute(sql, (address.casefold(), limit))]

    # --- people to get to know -------------------------------------------------------------------------------------

    def to_meet(self, mail_id: int, account: str, at: datetime, address: str, parents: Iterable[str]) -> None:
        """The sender of a mail may be a person worth a note, once there was an exchange; `parents` are the mails that this
        one says it answers."""
        values = (mail_id, account, at.isoformat(), address.casefold(), " ".join(parents))
        self._database.execute("INSERT OR IGNORE INTO unmet VALUES (?,?,?,?,?)", values)

    def unmet(self, account: str) -> list[Unmet]:
        """The mails whose senders are yet to be looked at, oldest first."""
        sql = "SELECT mail_id, address, parents FROM unmet WHERE account = ? ORDER BY mail_id"
        rows = self._database.execute(sql, (account,))
        return [Unmet(mail_id, address, tuple(parents.split())) for mail_id, address, parents in rows]

    def met(self, mail_ids: Iterable[int]) -> None:
        self._database.executemany("DELETE FROM unmet WHERE mail_id = ?", [(i,) for i in mail_ids])

    def forget_unmet(self, before: datetime) -> None:
        """Strangers who were never answered."""
        self._database.execute("DELETE FROM unmet WHERE since < ?", (before.isoformat(),))
