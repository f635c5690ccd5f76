"""The search index on disk: SQLite FTS5 over whole notes and over passages. A cache; it can be deleted at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from pathlib import Path

from mailbot.errors import BadData
from mailbot.vault.entry import UNSEARCHED, Entry, entry, name_key, target
from mailbot.vault.files import content_hash
from mailbot.vault.passages import passages
from mailbot.vault.walk import walk
from mailbot.vault.words import fold

VERSION = 5
MAX_NOTE = 4 * 1024 * 1024
"""Octets; a larger note is named and left out."""
BATCH = 2000
"""Notes between two commits: what an interrupted refresh may lose."""
HASH_SIZE = 16 * 1024 * 1024
"""Octets that FTS5 gathers before it writes a segment."""

_SCHEMA = """
CREATE TABLE note (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, key TEXT NOT NULL,
  stem TEXT NOT NULL, title TEXT NOT NULL, names TEXT NOT NULL, body TEXT NOT NULL, type TEXT NOT NULL, date TEXT NOT NULL,
  message_id TEXT NOT NULL, thread TEXT NOT NULL, private INTEGER NOT NULL, audience TEXT NOT NULL, tags TEXT NOT NULL,
  person INTEGER NOT NULL, auto_created INTEGER NOT NULL, draft TEXT NOT NULL, about TEXT NOT NULL, merged_into TEXT NOT NULL);
