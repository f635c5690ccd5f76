"""The search index on disk: SQLite FTS5 over whole notes and over passages. A cache; it can be deleted at any time."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.files import content_hash
from mailbot.vault.passages import passages
from mailbot.vault.words import fold

VERSION = 2
SKIPPED_FOLDERS = frozenset({".obsidian", ".trash", ".git", ".stfolder", ".stversions", "node_modules"})
DRAFT = "email-draft"
"""The type of notes that are known but not searched: a draft repeats what other notes say."""
MAX_NOTE = 4 * 1024 * 1024
"""Octets; a larger note is named and left out."""

_SCHEMA = """
CREATE TABLE note (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL,
  title TEXT NOT NULL, names TEXT NOT NULL, body TEXT NOT NULL, type TEXT NOT NULL, date TEXT NOT NULL,
  message_id TEXT NOT NULL, thread TEXT NOT NULL, private INTEGER NOT NULL);
CREATE INDEX note_thread ON note (thread) WHERE thread <> '';
CREATE INDEX note_message ON note (message_id) WHERE message_id <> '';
CREATE TABLE passage (id INTEGER PRIMARY KEY, note_id INTEGER NOT NULL, heading TEXT NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL);
CREATE INDEX passage_note ON passage (note_id);
CREATE TABLE address (email TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (email, note_id)) WITHOUT ROWID;
CREATE INDEX address_note ON address (note_id);
CREATE TABLE person_name (name TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (name, note_id)) WITHOUT ROWID;
CREATE INDEX person_name_note ON person_name (note_id);
CREATE VIRTUAL TABLE note_fts USING fts5 (title, names, body, content='', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE passage_fts USING fts5 (title, heading, body, content='', tokenize='porter unicode61 remove_diacritics 2');
"""
_FILE = re.compile(r"\.md$", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note as the index knows it; `private` notes never leave the machine in a prompt."""

    id: int
    path: str
    title: str
    type: str
    date: str
    body: str = field(repr=False)
    private: bool = False


def index_path(state: Path, vault: Path) -> Path:
    """Where the index of a vault lies below the state folder."""
    return state / content_hash(str(vault.resolve()).encode())[:16] / "index.sqlite"


class Index:
    """The index of one vault. Use it from one thread; `close` it, or use it in a `with`."""

    def __init__(self, path: Path, vault: Path) -> None:
        self.path = path
        self.vault = vault
        self.database = self._open()

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return self._connect()
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)  # a cache that cannot be read is made anew
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            database.execute("PRAGMA mmap_size = 268435456")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                if version:
                    database.close()
                    self.path.unlink()
                    database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            database.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- filling ---------------------------------------------------------------------------------------------------

    def refresh(
        self, exclude: Iterable[str] = (), progress: Callable[[int, int], None] | None = None
    ) -> Refreshed:
        """Bring the index up to date with the folder: one walk; only notes with a new size or time are read.

        `exclude` names folders or notes relative to the vault. `progress` is called with (done, of how many). Work is
        committed in batches: a refresh that is stopped goes on where it was.
        """
        known = {
            path: (mtime, size, id_)
            for id_, path, mtime, size in self.database.execute("SELECT id, path, mtime_ns, size FROM note")
        }
        found = dict(walk(self.vault, exclude))
        gone = [known[path][2] for path in known.keys() - found.keys()]
        work = [path for path, stamp in found.items() if path not in known or known[path][:2] != stamp]
        added = changed = 0
        skipped: list[tuple[str, str]] = []
        execute = self.database.execute
        if gone or work:
            execute("BEGIN IMMEDIATE")
        try:
            for id_ in gone:
                self._remove(id_)
            for number, path in enumerate(work):
                mtime, size = found[path]
                try:
                    entry = self._read(path, size)
                except (BadData, OSError, UnicodeError) as error:
                    skipped.append((path, str(error)))
                    if path in known:
                        self._remove(known[path][2])
                    continue
                if path in known:
                    self._remove(known[path][2])
                    changed += 1
                else:
                    added += 1
                self._add(path, mtime, size, *entry)
                if number % 500 == 499:
                    execute("COMMIT")
                    execute("BEGIN IMMEDIATE")
                    if progress:
                        progress(number + 1, len(work))
            if gone or work:
                execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                execute("COMMIT")  # whole notes only are in it: an interrupted refresh keeps what it did
            raise
        if progress and work:
            progress(len(work), len(work))
        return Refreshed(added, changed, len(gone), tuple(skipped))

    def _read(self, path: str, size: int) -> tuple[dict[str, Any], str]:
        if size > MAX_NOTE:
            raise BadData(f"larger than {MAX_NOTE // 1024 // 1024} MB")
        text = (self.vault / path).read_bytes().decode("utf-8", "replace")
        try:
            parsed = notes.read(text, path)
        except BadData:
            return {}, text  # broken properties must not hide a note from a search
        return parsed.properties, parsed.body

    def _add(self, path: str, mtime: int, size: int, properties: dict[str, Any], body: str) -> None:
        title = _title(path, properties)
        aliases = _strings(properties.get("aliases")) + _strings(properties.get("alias"))
        tags = [t.lstrip("#") for t in _strings(properties.get("tags"))]
        kind = str(properties.get("type") or "")
        described = [
            str(v)
            for k, v in properties.items()
            if k in ("role", "company", "project", "people", "topics", "from", "to", "subject")
        ]
        stem = Path(path).stem
        cursor = self.database.execute(
            "INSERT INTO note (path, mtime_ns, size, title, names, body, type, date, message_id, thread, private)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (path, mtime, size, title, " ".join([stem, *aliases, *tags, *described]), body, kind, str(properties.get("date") or ""),
             str(properties.get("message_id") or ""), str(properties.get("thread") or ""), properties.get("private") is True),
        )  # fmt: skip
        note_id = cursor.lastrowid
        if kind != DRAFT:
            self._index(note_id or 0, insert=True)
        if (
            kind in ("people", "person")
            or "people" in tags
            or "person" in tags
            or path.split("/")[0].casefold() == "people"
        ):
            emails = {
                e.strip().casefold()
                for key in ("email", "emails")
                for e in _strings(properties.get(key))
                if "@" in e
            }
            self.database.executemany(
                "INSERT OR IGNORE INTO address VALUES (?,?)", [(e, note_id) for e in sorted(emails)]
            )
            names = {n.casefold() for n in [title, *aliases] if n}
            self.database.executemany(
                "INSERT OR IGNORE INTO person_name VALUES (?,?)", [(n, note_id) for n in sorted(names)]
            )

    def _index(self, note_id: int, *, insert: bool) -> None:
        """Put a stored note into the full-text tables, or take it out (FTS5 4.4.2 wants the same text for both)."""
        row = self.database.execute("SELECT title, names, body FROM note WHERE id = ?", (note_id,)).fetchone()
        title, names, body = row
        command = "INSERT INTO {0} ({1} rowid, {2}) VALUES ({3}?, ?, ?, ?)"
        delete = ("", "") if insert else ("{0}, ", "'delete', ")
        whole = command.format("note_fts", delete[0].format("note_fts"), "title, names, body", delete[1])
        part = command.format(
            "passage_fts", delete[0].format("passage_fts"), "title, heading, body", delete[1]
        )
        self.database.execute(whole, (note_id, fold(title), fold(names), fold(body)))
        if insert:
            for p in passages(body):
                cursor = self.database.execute(
                    'INSERT INTO passage (note_id, heading, start, "end") VALUES (?,?,?,?)',
                    (note_id, p.heading, p.start, p.end),
                )
                self.database.execute(
                    part, (cursor.lastrowid, fold(title), fold(p.heading), fold(body[p.start : p.end]))
                )
        else:
            rows = self.database.execute(
                'SELECT id, heading, start, "end" FROM passage WHERE note_id = ?', (note_id,)
            ).fetchall()
            for id_, heading, start, end in rows:
                self.database.execute(part, (id_, fold(title), fold(heading), fold(body[start:end])))

    def _remove(self, note_id: int) -> None:
        if self.database.execute("SELECT type FROM note WHERE id = ?", (note_id,)).fetchone()[0] != DRAFT:
            self._index(note_id, insert=False)
        for table, column in (
            ("passage", "note_id"),
            ("address", "note_id"),
            ("person_name", "note_id"),
            ("note", "id"),
        ):
            self.database.execute(f"DELETE FROM {table} WHERE {column} = ?", (note_id,))

    # --- asking ----------------------------------------------------------------------------------------------------

    def notes_ranked(self, match: str, limit: int) -> list[tuple[int, float]]:
        """(note id, score) of whole notes for an FTS5 expression, best first; a higher score is better (BM25)."""
        return self._ranked("note_fts", "2.0, 2.0, 1.0", match, limit)

    def passages_ranked(self, match: str, limit: int) -> list[tuple[int, float]]:
        """(passage id, score), best first."""
        return self._ranked("passage_fts", "1.0, 1.0, 1.0", match, limit)

    def _ranked(self, table: str, weights: str, match: str, limit: int) -> list[tuple[int, float]]:
        sql = f"SELECT rowid, -bm25({table}, {weights}) AS score FROM {table} WHERE {table} MATCH ? ORDER BY score DESC, rowid LIMIT ?"
        return [(id_, score) for id_, score in self.database.execute(sql, (match, limit))]

    def notes_of(self, passage_ids: list[int]) -> dict[int, int]:
        """passage id -> note id."""
        marks = ",".join("?" * len(passage_ids))
        return dict(
            self.database.execute(f"SELECT id, note_id FROM passage WHERE id IN ({marks})", passage_ids)
        )

    def passage(self, passage_id: int) -> tuple[int, str, str]:
        """(note id, heading, text) of a passage."""
        row = self.database.execute(
            'SELECT p.note_id, p.heading, n.body, p.start, p."end" FROM passage p JOIN note n ON n.id = p.note_id WHERE p.id = ?',
            (passage_id,),
        ).fetchone()
        return row[0], row[1], row[2][row[3] : row[4]].strip("\n").rstrip()

    def passages_of(self, note_id: int) -> list[tuple[int, str, str]]:
        """(passage id, heading, text) of a note's passages, in order."""
        body = self.note(note_id).body
        rows = self.database.execute(
            'SELECT id, heading, start, "end" FROM passage WHERE note_id = ? ORDER BY start', (note_id,)
        )
        return [(id_, heading, body[start:end].strip("\n").rstrip()) for id_, heading, start, end in rows]

    def note(self, note_id: int) -> NoteRow:
        return next(self._notes("id = ?", note_id))

    def in_thread(self, thread: str) -> list[NoteRow]:
        """The email notes of a thread, oldest first."""
        return sorted(self._notes("thread = ? AND type = 'email'", thread), key=lambda n: n.date)

    def with_address(self, email: str) -> list[NoteRow]:
        """The person notes that carry an address."""
        return list(self._notes("id IN (SELECT note_id FROM address WHERE email = ?)", email.casefold()))

    def with_name(self, name: str) -> list[NoteRow]:
        """The person notes of that title or alias."""
        return list(self._notes("id IN (SELECT note_id FROM person_name WHERE name = ?)", name.casefold()))

    def count(self) -> int:
        return int(self.database.execute("SELECT count(*) FROM note").fetchone()[0])

    def _notes(self, where: str, *values: object) -> Iterator[NoteRow]:
        sql = f"SELECT id, path, title, type, date, body, private FROM note WHERE {where} ORDER BY path"
        for row in self.database.execute(sql, values):
            id_, path, title, type_, date, body, private = row
            yield NoteRow(id_, path, title, type_, date, body, bool(private))


