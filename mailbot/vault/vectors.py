"""Vectors of passages on disk: made once for what a passage says, found again by nearness (sqlite-vec).

A file of its own beside the index: an index that is made anew keeps them. It is searched in two steps, by the signs of the
numbers first (Hamming distance over bits, fast), then by the cosine of the few that are left.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mailbot import extras, private
from mailbot.effect import Effect
from mailbot.errors import BadData, ConfigError, TryAgain

SHORTEST = 100
"""Characters that every model takes: a text is halved no further."""
BATCH = 64
"""Passages that are embedded and committed together."""
COARSE = 2
"""How many more are taken by their bits than are wanted by their cosine."""
MOST = 4096
"""The most neighbours that sqlite-vec gives."""
SAMPLE = 1000
"""Vectors from which a radius is told, in as many runs of neighbouring ids as RUNS says."""
RUNS = 20


class Embedder(Protocol):
    """Text -> vectors. `name` tells one model from another: their vectors do not mix."""

    name: str

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        """One vector for each text, all of one length. Raises MailbotError if there are none to be had: BadData where
        that lies with the texts."""
        ...


class Vectors:
    """The vectors of one vault, of one embedder; those of another are dropped. Use it from one thread, or in a `with`."""

    def __init__(self, path: Path, embedder: Embedder) -> None:
        self.path = path
        self.embedder = embedder
        self._size = 0
        private.file(private.folder(path.parent) / path.name)
        with _explained(path):
            self._database = _connect(path)
            self._execute("CREATE TABLE IF NOT EXISTS model (name TEXT NOT NULL, size INTEGER NOT NULL)")
            self._execute(
                "CREATE TABLE IF NOT EXISTS vector (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, value BLOB NOT NULL)"
            )
            row = next(self._execute("SELECT name, size FROM model"), None)
            if row and row[0] != embedder.name:
                self._clear()
            elif row:
                self._size = row[1]

    @property
    def remote(self) -> bool:
        """Whether a server makes them."""
        return bool(getattr(self.embedder, "remote", False))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Vectors:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def count(self) -> int:
        return int(next(self._execute("SELECT count(*) FROM vector"))[0])

    def fill(
        self,
        wanted: set[bytes],
        saying: Callable[[Iterable[bytes]], Iterable[tuple[bytes, str]]],
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Have a vector for each hash that is wanted and for no other; returns how many were made.

        `saying` gives the texts of hashes. Each batch is committed: a fill that is stopped goes on where it was. Raises what
        the embedder raises, and TryAgain if the file cannot be used just now.
        """
        with _explained(self.path):
            return self._fill(wanted, saying, progress)

    def _fill(
        self,
        wanted: set[bytes],
        saying: Callable[[Iterable[bytes]], Iterable[tuple[bytes, str]]],
        progress: Callable[[int, int], None] | None,
    ) -> int:
        there = {value for (value,) in self._execute("SELECT hash FROM vector")}
        gone = there - wanted
        if gone:
            with Effect.INDEX_COMMITTED, self._database:
                for value in gone:
                    (number,) = next(self._execute("SELECT id FROM vector WHERE hash = ?", value))
                    self._execute("DELETE FROM near WHERE rowid = ?", number)
                    self._execute("DELETE FROM vector WHERE id = ?", number)
        missing = sorted(wanted - there)
        done = 0
        for start in range(0, len(missing), BATCH):
            batch = list(saying(missing[start : start + BATCH]))
            made = self._embedded([text for _, text in batch]) if batch else []
            with Effect.INDEX_COMMITTED, self._database:
                for (value, _), vector in zip(batch, made, strict=True):
                    self._add(value, vector)
            done += len(batch)
            if progress:
                progress(done, len(missing))
        return done

    def nearest(self, query: str, limit: int) -> list[tuple[bytes, float]]:
        """(passage hash, cosine) of the passages nearest to a text, nearest first; at most `limit`, now and then fewer.
        Raises as `fill` does."""
        if not self._size:
            return []
        asked = _unit(self._embedded([query], query=True)[0])
        if len(asked) != self._size:
            raise ConfigError(
                f"the embedding model {self.embedder.name} gave {len(asked)} numbers, its index has {self._size};"
                " delete vectors.sqlite in the state folder"
            )
        sql = (
            "SELECT v.hash, 1 - vec_distance_cosine(vec_int8(v.value), vec_int8(?)) AS cosine FROM"
            " (SELECT rowid FROM near WHERE bits MATCH vec_bit(?) AND k = ? AND distance <= ?) n"
            " JOIN vector v ON v.id = n.rowid ORDER BY cosine DESC LIMIT ?"
        )
        bits, most = _bits(asked), min(MOST, limit * COARSE)
        with _explained(self.path):
            radius = self._radius(bits, most)
            return [(h, c) for h, c in self._execute(sql, _int8(asked), bits, most, radius, limit)]

    def _embedded(self, texts: list[str], *, query: bool = False) -> list[list[float]]:
        """The vectors of texts; of one that is too long for the model, that of its beginning. One such text must not keep
        all others from theirs."""
        try:
            return self.embedder.embed(texts, query=query)
        except BadData:
            half = len(texts) // 2
            if half:
                return self._embedded(texts[:half], query=query) + self._embedded(texts[half:], query=query)
            if len(texts[0]) <= SHORTEST:
                raise
            return self._embedded([texts[0][: len(texts[0]) // 2]], query=query)

    def _radius(self, bits: bytes, wanted: int) -> int:
        """The Hamming distance within which about twice as many vectors lie as are wanted, told from a sample. sqlite-vec
        compares every vector in any case, but its choosing among them takes longer the more are in the choice."""
        last = next(self._execute("SELECT max(id) FROM vector"))[0] or 0
        if last <= SAMPLE:
            return self._size
        sql = (
            "SELECT vec_distance_hamming(vec_quantize_binary(vec_int8(value)), vec_bit(?)) FROM vector"
            " WHERE id > ? AND id <= ?"
        )
        starts = [run * last // RUNS for run in range(RUNS)]
        sample = sorted(
            int(distance)
            for start in starts
            for (distance,) in self._execute(sql, bits, start, start + SAMPLE // RUNS)
        )
        rank = 2 * wanted * SAMPLE // last + 3
        return sample[rank] if rank < len(sample) else self._size

    def _add(self, value: bytes, vector: list[float]) -> None:
        unit = _unit(vector)
        if not self._size and (row := next(self._execute("SELECT size FROM model"), None)):
            self._size = row[0]  # another process has begun meanwhile
        if self._size and len(unit) != self._size:
            raise ConfigError(
                f"the embedding model {self.embedder.name} gave {len(unit)} numbers where it gave {self._size} before;"
                f" delete {self.path}"
            )
        if not self._size:
            self._size = len(unit)
            self._execute(f"CREATE VIRTUAL TABLE near USING vec0 (bits bit[{-(-self._size // 8) * 8}])")
            self._execute("INSERT INTO model VALUES (?, ?)", self.embedder.name, self._size)
        if next(self._execute("SELECT 1 FROM vector WHERE hash = ?", value), None):
            return  # another process made it meanwhile
        self._execute("INSERT INTO vector (hash, value) VALUES (?, ?)", value, _int8(unit))
        number = self._database.last_insert_rowid()
        self._execute("INSERT INTO near (rowid, bits) VALUES (?, vec_bit(?))", number, _bits(unit))

    def _clear(self) -> None:
        with Effect.INDEX_COMMITTED, self._database:
            self._execute("DROP TABLE IF EXISTS near")
            self._execute("DELETE FROM vector")
            self._execute("DELETE FROM model")
        self._size = 0

    def _execute(self, sql: str, *values: object) -> Any:
        return self._database.execute(sql, values)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """The library's errors as ours. Raises TryAgain that names the file and says that it may be deleted."""
    try:
        import apsw
        import sqlite_vec  # noqa: F401 - used where the file is opened
    except ImportError as error:
        raise ConfigError(
            f"vectors need sqlite-vec: {extras.install('vectors')}, or take `embeddings` out of accounts.yaml"
        ) from error
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        _remove(path)
        raise TryAgain(f"{path}: the vectors were damaged; the next run makes them anew") from error
    except apsw.Error as error:
        raise TryAgain(
            f"{path}: cannot be used right now ({error}); it is only a cache, so you can delete it"
        ) from error


def vectors_path(index: Path) -> Path:
    """Where the vectors lie: beside the index."""
    return index.with_name("vectors.sqlite")


def _connect(path: Path) -> Any:
    """A database with sqlite-vec in it. apsw, since the sqlite3 of many Pythons may load no extension."""
    import apsw
    import sqlite_vec

    def opened() -> Any:
        database = apsw.Connection(str(path))
        database.set_busy_timeout(30_000)
        database.execute("SELECT count(*) FROM sqlite_master").fetchall()
        return database

    try:
        database = opened()
    except (apsw.NotADBError, apsw.CorruptError):  # a cache that cannot be read is made anew
        _remove(path)
        database = opened()
    database.enable_load_extension(True)
    database.load_extension(sqlite_vec.loadable_path())
    database.enable_load_extension(False)
    database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 67108864")
    return database


def _remove(path: Path) -> None:
    for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        private.remove(part)


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in vector)) or 1.0
    return [x / length for x in vector]


def _int8(unit: list[float]) -> bytes:
    scale = 127 / (max(map(abs, unit), default=0.0) or 1.0)
    return struct.pack(f"{len(unit)}b", *(round(x * scale) for x in unit))


def _bits(unit: list[float]) -> bytes:
    """The sign of each number, eight to a byte."""
    found = bytearray(-(-len(unit) // 8))
    for at, x in enumerate(unit):
        if x > 0:
            found[at >> 3] |= 1 << (at & 7)
    return bytes(found)
