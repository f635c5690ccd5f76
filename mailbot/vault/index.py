"""Asking the search index: which notes there are, of whom, in which thread, and which match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from mailbot.vault.index_file import connect
from mailbot.vault.note_row import Marks, NoteRow
from mailbot.vault.wording import name_key, target

EVERY = 2**62
"""An id above that of any note."""
_THREAD = "SELECT instant, path FROM note WHERE thread = ? AND thread <> '' AND type = 'email' ORDER BY instant, path"


class Index:
    """The index of one vault. Use it from one thread; `close` it, or use it in a `with`."""

    def __init__(self, path: Path, vault: Path) -> None:
        self.path = path
        self.vault = vault
        self.database = connect(path)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def spans(self, note_id: int) -> dict[int, tuple[int, int]]:
        """passage id -> its place in the note's body, in order."""
        sql = 'SELECT id, start, "end" FROM passage WHERE note_id = ? ORDER BY start'
        return {id_: (start, end) for id_, start, end in self.database.execute(sql, (note_id,))}

    def links_of(self, note_id: int) -> dict[str, int]:
        """The targets of a note's wikilinks -> the notes that they lead to."""
        rows = self.database.execute("SELECT target FROM link WHERE note_id = ?", (note_id,)).fetchall()
        return self.targets(aim for (aim,) in rows)

    def mail_with_any(self, emails: Iterable[str], domains: Iterable[str], limit: int) -> list[NoteRow]:
        """The newest mails that were from or to one of these addresses, or an address at one of these domains."""
        exact, ends = list(emails), [f"%@{d}" for d in domains]
        either = " OR ".join(["email = ?"] * len(exact) + ["email LIKE ?"] * len(ends))
        if not either:
            return []
        where = f"id IN (SELECT note_id FROM party WHERE {either})"
        return list(self._notes(where, *exact, *ends, order="instant DESC, path", limit=limit))

    def note(self, note_id: int) -> NoteRow:
        return next(self._notes("id = ?", note_id))

    def at(self, path: str) -> NoteRow | None:
        """The note at a path relative to the vault."""
        return next(self._notes("path = ?", path), None)

    def kept(self, message_id: str) -> str:
        """The path of the email note of a Message-ID, empty if there is none."""
        sql = "SELECT path FROM note WHERE message_id = ? AND message_id <> '' AND type = 'email' ORDER BY path LIMIT 1"
        row = self.database.execute(sql, (message_id,)).fetchone()
        return str(row[0]) if row else ""

    def mail_notes(self, sha256: str, message_id: str) -> list[str]:
        """The paths of the email notes of a mail's hash, and after them of a Message-ID, wherever in the vault they lie."""
        sql = (
            "SELECT path FROM note WHERE (sha256 = ? AND sha256 <> '') OR"
            " (message_id = ? AND message_id <> '' AND type IN ('email', '')) ORDER BY sha256 <> ?, path"
        )
        return [path for (path,) in self.database.execute(sql, (sha256, message_id, sha256))]

    def draft_notes(self, message_id: str) -> list[str]:
        """The paths of the draft notes for the mail of a Message-ID, or for mails that have none, wherever in the vault they lie."""
        if not message_id:
            sql = "SELECT path FROM note WHERE type = 'email-draft' AND message_id = '' ORDER BY path"
            return [path for (path,) in self.database.execute(sql)]
        sql = "SELECT path FROM note WHERE type = 'email-draft' AND message_id = ? AND message_id <> '' ORDER BY path"
        return [path for (path,) in self.database.execute(sql, (message_id,))]

    def keyed(self, key: str) -> NoteRow | None:
        """The note that a wikilink's whole path leads to."""
        return next(self._notes("key = ?", key), None)

    def instants(self, note_ids: list[int]) -> dict[int, str]:
        """note id -> the moment of its `date` property: ISO, UTC, sortable as text; empty if it has none."""
        marks = ",".join("?" * len(note_ids))
        return dict(self.database.execute(f"SELECT id, instant FROM note WHERE id IN ({marks})", note_ids))

    def thread_places(self, thread: str) -> list[tuple[str, str]]:
        """(instant, path) of the email notes of a thread, oldest first."""
        return list(self.database.execute(_THREAD, (thread,)))

    def threads_of(self, paths: Iterable[str]) -> dict[str, str]:
        """The path of an email note -> its thread."""
        sql = "SELECT thread FROM note WHERE path = ?"
        rows = ((path, self.database.execute(sql, (path,)).fetchone()) for path in paths)
        return {path: row[0] for path, row in rows if row}

    def thread_times(self, thread: str, up_to: int = EVERY) -> dict[str, datetime | None]:
        """Message-ID -> date of the mails of a thread, None for a date that the user has changed into none; of the notes up to
        an id."""
        sql = "SELECT message_id, instant FROM note WHERE thread = ? AND thread <> '' AND type = 'email' AND message_id <> '' AND id <= ?"
        rows = self.database.execute(sql, (thread, up_to))
        return {id_: datetime.fromisoformat(instant) if instant else None for id_, instant in rows}

    def people(self) -> list[NoteRow]:
        """Every person note."""
        return list(self._notes("person"))

    def called(self) -> Iterator[tuple[NoteRow, tuple[str, ...]]]:
        """Every note of a person or an organisation, without its body, and its addresses (of an organisation its domains too)."""
        addresses: dict[int, list[str]] = {}
        for note_id, email in self.database.execute("SELECT note_id, email FROM address ORDER BY email"):
            addresses.setdefault(note_id, []).append(email)
        for note in self._notes("person OR organisation", body=False):
            yield note, tuple(addresses.get(note.id, ()))

    def merges(self) -> Iterator[tuple[str, str]]:
        """(a merged person note, the note that took its place), as wikilinks' targets; under its folder's name too."""
        sql = "SELECT key, merged_into FROM note WHERE merged_into <> ''"
        for key, into in self.database.execute(sql):
            yield key, into
            if key.endswith(("/readme", "/index")):
                yield key.rpartition("/")[0], into
                yield key.rpartition("/")[0].rpartition("/")[2], into

    def named(self) -> list[str]:
        """The organisations and people that properties of notes name, as they name them."""
        rows = self.database.execute("SELECT DISTINCT named FROM note WHERE named <> '' ORDER BY named")
        return list(dict.fromkeys(name for (names,) in rows for name in names.split("|")))

    def bodies_with(self, word: str, most: int) -> list[str]:
        """The bodies of so many notes in which a word stands."""
        sql = "SELECT n.body FROM note_fts f JOIN note n ON n.id = f.rowid WHERE note_fts MATCH ? LIMIT ?"
        return [body for (body,) in self.database.execute(sql, (f'"{word}"', most))]

    def concerns_of(self, link: str) -> str:
        """Whom the note that a wikilink leads to names by its title and properties; empty for a mail, or for no note."""
        aim = target(link)
        sql = "SELECT title || ' | ' || concerns FROM note WHERE (key = ? OR stem = ?) AND type <> 'email' AND concerns <> '' LIMIT 2"
        return "\n".join(said for (said,) in self.database.execute(sql, (aim, aim)))

    def concerning(self, phrases: Iterable[str], limit: int) -> list[int]:
        """The newest notes, mail aside, in which one of these FTS5 phrases stands."""
        match = " OR ".join(phrases)
        sql = (
            "SELECT n.id FROM note_fts f JOIN note n ON n.id = f.rowid WHERE note_fts MATCH ? AND n.type <> 'email'"
            " ORDER BY n.instant DESC, n.path LIMIT ?"
        )
        return [id_ for (id_,) in self.database.execute(sql, (match, limit))] if match else []

    def targets(self, aims: Iterable[str]) -> dict[str, int]:
        """A wikilink's target -> the id of the note that it leads to: by path, or by a name that only one note has."""
        found: dict[str, int] = {}
        for aim in dict.fromkeys(aims):
            sql = "SELECT id FROM note WHERE key = ? OR stem = ? LIMIT 2"
            rows = self.database.execute(sql, (aim, aim)).fetchall()
            if len(rows) == 1:
                found[aim] = rows[0][0]
        return found

    def with_address(self, email: str) -> list[NoteRow]:
        """The person notes that carry an address."""
        return list(
            self._notes("person AND id IN (SELECT note_id FROM address WHERE email = ?)", email.casefold())
        )

    def with_name(self, name: str) -> list[NoteRow]:
        """The person notes of that title or alias."""
        return list(
            self._notes("person AND id IN (SELECT note_id FROM called WHERE name = ?)", name_key(name))
        )

    def emails_of(self, note_id: int) -> list[str]:
        """The addresses of a person note."""
        return [
            e for (e,) in self.database.execute("SELECT email FROM address WHERE note_id = ?", (note_id,))
        ]

    def names_of(self, note_id: int) -> list[str]:
        """What a person note is called, case-folded: title and aliases."""
        return [n for (n,) in self.database.execute("SELECT name FROM called WHERE note_id = ?", (note_id,))]

    def newest_id(self) -> int:
        """The highest id of a note so far; what is added later has a higher one."""
        return int(self.database.execute("SELECT coalesce(max(id), 0) FROM note").fetchone()[0])

    def mail_with(self, email: str, limit: int, up_to: int = EVERY) -> list[NoteRow]:
        """The newest mails that were from or to an address, newest first; of the notes up to an id."""
        where = "id IN (SELECT note_id FROM party WHERE email = ?) AND id <= ?"
        return list(self._notes(where, email.casefold(), up_to, order="instant DESC, path", limit=limit))

    def parties_of(self, note_id: int) -> set[str]:
        """Whom a mail was from or to."""
        return {e for (e,) in self.database.execute("SELECT email FROM party WHERE note_id = ?", (note_id,))}

    def linked(self, note_ids: list[int]) -> set[int]:
        """The notes that these notes link to: by path, or by a name that only one note has."""
        marks = ",".join("?" * len(note_ids))
        sql = f"SELECT DISTINCT target FROM link WHERE note_id IN ({marks})"
        return set(self.targets(aim for (aim,) in self.database.execute(sql, note_ids).fetchall()).values())

    def openings(self, most: int) -> list[str]:
        """The beginnings of so many of the user's own notes, spread over the vault."""
        own = "FROM note WHERE type <> 'email' AND length(body) > 40"
        count = int(self.database.execute(f"SELECT count(*) {own}").fetchone()[0])
        sql = f"SELECT substr(body, 1, 1000) {own} AND id % ? = 0 LIMIT ?"
        return [text for (text,) in self.database.execute(sql, (max(1, count // most), most))]

    def count(self) -> int:
        return int(self.database.execute("SELECT count(*) FROM note").fetchone()[0])

    def _notes(
        self, where: str, *values: object, order: str = "path", limit: int = -1, body: bool = True
    ) -> Iterator[NoteRow]:
        columns = ", ".join(f.name if body or f.name != "body" else "''" for f in fields(NoteRow))
        sql = f"SELECT {columns} FROM note WHERE {where} ORDER BY {order} LIMIT {limit:d}"
        yield from map(NoteRow.read, self.database.execute(sql, values))


def _text(body: str, start: int, end: int) -> str:
    return body[start:end].strip("\n").rstrip()
