"""The file of the search index: SQLite FTS5 over whole notes and over passages. A cache; it can be deleted at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mailbot import private
from mailbot.effect import Effect
from mailbot.vault.files import content_hash

VERSION = 8
WAIT = 30.0
"""Seconds that another program may hold the file."""
HASH_SIZE = 4 * 1024 * 1024
"""Octets that FTS5 gathers before it writes a segment."""

SCHEMA = """
CREATE TABLE note (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, key TEXT NOT NULL,
  stem TEXT NOT NULL, title TEXT NOT NULL, names TEXT NOT NULL, body TEXT NOT NULL, type TEXT NOT NULL, date TEXT NOT NULL, instant TEXT NOT NULL,
  message_id TEXT NOT NULL, thread TEXT NOT NULL, private INTEGER NOT NULL, audience TEXT NOT NULL, tags TEXT NOT NULL,
  person INTEGER NOT NULL, auto_created INTEGER NOT NULL, draft TEXT NOT NULL, merged_into TEXT NOT NULL, sha256 TEXT NOT NULL,
  organisation INTEGER NOT NULL, journal INTEGER NOT NULL, aliases TEXT NOT NULL, company TEXT NOT NULL, concerns TEXT NOT NULL, named TEXT NOT NULL,
  replaced_by TEXT NOT NULL, manner TEXT NOT NULL);
CREATE INDEX note_thread ON note (thread, instant) WHERE thread <> '';
CREATE INDEX note_message ON note (message_id) WHERE message_id <> '';
CREATE INDEX note_sha256 ON note (sha256) WHERE sha256 <> '';
CREATE INDEX note_key ON note (key);
CREATE INDEX note_stem ON note (stem);
CREATE INDEX note_called ON note (id) WHERE person OR organisation;
CREATE INDEX note_named ON note (named) WHERE named <> '';
CREATE TABLE passage (id INTEGER PRIMARY KEY, note_id INTEGER NOT NULL, heading TEXT NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL, hash BLOB NOT NULL);
CREATE INDEX passage_note ON passage (note_id);
CREATE INDEX passage_hash ON passage (hash);
CREATE TABLE address (email TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (email, note_id)) WITHOUT ROWID;
CREATE INDEX address_note ON address (note_id);
CREATE TABLE called (name TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (name, note_id)) WITHOUT ROWID;
CREATE INDEX called_note ON called (note_id);
CREATE TABLE party (email TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (email, note_id)) WITHOUT ROWID;
CREATE INDEX party_note ON party (note_id);
CREATE TABLE link (note_id INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY (note_id, target)) WITHOUT ROWID;
CREATE VIRTUAL TABLE note_fts USING fts5 (title, names, body, content='', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE passage_fts USING fts5 (heading, body, content='', tokenize='porter unicode61 remove_diacritics 2');
"""


def index_path(state: Path, vault: Path) -> Path:
    """Where the index of a vault lies below the state folder."""
    return state / content_hash(str(vault.resolve()).encode())[:16] / "index.sqlite"


def connect(path: Path) -> sqlite3.Connection:
    """The database at `path`, made where it is missing, of another version, or damaged: it is a cache.

    Raises sqlite3.Error where another program is at it.
    """
    private.folder(path.parent)
    try:
        return _connect(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise  # another program is at it: that is no reason to throw it away
        remove(path)
        return _connect(path)


@contextmanager
def still(database: sqlite3.Connection) -> Iterator[None]:
    """Inside, all that is read is of one moment, whatever another run writes meanwhile: a note's id may not go between two looks."""
    if database.in_transaction:
        yield
        return
    database.execute("BEGIN")
    try:
        yield
    finally:
        database.execute("COMMIT")


def commit(database: sqlite3.Connection) -> None:
    """End a transaction that has changed the index."""
    with Effect.INDEX_COMMITTED:
        database.execute("COMMIT")


_NO_DAMAGE = ("BUSY", "LOCKED", "READONLY", "FULL", "IOERR", "CANTOPEN", "PERM", "NOMEM", "INTERRUPT", "AUTH")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is not what it should be, and not that it cannot be used just now."""
    name = str(getattr(error, "sqlite_errorname", "") or "").removeprefix("SQLITE_")
    if isinstance(error, sqlite3.ProgrammingError):
        return False  # an error of ours
    return not name.startswith(_NO_DAMAGE)


def remove(path: Path) -> None:
    """Throw the database away, with what SQLite keeps beside it."""
    for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        private.remove(part)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(private.file(path), timeout=WAIT, isolation_level=None)
    try:
        database.execute("PRAGMA mmap_size = 4194304")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            if version:
                database.close()
                remove(path)
                database = sqlite3.connect(private.file(path), timeout=WAIT, isolation_level=None)
            # SQLite does not wait for this: where it is locked, another program does the same just now.
            with suppress(sqlite3.OperationalError):
                database.execute("PRAGMA journal_mode = WAL")
            database.execute("BEGIN IMMEDIATE")
            if not database.execute("PRAGMA user_version").fetchone()[0]:  # nobody was faster
                for statement in SCHEMA.split(";"):
                    database.execute(statement)
                # Fewer, larger segments: a first index merges less.
                for table in ("note_fts", "passage_fts"):
                    option = f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', {HASH_SIZE})"
                    database.execute(option)
                database.execute(f"PRAGMA user_version = {VERSION}")
            commit(database)
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -12288")
    except BaseException:
        database.close()
        raise
    return database
