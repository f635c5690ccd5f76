"""One SQLite file: opened, migrated, and its errors told in words. Every call that writes is durable when it returns."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailbot import private
from mailbot.effect import Effect
from mailbot.errors import BadData, MailbotError, TryAgain
from mailbot.sync.memory.migrations import MIGRATIONS

WAIT = 30.0
"""Seconds that another program may hold the file."""
_UNREADABLE = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_SCHEMA", "SQLITE_MISMATCH"}


class Database:
    """A database at its newest version. A rollback journal and full syncs: opening it changes no byte of it.

    Raises TryAgain if the file cannot be used just now, BadData if it is damaged or was made by a newer mailbot. Every
    call raises the same: no error of sqlite3 passes this class.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            private.folder(path.parent)
            self._connection = sqlite3.connect(private.file(path), timeout=WAIT, isolation_level=None)
        try:
            with self._explained():
                self._migrate()
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All writes inside become durable at once, or none; inside of another, with it, or none of these."""
        if self._connection.in_transaction:
            with self._part():
                yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # SQLite may have rolled back by itself
                self.run("ROLLBACK")
            raise
        with Effect.JOURNAL_COMMITTED:
            self.run("COMMIT")

    @contextmanager
    def _part(self) -> Iterator[None]:
        self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self.run("ROLLBACK TO part")
                self.run("RELEASE part")
            raise
        self.run("RELEASE part")

    def run(self, sql: str, *values: object) -> int:
        """Run a statement; returns how many rows it changed."""
        with self._explained(), self._alone(sql):
            return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self._explained(), self._alone(sql):
            self._connection.executemany(sql, rows)

    def one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of an answer, None if there is none."""
        with self._explained():
            with self._alone(sql):
                found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return found

    def all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Every row of an answer."""
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    def _alone(self, sql: str) -> AbstractContextManager[None]:
        """The point of a statement that is a transaction of its own: what writes, where none is open."""
        writes = sql.startswith(("INSERT", "UPDATE", "DELETE", "REPLACE"))
        return Effect.JOURNAL_COMMITTED if writes and not self._connection.in_transaction else nullcontext()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        newest = len(MIGRATIONS)
        if self._version() > newest:
            raise _newer(self.path, self._version())
        if self._version() == newest:
            return
        self._connection.create_function("utc", 1, utc_text, deterministic=True)
        if before := self._version():
            self._keep_copy(before)
        with self.together():
            for version in range(self._version() + 1, newest + 1):  # another program may have been faster
                for statement in MIGRATIONS[version - 1]:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {version}")
            if broken := self._connection.execute("PRAGMA foreign_key_check").fetchone():
                raise BadData(f"{self.path}: the table {broken[0]} names rows that are not there")

    def _keep_copy(self, version: int) -> None:
        """A copy of the file as it is, kept beside it before a migration. Another program may be doing the same: each writes
        to a name of its own, and a copy that is newer already is dropped."""
        kept = self.path.with_name(f"{self.path.name}.v{version}")
        own = kept.with_name(f"{kept.name}.{os.getpid()}")
        copy_database(self.path, own)
        if version_of(own) == version:
            with Effect.FILE_NAMED:
                own.replace(kept)
        else:
            private.remove(own)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise in_words(self.path, error) from error


def refuse_newer(path: Path) -> None:
    """Raises BadData if a newer mailbot made the file; one that is damaged passes."""
    try:
        version = version_of(path)
    except sqlite3.Error:
        return
    if version > len(MIGRATIONS):
        raise _newer(path, version)


def _newer(path: Path, version: int) -> BadData:
    known = len(MIGRATIONS)
    return BadData(
        f"{path}: a newer mailbot made this journal (version {version}, this one knows {known}); update mailbot"
    )


def in_words(path: Path, error: sqlite3.Error) -> MailbotError:
    """An error of sqlite3 as one of ours, which names the file and says what to do."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if any(name.startswith(known) for known in _UNREADABLE) or not isinstance(
        error, sqlite3.OperationalError
    ):
        return BadData(
            f"{path}: the journal is damaged ({error}). Run `mailbot rebuild`: it makes a new one from your notes, Drafts and Sent;"
            " or put a backup of it in its place"
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE")):
        return TryAgain(f"{path}: the disk is full; free some space and run mailbot again")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return TryAgain(f"{path}: the journal cannot be written ({error}); check who owns its folder")
    return TryAgain(f"{path}: the journal cannot be used just now ({error}); is another program using it?")


def copy_database(path: Path, to: Path) -> None:
    """Copy a SQLite file, whole and consistent, also while another program uses it. Raises BadData if it is damaged,
    TryAgain where it cannot be read just now."""
    private.remove(to)
    source = sqlite3.connect(path, timeout=WAIT)
    target = sqlite3.connect(private.file(to))
    deadline = time.monotonic() + WAIT

    def in_time(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 - sqlite3's signature
        """sqlite3 itself would wait for a lock without end."""
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    try:
        with Effect.FILE_WRITTEN:
            source.backup(target, progress=in_time, sleep=0.05)
    except sqlite3.Error as error:
        raise in_words(path, error) from error
    finally:
        source.close()
        target.close()


def tables_of(path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(name, rows by column) of every table, read without a lock on the writers. Raises BadData if the file is damaged, TryAgain where it
    cannot be read just now."""
    database = sqlite3.connect(path, timeout=WAIT)
    database.row_factory = sqlite3.Row
    try:
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        for (name,) in names:
            yield name, [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
    except sqlite3.Error as error:
        raise in_words(path, error) from error
    finally:
        database.close()


def version_of(path: Path) -> int:
    """The version of a SQLite file's schema."""
    database = sqlite3.connect(path)
    try:
        return int(database.execute("PRAGMA user_version").fetchone()[0])
    finally:
        database.close()


def to_text(moment: datetime) -> str:
    """A moment as it stands on disk: ISO, UTC, and always of one length, so that texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def optional_text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None


def from_text(text: str) -> datetime:
    """The moment that `to_text` wrote."""
    return datetime.fromisoformat(text)


def optional_moment(text: str | None) -> datetime | None:
    return from_text(text) if text else None


def utc_text(text: str | None) -> str | None:
    """A time as an earlier version wrote it, in any offset, as `to_text` writes it; None for what is no time."""
    try:
        return to_text(datetime.fromisoformat(text)) if text else None
    except (ValueError, OverflowError):
        return None
