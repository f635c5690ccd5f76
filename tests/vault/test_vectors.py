"""Vectors beside the words: made once for what a passage says, kept through renames, found by nearness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from mailbot.assistant import embedding
from mailbot.assistant.llm import Endpoint, Model
from mailbot.errors import BadData, ConfigError
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.search import search
from mailbot.vault.vectors import Vectors
from tests.servers.model import ModelServer, letters

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Counting:
    """An embedder that counts what it was asked."""

    def __init__(self, name: str = "letters", fail_after: int = 10**9) -> None:
        self.name, self.asked, self.fail_after = name, list[str](), fail_after

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        if not query:
            self.asked += texts
        if len(self.asked) > self.fail_after:
            raise KeyboardInterrupt
        return [letters(t) for t in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "notes"
    root.mkdir()
    (root / "zoo.md").write_text("# Zoo\n\nzzz zzz zebras\n")
    (root / "bees.md").write_text("# Bees\n\nbbb eee bees\n")
    return root


def filled(tmp_path: Path, folder: Path, embedder: Counting) -> None:
    with Index(tmp_path / "i.sqlite", folder) as index, Vectors(tmp_path / "v.sqlite", embedder) as vectors:
        refresh(index)
        vectors.fill(index.hashes(), index.saying)


def test_what_no_word_finds_a_vector_finds(tmp_path: Path, folder: Path) -> None:
    with Index(tmp_path / "i.sqlite", folder) as index, Vectors(tmp_path / "v.sqlite", Counting()) as vectors:
        refresh(index)
        assert vectors.fill(index.hashes(), index.saying) == 2
        assert search(index, "zzzz") == []
        assert [h.note for h in search(index, "zzzz", 1, vectors)] == ["zoo.md"]
        assert [h.note for h in search(index, "eeee bbbb", 1, vectors)] == ["bees.md"]


def test_a_vector_is_made_once_and_a_rename_keeps_it(tmp_path: Path, folder: Path) -> None:
    first, second = Counting(), Counting()
    filled(tmp_path, folder, first)
    assert len(first.asked) == 2
    (folder / "zoo.md").rename(folder / "animals.md")
    (folder / "new.md").write_text("quagga\n")
    filled(tmp_path, folder, second)
    assert second.asked == ["quagga"]


def test_an_index_that_was_deleted_costs_no_vector(tmp_path: Path, folder: Path) -> None:
    filled(tmp_path, folder, Counting())
    for path in tmp_path.glob("i.sqlite*"):
        path.unlink()
    again = Counting()
    filled(tmp_path, folder, again)
    assert again.asked == []


def test_vectors_of_removed_notes_go_and_another_model_begins_anew(tmp_path: Path, folder: Path) -> None:
    filled(tmp_path, folder, Counting())
    (folder / "zoo.md").unlink()
    filled(tmp_path, folder, Counting())
    with Vectors(tmp_path / "v.sqlite", Counting()) as vectors:
        assert vectors.count() == 1
    other = Counting("another")
    filled(tmp_path, folder, other)
    assert len(other.asked) == 1


def test_a_fill_that_is_stopped_goes_on_where_it_was(tmp_path: Path, folder: Path) -> None:
    for n in range(200):
        (folder / f"{n}.md").write_text(f"note number {n}\n")
    with pytest.raises(KeyboardInterrupt):
        filled(tmp_path, folder, Counting(fail_after=100))
    rest = Counting()
    filled(tmp_path, folder, rest)
    assert 0 < len(rest.asked) < 202


def test_the_local_model_of_an_installed_package_knows_what_is_alike() -> None:
    """all-MiniLM-L6-v2 as ONNX, found in the package without importing it; nothing is downloaded."""
    model = embedding.local()
    near, far, asked = model.embed(
        ["The cat sleeps on the sofa.", "Invoices are due in thirty days.", "A kitten naps on the couch."]
    )
    assert len(asked) == 384
    dot = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))  # noqa: E731
    assert dot(asked, near) > 2 * dot(asked, far)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.onnx"):
        embedding.local(tmp_path)


def test_vectors_that_cannot_be_read_are_made_anew(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "v.sqlite").write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    made = Counting()
    filled(tmp_path, folder, made)
    assert len(made.asked) == 2
    with Vectors(tmp_path / "v.sqlite", Counting()) as vectors:
        assert len(vectors.nearest("zoo", 5000)) == 2


class Clusters:
    """An embedder whose texts `3/17` lie near a point of their first number."""

    name = "clusters"

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        found = []
        for text in texts:
            centre, noise = Random(text.split("/")[0]), Random(text)
            found.append([centre.gauss() + 0.1 * noise.gauss() for _ in range(64)])
        return found


def test_among_many_vectors_the_nearest_are_found_within_a_radius(tmp_path: Path) -> None:
    """More than are looked at one by one; and again after most of them went, which leaves gaps in the sample."""
    texts = {f"{n}/{m}".encode(): f"{n}/{m}" for n in range(60) for m in range(100)}
    with Vectors(tmp_path / "v.sqlite", Clusters()) as vectors:
        vectors.fill(set(texts), lambda hashes: ((h, texts[h]) for h in hashes))
        assert vectors.count() == 6000
        for n in (0, 31, 59):
            found = [h.decode() for h, _ in vectors.nearest(f"{n}/query", 50)]
            assert len(found) == 50
            assert {f.split("/")[0] for f in found} == {str(n)}
        vectors.fill({h for h in texts if h.endswith(b"7")}, lambda hashes: ((h, texts[h]) for h in hashes))
        assert vectors.count() == 600
        for n in (0, 31, 59):
            found = [h.decode() for h, _ in vectors.nearest(f"{n}/query", 10)]
            assert set(found) == {f"{n}/7", *(f"{n}/{m}7" for m in range(1, 10))}


def test_a_text_too_long_for_the_server_gets_the_vector_of_its_beginning(
    tmp_path: Path, folder: Path
) -> None:
    """And keeps no other from its own; a server that takes no text at all is said to."""
    (folder / "long.md").write_text("# Long\n\n" + "qqq " * 300)
    with ModelServer() as server, Index(tmp_path / "i.sqlite", folder) as index:
        refresh(index)
        client = Model(Endpoint(server.url, lambda: "none"))
        embedder = embedding.EndpointEmbedder(client, "e5")
        server.longest_embedded = 400
        with Vectors(tmp_path / "v.sqlite", embedder) as vectors:
            assert vectors.fill(index.hashes(), index.saying) == 3
            assert [h.note for h in search(index, "qqqqq", 1, vectors)] == ["long.md"]
        server.longest_embedded = 0
        with (
            Vectors(tmp_path / "w.sqlite", embedder) as vectors,
            pytest.raises(BadData, match="too large to process"),
        ):
            vectors.fill(index.hashes(), index.saying)
        client.close()
    assert len(server.embedded) < 40