CREATE INDEX note_thread ON note (thread) WHERE thread <> '';
CREATE INDEX note_message ON note (message_id) WHERE message_id <> '';
CREATE INDEX note_key ON note (key);
CREATE INDEX note_stem ON note (stem);
CREATE TABLE passage (id INTEGER PRIMARY KEY, note_id INTEGER NOT NULL, heading TEXT NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL, hash BLOB NOT NULL);
CREATE INDEX passage_note ON passage (note_id);
CREATE INDEX passage_hash ON passage (hash);
CREATE TABLE address (email TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (email, note_id)) WITHOUT ROWID;
CREATE INDEX address_note ON address (note_id);
CREATE TABLE person_name (name TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (name, note_id)) WITHOUT ROWID;
CREATE INDEX person_name_note ON person_name (note_id);
CREATE TABLE party (email TEXT NOT NULL, note_id INTEGER NOT NULL, PRIMARY KEY (email, note_id)) WITHOUT ROWID;
CREATE INDEX party_note ON party (note_id);
CREATE TABLE link (note_id INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY (note_id, target)) WITHOUT ROWID;
CREATE VIRTUAL TABLE note_fts USING fts5 (title, names, body, content='', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE passage_fts USING fts5 (heading, body, content='', tokenize='porter unicode61 remove_diacritics 2');
"""
_BY_NOTE = (("address", "email"), ("person_name", "name"), ("party", "email"), ("link", "target"))


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
class Marks:
    """What of a note keeps it back, whoever asks."""

    path: str
    private: bool
    audience: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note as the index knows it; the fields are those of `Entry`."""

    id: int
    path: str
    title: str
    type: str
    date: str
    body: str = field(repr=False)
    private: bool = False
    audience: str = ""
    tags: frozenset[str] = frozenset()
    person: bool = False
    auto_created: bool = False
    draft: str = ""
    about: str = ""
    mtime_ns: int = 0
    merged_into: str = ""


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
        except sqlite3.OperationalError:
            raise  # another program is at it: that is no reason to throw it away
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)  # a cache that cannot be read is made anew
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            database.execute("PRAGMA mmap_size = 67108864")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                if version:
                    database.close()
                    self.path.unlink()
                    database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
                # SQLite does not wait for this: where it is locked, another program does the same just now.
                with suppress(sqlite3.OperationalError):
                    database.execute("PRAGMA journal_mode = WAL")
                database.execute("BEGIN IMMEDIATE")
                if not database.execute("PRAGMA user_version").fetchone()[0]:  # nobody was faster
                    for statement in _SCHEMA.split(";"):
                        database.execute(statement)
                    # Fewer, larger segments: a first index merges less.
                    for table in ("note_fts", "passage_fts"):
                        option = f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', {HASH_SIZE})"
                        database.execute(option)
                    database.execute(f"PRAGMA user_version = {VERSION}")
                database.execute("COMMIT")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA cache_size = -32768")
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
            path: (mtime, size)
            for path, mtime, size in self.database.execute("SELECT path, mtime_ns, size FROM note")
        }
        found = dict(walk(self.vault, exclude))
        gone = [path for path in known if path not in found]
        work = sorted(path for path, stamp in found.items() if known.get(path) != stamp)
        added = changed = 0
        skipped: list[tuple[str, str]] = []
        execute = self.database.execute
        if gone or work:
            execute("BEGIN IMMEDIATE")
        try:
            for path in gone:
                self._remove(path)
            for number, path in enumerate(work, 1):
                mtime, size = found[path]
                try:
                    stored = self._stamp(path)
                    if stored == (mtime, size):
                        continue  # another program has been here since we looked
                    if stored:
                        self._remove(path)
                    self._add(path, mtime, size, self._read(path, size))
                except (BadData, OSError, UnicodeError) as error:
                    skipped.append((path.encode("utf-8", "backslashreplace").decode(), str(error)))
                    continue
                changed, added = changed + (stored is not None), added + (stored is None)
                if number % BATCH == 0:
                    execute("COMMIT")
                    execute("BEGIN IMMEDIATE")
                    if progress:
                        progress(number, len(work))
            if gone or work:
                execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                execute("COMMIT")  # whole notes only are in it: an interrupted refresh keeps what it did
            raise
        if len(gone) + len(work) > BATCH:  # or every question looks through a long log first
            execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if progress and work:
            progress(len(work), len(work))
        return Refreshed(added, changed, len(gone), tuple(skipped))

    def _stamp(self, path: str) -> tuple[int, int] | None:
        """The time and size that a note was stored with."""
        sql = "SELECT mtime_ns, size FROM note WHERE path = ?"
        row = self.database.execute(sql, (path,)).fetchone()
        return (row[0], row[1]) if row else None

    def _read(self, path: str, size: int) -> Entry:
        if size > MAX_NOTE:
            raise BadData(f"larger than {MAX_NOTE // 1024 // 1024} MB")
        return entry(path, (self.vault / path).read_bytes().decode("utf-8", "replace"))

    def _add(self, path: str, mtime: int, size: int, found: Entry) -> None:
        key = target(path)
        values = (
            path, mtime, size, key, key.rpartition("/")[2], found.title, found.names, found.body, found.type, found.date,
            found.message_id, found.thread, found.private, found.audience, " ".join(found.tags), found.person,
            found.auto_created, found.draft, found.about, found.merged_into,
        )  # fmt: skip
        marks = ",".join("?" * len(values))
        note_id = self.database.execute(f"INSERT INTO note VALUES (NULL,{marks})", values).lastrowid or 0
        if found.type not in UNSEARCHED:
            self._index(note_id, insert=True)
        per_note = {
            "address": found.emails,
            "person_name": found.called,
            "party": found.parties,
            "link": found.links,
        }
        for table, column in _BY_NOTE:
            if per_note[table]:
                self.database.executemany(
                    f"INSERT OR IGNORE INTO {table} ({column}, note_id) VALUES (?,?)",
                    [(value, note_id) for value in per_note[table]],
                )

    def _index(self, note_id: int, *, insert: bool) -> None:
        """Put a stored note into the full-text tables, or take it out (FTS5 4.4.2 wants the same text for both)."""
        row = self.database.execute("SELECT title, names, body FROM note WHERE id = ?", (note_id,)).fetchone()
        title, names, body = row
        command = "INSERT INTO {0} ({1} rowid, {2}) VALUES ({3})"
        delete = ("", "") if insert else ("{0}, ", "'delete', ")
        whole = command.format(
            "note_fts", delete[0].format("note_fts"), "title, names, body", delete[1] + "?, ?, ?, ?"
        )
        part = command.format(
            "passage_fts", delete[0].format("passage_fts"), "heading, body", delete[1] + "?, ?, ?"
        )
        self.database.execute(whole, (note_id, fold(title), fold(names), fold(body)))
        if insert:
            for p in passages(body):
                cursor = self.database.execute(
                    'INSERT INTO passage (note_id, heading, start, "end", hash) VALUES (?,?,?,?,?)',
                    (note_id, p.heading, p.start, p.end, passage_hash(p.heading, p.text)),
                )
                self.database.execute(part, (cursor.lastrowid, fold(p.heading), fold(body[p.start : p.end])))
        else:
            rows = self.database.execute(
                'SELECT id, heading, start, "end" FROM passage WHERE note_id = ?', (note_id,)
            ).fetchall()
            for id_, heading, start, end in rows:
                self.database.execute(part, (id_, fold(heading), fold(body[start:end])))

    def _remove(self, path: str) -> None:
        row = self.database.execute("SELECT id, type FROM note WHERE path = ?", (path,)).fetchone()
        if row is None:
            return
        note_id, kind = row
        if kind not in UNSEARCHED:
            self._index(note_id, insert=False)
        for table, _ in _BY_NOTE:
            self.database.execute(f"DELETE FROM {table} WHERE note_id = ?", (note_id,))
        self.database.execute("DELETE FROM passage WHERE note_id = ?", (note_id,))
        self.database.execute("DELETE FROM note WHERE id = ?", (note_id,))

    # --- asking ----------------------------------------------------------------------------------------------------

    def notes_ranked(self, match: str, limit: int) -> list[tuple[int, float]]:
        """(note id, score) of whole notes for an FTS5 expression, best first; a higher score is better (BM25)."""
        return self._ranked("note_fts", "2.0, 2.0, 1.0", match, limit)

    def frequency(self, phrase: str, most: int | None = None) -> int:
        """In how many notes an FTS5 phrase stands; counted no further than just beyond `most`, where that is given."""
        sql = "SELECT count(*) FROM (SELECT rowid FROM note_fts WHERE note_fts MATCH ? LIMIT ?)"
        return int(self.database.execute(sql, (phrase, -1 if most is None else most + 1)).fetchone()[0])

    def passages_ranked(self, match: str, limit: int) -> list[tuple[int, float]]:
        """(passage id, score), best first."""
        return self._ranked("passage_fts", "1.0, 1.0", match, limit)

    def _ranked(self, table: str, weights: str, match: str, limit: int) -> list[tuple[int, float]]:
        sql = f"SELECT rowid, -bm25({table}, {weights}) AS score FROM {table} WHERE {table} MATCH ? ORDER BY score DESC, rowid LIMIT ?"
        return [(id_, score) for id_, score in self.database.execute(sql, (match, limit))]

    def notes_of(self, passage_ids: list[int]) -> dict[int, int]:
        """passage id -> note id."""
        marks = ",".join("?" * len(passage_ids))
        return dict(
            self.database.execute(f"SELECT id, note_id FROM passage WHERE id IN ({marks})", passage_ids)
        )

    def with_hashes(self, hashes: list[bytes]) -> dict[bytes, list[int]]:
        """passage hash -> the ids of the passages that say so."""
        found: dict[bytes, list[int]] = {}
        marks = ",".join("?" * len(hashes))
        for id_, value in self.database.execute(
            f"SELECT id, hash FROM passage WHERE hash IN ({marks})", hashes
        ):
            found.setdefault(value, []).append(id_)
        return found

    def hashes(self, but: Callable[[Marks], bool] | None = None) -> set[bytes]:
        """The hashes of all passages, but of those that stand only in notes of which `but` says yes."""
        if but is None:
            return {value for (value,) in self.database.execute("SELECT DISTINCT hash FROM passage")}
        rows = self.database.execute("SELECT id, path, private, audience, tags FROM note")
        left_out = {
            id_
            for id_, path, private, audience, tags in rows
            if but(Marks(path, bool(private), audience, frozenset(tags.split())))
        }
        rows = self.database.execute("SELECT note_id, hash FROM passage")
        return {value for note_id, value in rows if note_id not in left_out}

    def saying(self, hashes: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
        """(hash, heading and text) of passages, one for each hash."""
        sql = (
            'SELECT p.heading, n.body, p.start, p."end" FROM passage p JOIN note n ON n.id = p.note_id'
            " WHERE p.hash = ? LIMIT 1"
        )
        for value in hashes:
            if row := self.database.execute(sql, (value,)).fetchone():
                heading, body, start, end = row
                yield value, f"{heading}\n{_text(body, start, end)}".strip()

    def passage(self, passage_id: int) -> tuple[int, str, str]:
        """(note id, heading, text) of a passage."""
        row = self.database.execute(
            'SELECT p.note_id, p.heading, n.body, p.start, p."end" FROM passage p JOIN note n ON n.id = p.note_id WHERE p.id = ?',
            (passage_id,),
        ).fetchone()
        return row[0], row[1], _text(row[2], row[3], row[4])

    def passages_of(self, note_id: int) -> list[tuple[int, str, str]]:
        """(passage id, heading, text) of a note's passages, in order."""
        body = self.note(note_id).body
        rows = self.database.execute(
            'SELECT id, heading, start, "end" FROM passage WHERE note_id = ? ORDER BY start', (note_id,)
        )
        return [(id_, heading, _text(body, start, end)) for id_, heading, start, end in rows]

    def note(self, note_id: int) -> NoteRow:
        return next(self._notes("id = ?", note_id))

    def at(self, path: str) -> NoteRow | None:
        """The note at a path relative to the vault."""
        return next(self._notes("path = ?", path), None)

    def kept(self, message_id: str) -> str:
        """The path of the email note of a Message-ID, empty where there is none."""
        sql = "SELECT path FROM note WHERE message_id = ? AND message_id <> '' AND type = 'email' ORDER BY path LIMIT 1"
        row = self.database.execute(sql, (message_id,)).fetchone()
        return str(row[0]) if row else ""

    def keyed(self, key: str) -> NoteRow | None:
        """The note that a wikilink's whole path leads to."""
        return next(self._notes("key = ?", key), None)

    def dates(self, note_ids: list[int]) -> dict[int, str]:
        """note id -> its `date` property."""
        marks = ",".join("?" * len(note_ids))
        return dict(self.database.execute(f"SELECT id, date FROM note WHERE id IN ({marks})", note_ids))

    def in_thread(self, thread: str) -> list[NoteRow]:
        """The email notes of a thread, oldest first."""
        return sorted(self._notes("thread = ? AND type = 'email'", thread), key=lambda n: n.date)

    def thread_dates(self, thread: str) -> dict[str, str]:
        """Message-ID -> `date` property, of the mails of a thread."""
        sql = "SELECT message_id, date FROM note WHERE thread = ? AND type = 'email' AND message_id <> ''"
        return dict(self.database.execute(sql, (thread,)))

    def people(self) -> list[NoteRow]:
        """Every person note."""
        return list(self._notes("person"))

    def with_address(self, email: str) -> list[NoteRow]:
        """The person notes that carry an address."""
        return list(self._notes("id IN (SELECT note_id FROM address WHERE email = ?)", email.casefold()))

    def with_name(self, name: str) -> list[NoteRow]:
        """The person notes of that title or alias."""
        return list(self._notes("id IN (SELECT note_id FROM person_name WHERE name = ?)", name_key(name)))

    def emails_of(self, note_id: int) -> list[str]:
        """The addresses of a person note."""
        return [
            e for (e,) in self.database.execute("SELECT email FROM address WHERE note_id = ?", (note_id,))
        ]

    def names_of(self, note_id: int) -> list[str]:
        """What a person note is called, case-folded: title and aliases."""
        return [
            n for (n,) in self.database.execute("SELECT name FROM person_name WHERE note_id = ?", (note_id,))
        ]

    def mail_with(self, email: str, limit: int) -> list[NoteRow]:
        """The newest mails that were from or to an address, newest first."""
        where = "id IN (SELECT note_id FROM party WHERE email = ?)"
        return sorted(self._notes(where, email.casefold()), key=lambda n: n.date, reverse=True)[:limit]

    def parties_of(self, note_id: int) -> set[str]:
        """Whom a mail was from or to."""
        return {e for (e,) in self.database.execute("SELECT email FROM party WHERE note_id = ?", (note_id,))}

    def linked(self, note_ids: list[int]) -> set[int]:
        """The notes that these notes link to: by path, or by a name that only one note has."""
        marks = ",".join("?" * len(note_ids))
        sql = f"SELECT DISTINCT target FROM link WHERE note_id IN ({marks})"
        found: set[int] = set()
        for (aim,) in self.database.execute(sql, note_ids).fetchall():
            rows = self.database.execute(
                "SELECT id FROM note WHERE key = ? OR stem = ? LIMIT 2", (aim, aim)
            ).fetchall()
            if len(rows) == 1:
                found.add(rows[0][0])
        return found

    def count(self) -> int:
        return int(self.database.execute("SELECT count(*) FROM note").fetchone()[0])

    def _notes(self, where: str, *values: object) -> Iterator[NoteRow]:
        columns = ", ".join(f.name for f in fields(NoteRow))
        for row in self.database.execute(f"SELECT {columns} FROM note WHERE {where} ORDER BY path", values):
            found = NoteRow(*row)
            yield replace(
                found,
                private=bool(found.private),
                person=bool(found.person),
                auto_created=bool(found.auto_created),
                tags=frozenset(str(found.tags).split()),
            )


def _text(body: str, start: int, end: int) -> str:
    return body[start:end].strip("\n").rstrip()


def passage_hash(heading: str, text: str) -> bytes:
    """What a passage says, whichever note it stands in: a note that is renamed keeps its vectors."""
    return blake2b(f"{heading}\n{text}".encode(), digest_size=16).digest()
