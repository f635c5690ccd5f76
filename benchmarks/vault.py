"""A vault of 100,000 notes: how long its index takes, how long a question, and how large both are.

    python -m benchmarks.vault [--notes N] [--no-peers]

Everything is measured in this one run: the raw insert of the same texts into one FTS5 table, a bare walk of the folder with
stat, ripgrep over the folder and `qmd` (keyword search) where they are installed. The vectors are those of an embedder that
costs nothing (it hashes words), so that what is measured is what mailbot does with them.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.table import Ratio, show
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.search import search
from mailbot.vault.vectors import Vectors

SIZE = 384
WORDS = 20_000
QUERIES = 200


class HashedWords:
    """An embedder that costs nothing: each word adds to a few numbers that its hash chooses."""

    name = "hashed words"

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:  # noqa: ARG002 - the protocol's
        found = []
        for text in texts:
            vector = [0.0] * SIZE
            for word in text.split():
                for byte_pair in range(3):
                    at = hash((word, byte_pair)) % SIZE
                    vector[at] += 1.0 if at % 2 else -1.0
            found.append(vector)
        return found


def vocabulary() -> tuple[list[str], list[float]]:
    """Words of a Zipf-like frequency, made of syllables."""
    chosen = random.Random(7)
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    words = sorted(
        {"".join(chosen.choices(syllables, k=chosen.choice((2, 3, 3, 4)))) for _ in range(WORDS * 2)}
    )
    chosen.shuffle(words)
    words = words[:WORDS]
    return words, [1 / (rank + 10) for rank in range(len(words))]


def make_vault(folder: Path, count: int) -> None:
    """Notes of about 1.5 KB, with properties, headings and links."""
    chosen = random.Random(11)
    words, weights = vocabulary()
    stream = chosen.choices(words, weights, k=2_000_000)
    at = 0
    for number in range(count):
        paragraphs = []
        for section in range(3):
            at = (at + 61) % (len(stream) - 400)
            text = " ".join(stream[at : at + 62])
            paragraphs.append(
                f"## {stream[at].title()} {section}\n\n{text.capitalize()}. See [[note {chosen.randrange(count)}]].\n"
            )
        properties = f"---\ntitle: Note {number} {stream[at]}\ndate: 2026-{1 + number % 12:02}-{1 + number % 28:02}\ntags: [{stream[at + 1]}, area-{number % 40}]\n---\n"
        path = folder / f"area {number % 40}" / f"year {number % 25}"
        path.mkdir(parents=True, exist_ok=True)
        (path / f"note {number}.md").write_text(
            properties + f"# Note {number}\n\n" + "\n".join(paragraphs), encoding="utf-8"
        )


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def raw_inserts(folder: Path, database: Path) -> None:
    """The yardstick: the texts of all notes into one FTS5 table, nothing else."""
    connection = sqlite3.connect(database)
    connection.execute(
        "CREATE VIRTUAL TABLE raw USING fts5 (body, content='', tokenize='porter unicode61 remove_diacritics 2')"
    )
    with connection:
        for number, path in enumerate(folder.rglob("*.md"), 1):
            connection.execute(
                "INSERT INTO raw (rowid, body) VALUES (?, ?)", (number, path.read_text(encoding="utf-8"))
            )
    connection.close()


def bare_walk(folder: str) -> int:
    """The other yardstick: every file of the folder with its stat."""
    count = 0
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            count += bare_walk(entry.path)
        else:
            entry.stat()
            count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--notes", type=int, default=100_000)
    parser.add_argument("--no-peers", action="store_true")
    arguments = parser.parse_args()
    show("vault", ratios(arguments.notes, with_peers=not arguments.no_peers))


def ratios(notes: int, *, with_peers: bool = False) -> list[Ratio]:
    """Indexing beside bare FTS5 inserts and a bare walk; questions beside a bare FTS5 question."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        vault = root / "vault"
        make_vault(vault, notes)
        raw = timed(lambda: raw_inserts(vault, root / "raw.sqlite"))
        with Index(root / "index" / "index.sqlite", vault) as index:
            first = timed(lambda: refresh(index))
            walk = min(timed(lambda: bare_walk(str(vault))) for _ in range(3))
            still = min(timed(lambda: refresh(index)) for _ in range(3))
            words, weights = vocabulary()
            queries = [" ".join(random.Random(n).choices(words, weights, k=8)) for n in range(QUERIES)]
            by_words = statistics.median(timed(lambda q=q: search(index, q)) for q in queries)
            with Vectors(root / "index" / "vectors.sqlite", HashedWords()) as vectors:
                vectors.fill(index.hashes(), index.saying)
                both = statistics.median(timed(lambda q=q: search(index, q, 10, vectors)) for q in queries)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if with_peers:
            peers(vault, queries, root)
        bare = statistics.median(bare_questions(root / "raw.sqlite", queries))
    return [
        Ratio(f"first index of {notes} notes", first, raw, "bare FTS5 inserts", 4.0),
        Ratio("    refresh, nothing changed", still, walk, "a bare walk", 3.0),
        Ratio("    a question, by words", by_words, bare, "a bare FTS5 question"),
        Ratio("    a question, with vectors", both, bare, "a bare FTS5 question"),
        Ratio("    memory", memory, 300.0, "300 MB", 1.0, "MB"),
    ]


def spread(what: str, times: Sequence[float]) -> None:
    print(f"{what:30} {statistics.median(times) * 1000:7.1f} ms in the middle")


def bare_questions(database: Path, queries: Sequence[str]) -> list[float]:
    """Seconds of each question, asked of the bare table."""
    connection = sqlite3.connect(database)
    sql = "SELECT rowid FROM raw WHERE raw MATCH ? ORDER BY rank LIMIT 10"
    found = [
        timed(lambda q=q: connection.execute(sql, (" OR ".join(q.split()),)).fetchall()) for q in queries
    ]
    connection.close()
    return found


def peers(vault: Path, queries: list[str], home: Path) -> None:
    """What a user would reach for instead, each a process of its own as a user would start it."""
    if ripgrep := shutil.which("rg"):
        commands = [
            [ripgrep, "--count", "--ignore-case", "|".join(q.split()), str(vault)] for q in queries[:5]
        ]
        spread(
            "ripgrep (finds, ranks nothing)",
            [timed(lambda c=c: subprocess.run(c, capture_output=True)) for c in commands],
        )
    if qmd := shutil.which("qmd"):
        own = {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
        }

        def run(*arguments: str) -> int:
            done = subprocess.run(
                [qmd, *arguments], env={**os.environ, **own}, capture_output=True, cwd=vault
            )
            return done.returncode

        began = time.perf_counter()
        if run("collection", "add", str(vault), "--name", "notes"):
            print("qmd                            could not index the folder")
            return
        print(f"qmd, first index               {time.perf_counter() - began:7.2f} s")
        spread("qmd search", [timed(lambda q=q: run("search", q)) for q in queries[:10]])


if __name__ == "__main__":
    main()