def walk(vault: Path, exclude: Iterable[str] = ()) -> Iterator[tuple[str, tuple[int, int]]]:
    """(path relative to the vault with `/`, (mtime in ns, octets)) of each note. Links that lead out are not followed."""
    excluded = {e.strip("/") for e in exclude}

    def folder(path: str, prefix: str) -> Iterator[tuple[str, tuple[int, int]]]:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                relative = prefix + entry.name
                if relative in excluded:
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in SKIPPED_FOLDERS and not entry.name.startswith("."):
                            yield from folder(entry.path, relative + "/")
                    elif _FILE.search(entry.name) and not entry.name.startswith(".") and entry.is_file():
                        stat = entry.stat()
                        yield relative, (stat.st_mtime_ns, stat.st_size)
                except OSError:
                    continue  # it went away during the walk: the next one sees it or does not

    yield from folder(str(vault), "")


def _title(path: str, properties: dict[str, Any]) -> str:
    title = str(properties.get("title") or "").strip()
    stem = Path(path).stem
    return title or (
        Path(path).parent.name if stem.casefold() in ("readme", "index") and "/" in path else stem
    )


def _strings(value: object) -> list[str]:
    """A property that may be text, a list of texts, or nothing."""
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value if v is not None]
    if value is None or isinstance(value, (dict, bool)):
        return []
    return [part.strip() for part in str(value).split(",") if part.strip()]
