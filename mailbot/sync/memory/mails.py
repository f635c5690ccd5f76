"""The mails that were kept, and what each still waits for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from mailbot.errors import LONGEST_WAIT
from mailbot.sync.memory.database import Database, from_text, optional_moment, optional_text, to_text
from mailbot.sync.memory.rows import MailRow, Stage
from mailbot.vault.verdict import Ask


class Mails(Protocol):
    """A mail is known by its account and the SHA-256 of its bytes. Lists are sorted by date, then by id."""

    def add(
        self,
        account: str,
        message_id: str,
        sha256: str,
        note: str,
        note_hash: str,
        date: datetime,
        stage: Stage,
        disposition: str,
        kept: datetime | None = None,
    ) -> int:
        """A mail whose note is durable, since `kept`; returns its id."""
        ...

    def update(self, mail_id: int, *, stage: Stage, disposition: str, note_hash: str) -> None:
        """A step of a mail is done: its failure, if there was one, is over."""
        ...

    def failed(self, mail_id: int, error: str, attempts: int, next_try: datetime) -> None:
        """A step failed for the n-th time (`attempts`, from 1)."""
        ...

    def get(self, mail_id: int) -> MailRow:
        """The mail of an id. Raises LookupError if there is none."""
        ...

    def by_content(self, account: str, sha256: str) -> MailRow | None: ...

    def by_message_id(self, message_id: str) -> list[MailRow]:
        """The mails of any account with this Message-ID; none for an empty one."""
        ...

    def by_note(self, note: str) -> MailRow | None:
        """The mail whose note lies at this path."""
        ...

    def named(self, name: str) -> MailRow | None:
        """The mail whose note has this path or file name, where there is only one."""
        ...

    def of_account(self, account: str) -> list[MailRow]:
        """Every mail of an account."""
        ...

    def known(self) -> dict[str, int]:
        """SHA-256 -> how many accounts have a mail of these bytes."""
        ...

    def waiting(self, account: str, at: datetime) -> list[MailRow]:
        """The mails that want triage or a draft and may be tried at that time. Those whose draft is only to be stored are
        not among them (see `Drafts.due_intents`)."""
        ...

    def unfinished(self, account: str) -> set[str]:
        """The hashes of the mails that are not done with, whenever they may be tried."""
        ...

    def done_since(self, account: str, since: datetime) -> list[MailRow]:
        """The finished mails dated then or later."""
        ...

    def kept_after(self, account: str, at: datetime) -> list[MailRow]:
        """The mails that were kept after a moment."""
        ...

    def kept_now(self, mail_id: int, at: datetime) -> None:
        """The moment when a mail was kept was wrong: it is this one."""
        ...

    def failing(self, account: str) -> list[MailRow]:
        """The mails whose last step failed."""
        ...

    def counts(self, account: str) -> dict[str, int]:
        """How many mails have each disposition."""
        ...

    def set_asks(self, mail_id: int, asks: Iterable[Ask]) -> None:
        """What a mail wants: a model that was asked once is not asked again for it."""
        ...

    def asks(self, mail_id: int) -> tuple[Ask, ...]:
        """What a mail wants, in its order; none if nobody looked."""
        ...


_COLUMNS = (
    "id, account, message_id, sha256, note, note_hash, date, stage, disposition, attempts, next_try, error"
)


class SqliteMails:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        account: str,
        message_id: str,
        sha256: str,
        note: str,
        note_hash: str,
        date: datetime,
        stage: Stage,
        disposition: str,
        kept: datetime | None = None,
    ) -> int:
        sql = (
            "INSERT INTO mail (account, message_id, sha256, note, note_hash, date, stage, disposition, kept)"
            " VALUES (?,?,?,?,?,?,?,?,?) RETURNING id"
        )
        dates = to_text(date), optional_text(kept)
        values = (account, message_id, sha256, note, note_hash, dates[0], stage, disposition, dates[1])
        return int(self._database.all(sql, *values)[0][0])

    def update(self, mail_id: int, *, stage: Stage, disposition: str, note_hash: str) -> None:
        sql = (
            "UPDATE mail SET stage = ?, disposition = ?, note_hash = ?, attempts = 0, next_try = NULL, error = ''"
            " WHERE id = ?"
        )
        self._database.run(sql, stage, disposition, note_hash, mail_id)

    def failed(self, mail_id: int, error: str, attempts: int, next_try: datetime) -> None:
        sql = "UPDATE mail SET attempts = ?, next_try = ?, error = ? WHERE id = ?"
        self._database.run(sql, attempts, to_text(next_try), error, mail_id)

    def get(self, mail_id: int) -> MailRow:
        found = self._where("id = ?", mail_id)
        if not found:
            raise LookupError(f"no mail has the id {mail_id}")
        return found[0]

    def by_content(self, account: str, sha256: str) -> MailRow | None:
        return next(iter(self._where("account = ? AND sha256 = ?", account, sha256)), None)

    def by_message_id(self, message_id: str) -> list[MailRow]:
        return self._where("message_id = ?", message_id) if message_id else []

    def by_note(self, note: str) -> MailRow | None:
        return next(iter(self._where("note = ?", note)), None)

    def of_account(self, account: str) -> list[MailRow]:
        return self._where("account = ?", account)

    def known(self) -> dict[str, int]:
        return dict(self._database.all("SELECT sha256, count(*) FROM mail GROUP BY sha256"))

    def named(self, name: str) -> MailRow | None:
        rows = [m for m in self._where("note LIKE ? ESCAPE '!'", f"%{_escaped(name)}") if _is_called(m, name)]
        return rows[0] if len(rows) == 1 else None

    def waiting(self, account: str, at: datetime) -> list[MailRow]:
        where = (
            "account = ? AND stage <> 'done' AND (next_try IS NULL OR next_try <= ? OR next_try > ?)"
            " AND id NOT IN (SELECT mail_id FROM draft WHERE status = 'intent')"
        )
        return self._where(where, account, to_text(at), to_text(at + LONGEST_WAIT))

    def unfinished(self, account: str) -> set[str]:
        sql = "SELECT sha256 FROM mail WHERE account = ? AND stage <> 'done'"
        return {sha256 for (sha256,) in self._database.all(sql, account)}

    def done_since(self, account: str, since: datetime) -> list[MailRow]:
        return self._where("account = ? AND stage = 'done' AND date >= ?", account, to_text(since))

    def kept_after(self, account: str, at: datetime) -> list[MailRow]:
        return self._where("account = ? AND kept > ?", account, to_text(at))

    def kept_now(self, mail_id: int, at: datetime) -> None:
        self._database.run("UPDATE mail SET kept = ? WHERE id = ?", to_text(at), mail_id)

    def failing(self, account: str) -> list[MailRow]:
        return self._where("account = ? AND error <> ''", account)

    def counts(self, account: str) -> dict[str, int]:
        sql = "SELECT disposition, count(*) FROM mail WHERE account = ? GROUP BY disposition"
        return dict(self._database.all(sql, account))

    def set_asks(self, mail_id: int, asks: Iterable[Ask]) -> None:
        self._database.run("DELETE FROM ask WHERE mail_id = ?", mail_id)
        rows = [
            (mail_id, number, ask.kind, ask.text, "\n".join(ask.lookups), int(ask.decides))
            for number, ask in enumerate(asks)
        ]
        sql = "INSERT INTO ask (mail_id, number, kind, text, lookups, decides) VALUES (?,?,?,?,?,?)"
        self._database.run_many(sql, rows)

    def asks(self, mail_id: int) -> tuple[Ask, ...]:
        sql = "SELECT kind, text, lookups, decides FROM ask WHERE mail_id = ? ORDER BY number"
        return tuple(
            Ask(kind, text, tuple(lookups.splitlines()), bool(decides))
            for kind, text, lookups, decides in self._database.all(sql, mail_id)
        )

    def _where(self, where: str, *values: object) -> list[MailRow]:
        sql = f"SELECT {_COLUMNS} FROM mail WHERE {where} ORDER BY date, id"
        return [_row(row) for row in self._database.all(sql, *values)]


def _row(values: tuple[Any, ...]) -> MailRow:
    columns = list(values)
    columns[6], columns[10] = from_text(columns[6]), optional_moment(columns[10])
    return MailRow(*columns)


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _is_called(mail: MailRow, name: str) -> bool:
    """LIKE is not strict about case in every database."""
    return mail.note == name or mail.note.endswith(f"/{name}")
