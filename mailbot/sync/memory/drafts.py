"""The drafts: intended, stored, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from mailbot.errors import LONGEST_WAIT
from mailbot.sync.memory.database import Database, from_text, to_text
from mailbot.sync.memory.rows import DraftRow, DraftStatus


class Drafts(Protocol):
    """A draft is known by the Message-ID that was chosen for it. Lists are sorted by id, the oldest first."""

    def intend(
        self,
        mail_id: int,
        message_id: str,
        note: str,
        note_hash: str,
        mailbox: str,
        sha256: str,
        at: datetime,
    ) -> DraftRow:
        """Write down, before APPEND, which draft is about to be stored where."""
        ...

    def stored(self, draft_id: int, uidvalidity: int, uid: int) -> None:
        """The server has it, at this UID (0 if it did not say)."""
        ...

    def mark(self, draft_id: int, status: DraftStatus, why: str) -> None:
        """What became of it, and why, in words."""
        ...

    def redirect(self, draft_id: int, mailbox: str) -> None:
        """The mailbox of an intended draft is no more: it goes to another."""
        ...

    def of(self, mail_id: int) -> list[DraftRow]:
        """The drafts of a mail."""
        ...

    def due_intents(self, account: str, at: datetime) -> list[DraftRow]:
        """The drafts whose APPEND was begun, whose result is not known, and whose mail may be tried at that time."""
        ...

    def known(self, message_id: str) -> bool:
        """Whether a draft of this Message-ID is one of these."""
        ...

    def intended(self, account: str) -> set[str]:
        """The Message-IDs of the drafts whose APPEND was begun and whose result is not known."""
        ...

    def counts(self, account: str) -> dict[str, int]:
        """How many drafts have each status."""
        ...


_COLUMNS = "d.id, d.mail_id, d.message_id, d.status, d.why, d.note, d.note_hash, d.mailbox, d.uidvalidity, d.uid, d.sha256, d.created"


class SqliteDrafts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(
        self,
        mail_id: int,
        message_id: str,
        note: str,
        note_hash: str,
        mailbox: str,
        sha256: str,
        at: datetime,
    ) -> DraftRow:
        sql = (
            "INSERT INTO draft (mail_id, message_id, status, note, note_hash, mailbox, sha256, created)"
            " VALUES (?,?,'intent',?,?,?,?,?) RETURNING id"
        )
        values = (mail_id, message_id, note, note_hash, mailbox, sha256, to_text(at))
        draft_id = self._database.all(sql, *values)[0][0]
        return self._where("d.id = ?", draft_id)[0]

    def stored(self, draft_id: int, uidvalidity: int, uid: int) -> None:
        sql = "UPDATE draft SET status = 'draft', why = '', uidvalidity = ?, uid = ? WHERE id = ?"
        self._database.run(sql, uidvalidity, uid, draft_id)

    def mark(self, draft_id: int, status: DraftStatus, why: str) -> None:
        self._database.run("UPDATE draft SET status = ?, why = ? WHERE id = ?", status, why, draft_id)

    def redirect(self, draft_id: int, mailbox: str) -> None:
        self._database.run("UPDATE draft SET mailbox = ? WHERE id = ?", mailbox, draft_id)

    def of(self, mail_id: int) -> list[DraftRow]:
        return self._where("d.mail_id = ?", mail_id)

    def due_intents(self, account: str, at: datetime) -> list[DraftRow]:
        where = "d.status = 'intent' AND m.account = ? AND (m.next_try IS NULL OR m.next_try <= ? OR m.next_try > ?)"
        return self._where(where, account, to_text(at), to_text(at + LONGEST_WAIT))

    def known(self, message_id: str) -> bool:
        return bool(self._where("d.message_id = ?", message_id))

    def intended(self, account: str) -> set[str]:
        return {row.message_id for row in self._where("d.status = 'intent' AND m.account = ?", account)}

    def counts(self, account: str) -> dict[str, int]:
        sql = (
            "SELECT d.status, count(*) FROM draft d JOIN mail m ON m.id = d.mail_id WHERE m.account = ?"
            " GROUP BY d.status"
        )
        return dict(self._database.all(sql, account))

    def _where(self, where: str, *values: object) -> list[DraftRow]:
        sql = f"SELECT {_COLUMNS} FROM draft d JOIN mail m ON m.id = d.mail_id WHERE {where} ORDER BY d.id"
        return [_row(row) for row in self._database.all(sql, *values)]


def _row(values: tuple[Any, ...]) -> DraftRow:
    columns = list(values)
    columns[-1] = from_text(columns[-1])
    return DraftRow(*columns)
