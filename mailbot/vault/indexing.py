"""Filling the search index: only notes that changed are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from mailbot.errors import BadData
from mailbot.vault.entry import UNSEARCHED, Entry, entry
from mailbot.vault.index import Index
from mailbot.vault.index_file import commit
from mailbot.vault.passages import passages
from mailbot.vault.walk import walk
from mailbot.vault.wording import target
from mailbot.vault.words import fold

MAX_NOTE = 4 * 1024 * 1024
"""Octets; a larger note is named and left out."""
BATCH = 2000
"""Notes between two commits: what an interrupted refresh may lose."""
_BY_NOTE = (("address", "email"), ("called", "name"), ("party", "email"), ("link", "target"))


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did: paths relative to the vault. `skipped` pairs a path with the reason."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def touched(self) -> int:
        return self.added + self.changed + self.removed


def refresh(
    index: Index, exclude: Iterable[str] = (), progress: Callable[[int, int], None] | None = None
) -> Refreshed:
    """Bring the index up to date with the folder: one walk; only notes with a new size or time are read.

    `exclude` names folders or notes relative to the vault. `progress` is called with (done, of how many). Work is
    committed in batches: a refresh that is stopped goes on where it was.
    """
    database = index.database
    known = {
        path: (mtime, size) for path, mtime, size in database.execute("SELECT path, mtime_ns, size FROM note")
    }
    found = dict(walk(index.vault, exclude))
    gone = [path for path in known if path not in found]
    work = sorted(path for path, stamp in found.items() if known.get(path) != stamp)
    added = changed = 0
    skipped: list[tuple[str, str]] = []
    execute = database.execute
    if gone or work:
        execute("BEGIN IMMEDIATE")
    try:
        for path in gone:
            with _whole(database):
                _remove(database, path)
        for number, path in enumerate(work, 1):
            mtime, size = found[path]
            try:
                stored = _stamp(database, path)
                if stored == (mtime, size):
                    continue  # another program has been here since we looked
                with _whole(database):
                    if stored:
                        _remove(database, path)
                    _add(database, path, mtime, size, _read(index.vault, path, size))
            except (BadData, OSError, UnicodeError) as error:
                skipped.append((path.encode("utf-8", "backslashreplace").decode(), str(error)))
                continue
            changed, added = changed + (stored is not None), added + (stored is None)
            if number % BATCH == 0:
                commit(database)
                execute("BEGIN IMMEDIATE")
                if progress:
                    progress(number, len(work))
        if gone or work:
            commit(database)
    except BaseException:
        if database.in_transaction:
            commit(database)  # whole notes only are in it: an interrupted refresh keeps what it did
        raise
    if len(gone) + len(work) > BATCH:  # or every question looks through a long log first
        execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if progress and work:
        progress(len(work), len(work))
    return Refreshed(added, changed, len(gone), tuple(skipped))


def add(index: Index, written: Iterable[tuple[str, tuple[int, int], Entry]]) -> None:
    """Put notes into the index that were just written: (path, (time of change in ns, size), what is kept of it). They need not be
    read for it; where somebody changes one in the same moment, its stamp says so to the next refresh."""
    database = index.database
    database.execute("BEGIN IMMEDIATE")
    try:
        for path, (mtime, size), found in written:
            with _whole(database):
                if size <= MAX_NOTE and _stamp(database, path) is None:
                    _add(database, path, mtime, size, found)
    finally:
        if database.in_transaction:
            commit(database)  # whole notes only are in it


@contextmanager
def _whole(database: sqlite3.Connection) -> Iterator[None]:
    """A note is in the index whole or not at all, whenever this is interrupted."""
    database.execute("SAVEPOINT note")
    try:
        yield
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK TO note")
            database.execute("RELEASE note")
        raise
    database.execute("RELEASE note")


def _stamp(database: sqlite3.Connection, path: str) -> tuple[int, int] | None:
    """The time and size that a note was stored with."""
    sql = "SELECT mtime_ns, size FROM note WHERE path = ?"
    row = database.execute(sql, (path,)).fetchone()
    return (row[0], row[1]) if row else None


def _read(vault: Path, path: str, size: int) -> Entry:
    if size > MAX_NOTE:
        raise BadData(f"larger than {MAX_NOTE // 1024 // 1024} MB")
    return entry(path, (vault / path).read_bytes().decode("utf-8", "replace"))


def _add(database: sqlite3.Connection, path: str, mtime: int, size: int, found: Entry) -> None:
    key = target(path)
    values = (
        path, mtime, size, key, key.rpartition("/")[2], found.title, found.names, found.body, found.type, found.date, found.instant,
        found.message_id, found.thread, found.private, found.audience, " ".join(found.tags), found.person,
        found.auto_created, found.draft, found.merged_into, found.sha256, found.organisation, found.journal, found.aliases, found.company,
        found.concerns, found.named, found.replaced_by, found.manner,
    )  # fmt: skip
    marks = ",".join("?" * len(values))
    note_id = database.execute(f"INSERT INTO note VALUES (NULL,{marks})", values).lastrowid or 0
    if found.type not in UNSEARCHED:
        _index(database, note_id, insert=True)
    per_note = {
        "address": found.emails,
        "called": found.called,
        "party": found.parties,
        "link": found.links,
    }
    for table, column in _BY_NOTE:
        if per_note[table]:
            database.executemany(
                f"INSERT OR IGNORE INTO {table} ({column}, note_id) VALUES (?,?)",
                [(value, note_id) for value in per_note[table]],
            )


def _index(database: sqlite3.Connection, note_id: int, *, insert: bool) -> None:
    """Put a stored note into the full-text tables, or take it out (FTS5 4.4.2 wants the same text for both)."""
    row = database.execute("SELECT title, names, body FROM note WHERE id = ?", (note_id,)).fetchone()
    title, names, body = row
    command = "INSERT INTO {0} ({1} rowid, {2}) VALUES ({3})"
    delete = ("", "") if insert else ("{0}, ", "'delete', ")
    whole = command.format(
        "note_fts", delete[0].format("note_fts"), "title, names, body", delete[1] + "?, ?, ?, ?"
    )
    part = command.format(
        "passage_fts", delete[0].format("passage_fts"), "heading, body", delete[1] + "?, ?, ?"
    )
    database.execute(whole, (note_id, fold(title), fold(names), fold(body)))
    if insert:
        for p in passages(body):
            cursor = database.execute(
                'INSERT INTO passage (note_id, heading, start, "end", hash) VALUES (?,?,?,?,?)',
                (note_id, p.heading, p.start, p.end, passage_hash(p.heading, p.text)),
            )
            database.execute(part, (cursor.lastrowid, fold(p.heading), fold(body[p.start : p.end])))
    else:
        rows = database.execute(
            'SELECT id, heading, start, "end" FROM passage WHERE note_id = ?', (note_id,)
        ).fetchall()
        for id_, heading, start, end in rows:
            database.execute(part, (id_, fold(heading), fold(body[start:end])))


def _remove(database: sqlite3.Connection, path: str) -> None:
    row = database.execute("SELECT id, type FROM note WHERE path = ?", (path,)).fetchone()
    if row is None:
        return
    note_id, kind = row
    if kind not in UNSEARCHED:
        _index(database, note_id, insert=False)
    for table, _ in _BY_NOTE:
        database.execute(f"DELETE FROM {table} WHERE note_id = ?", (note_id,))
    database.execute("DELETE FROM passage WHERE note_id = ?", (note_id,))
    database.execute("DELETE FROM note WHERE id = ?", (note_id,))


def passage_hash(heading: str, text: str) -> bytes:
    """What a passage says, whichever note it stands in: a note that is renamed keeps its vectors."""
    return blake2b(f"{heading}\n{text}".encode(), digest_size=16).digest()
