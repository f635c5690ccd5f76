"""The index and the search over it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailbot.language.detect import language_of
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.passages import LIMIT, passages
from mailbot.vault.people import person
from mailbot.vault.search import query_phrases, search
from mailbot.vault.words import query_terms


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    root = tmp_path / "notes"
    for path, text in {
        "Projects/Storage.md": "---\naliases: [Archive project]\n---\n# Storage\n\n## Licence\n\nThe Birch offer is valid until December.\n\n## Benchmark\n\nErasure coding 8+3.\n",
        "Projects/Garden.md": "# Garden\n\nTomatoes need water until August.\n",
        "People/Ana Ruiz/README.md": "---\ntype: people\ntitle: Ana Ruiz\nemail: Ana@Acme.example\n---\nLikes numbers.\n",
        "People/Ana Ruiz 2.md": "---\ntype: people\ntitle: Ben\naliases: [Ana Ruiz]\nemails: [ben@x.example, other@x.example]\n---\nAnother.\n",
        "日本.md": "来週の会議は火曜日です。",
        ".obsidian/plugin.md": "tomatoes",
        "Broken.md": "---\n[\n---\nzebra\n",
    }.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def index(tmp_path: Path, notes: Path):  # type: ignore[no-untyped-def]
    with Index(tmp_path / "i.sqlite", notes) as opened:
        refresh(opened)
        yield opened


def test_the_best_passage_of_the_best_note_comes_first(index: Index) -> None:
    hits = search(index, "Until when is the Birch offer valid?")
    assert (hits[0].note, hits[0].heading) == ("Projects/Storage.md", "Storage > Licence")
    assert hits[0].text == "The Birch offer is valid until December."
    assert len({h.note for h in hits}) == len(hits)
    assert hits[0].score == 1.0


def test_aliases_are_found_other_scripts_are_found_broken_notes_are_found(index: Index) -> None:
    assert search(index, "archive project")[0].note == "Projects/Storage.md"
    assert search(index, "会議はいつ")[0].note == "日本.md"
    assert search(index, "zebra")[0].note == "Broken.md"
    assert [h.note for h in search(index, "tomato")] == ["Projects/Garden.md"]


@pytest.mark.parametrize("query", ["", "?!", '"', 'a" OR "b', "NEAR(", "title:x", "*", "\x00", "-" * 5000])
def test_no_query_is_an_error(index: Index, query: str) -> None:
    assert isinstance(search(index, query), list)


def test_stop_words_of_the_query_are_left_out() -> None:
    assert query_terms("What is the offer of Birch?") == ["offer", "birch"]
    assert query_terms("Wann ist der Workshop in Gent?") == ["wann", "workshop", "gent"]
    assert query_terms("who are you") == ["who", "are", "you"]
    assert query_phrases("会議") == ['"会 議"']
    assert language_of("Können wir noch zwei Kollegen für den Workshop anmelden?") == "de"


def test_drafts_are_known_but_not_found(index: Index, notes: Path) -> None:
    """A draft note repeats what other notes say: as a hit it would only hide them."""
    (notes / "d.draft.md").write_text("---\ntype: email-draft\n---\ntomatoes tomatoes\n")
    assert refresh(index).added == 1
    assert [h.note for h in search(index, "tomatoes")] == ["Projects/Garden.md"]
    (notes / "d.draft.md").unlink()
    assert refresh(index).removed == 1
    index.database.execute("INSERT INTO note_fts (note_fts) VALUES ('integrity-check')")


def test_a_refresh_reads_only_what_changed(index: Index, notes: Path) -> None:
    assert refresh(index).touched == 0
    (notes / "Projects/Garden.md").write_text("# Garden\n\nPeppers now.\n")
    (notes / "Projects/Storage.md").unlink()
    (notes / "New.md").write_text("fresh")
    done = refresh(index)
    assert (done.added, done.changed, done.removed) == (1, 1, 1)
    assert search(index, "tomatoes") == []
    assert search(index, "Birch") == []
    assert search(index, "peppers")[0].note == "Projects/Garden.md"
    index.database.execute("INSERT INTO note_fts (note_fts) VALUES ('integrity-check')")


def test_excluded_folders_and_giants_are_left_out(tmp_path: Path, notes: Path) -> None:
    (notes / "Big.md").write_bytes(b"x" * (4 * 1024 * 1024 + 1))
    with Index(tmp_path / "j.sqlite", notes) as index:
        done = refresh(index, ["Projects"])
        assert done.skipped == (("Big.md", "larger than 4 MB"),)
        assert search(index, "tomatoes") == []


def test_a_damaged_index_is_made_anew(tmp_path: Path, notes: Path) -> None:
    path = tmp_path / "k.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with Index(path, notes) as index:
        refresh(index)
        assert search(index, "tomatoes")


def test_a_stopped_refresh_goes_on(tmp_path: Path, notes: Path) -> None:
    for n in range(700):
        (notes / f"n{n}.md").write_text(f"number{n}")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with Index(tmp_path / "l.sqlite", notes) as index:
        with pytest.raises(KeyboardInterrupt):
            refresh(index, progress=stop)
        assert index.count() >= 500
        assert refresh(index).added < 300
        assert search(index, "number699")


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path, notes: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("tomatoes")
    (notes / "link").symlink_to(outside)
    with Index(tmp_path / "m.sqlite", notes) as index:
        refresh(index)
        assert all("link" not in h.note for h in search(index, "tomatoes"))


def test_a_person_is_found_by_address_and_never_by_a_shared_name(index: Index) -> None:
    found = person(index, "ana@acme.example")
    assert found is not None and found.path == "People/Ana Ruiz/README.md"
    assert person(index, "unknown@x.example", "Ana Ruiz") is None
    by_name = person(index, "", "Ana")
    assert by_name is None


def test_passages_lose_nothing_and_never_cut_a_fence() -> None:
    body = (
        "intro\n\n# A\n\n"
        + "words here. " * 500
        + "\n\n## B\n\n```python\n"
        + "x = 1\n\n" * 900
        + "```\n\nafter\n"
    )
    found = list(passages(body))
    joined = "".join(p.text for p in found)
    assert joined.count("words here.") == 500
    assert joined.count("x = 1") == 900
    assert all(p.text.count("```") in (0, 2) for p in found)
    assert all(len(p.text) <= LIMIT or "```" in p.text for p in found)
    assert found[-1].heading == "A > B"


def test_a_mail_is_shown_by_its_words_and_where_only_what_it_quotes_fits_by_that(
    index: Index, notes: Path
) -> None:
    (notes / "Mail.md").write_text(
        "---\ntype: email\n---\n# Offer\n\n**From:** Ana \\<ana@acme.example>  \n**Date:** Fri, 20 Nov 2026\n\nThe quagga is ours.\n",
        encoding="utf-8",
    )
    (notes / "Answer.md").write_text(
        "---\ntype: email\n---\n# Re: Offer\n\n**From:** Jo\n\n> [!quote]- Earlier in this thread\n> Is the okapi theirs?\n",
        encoding="utf-8",
    )
    refresh(index)
    assert [h.text for h in search(index, "quagga")] == ["The quagga is ours."]
    assert "okapi" in search(index, "okapi")[0].text


def test_two_programs_may_fill_one_index(tmp_path: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for n in range(3000):
        (root / f"{n}.md").write_text(f"note {n} quagga")
    fill = f"from pathlib import Path; from mailbot.vault.index import Index; from mailbot.vault.indexing import refresh; refresh(Index(Path({str(tmp_path / 'm.sqlite')!r}), Path({str(root)!r})))"
    both = [subprocess.Popen([sys.executable, "-c", fill], stderr=subprocess.PIPE) for _ in range(3)]
    assert [p.communicate(timeout=120)[1] for p in both] == [b""] * 3
    for n in range(0, 3000, 2):
        (root / f"{n}.md").write_text(f"note {n} okapi, changed")
    both = [subprocess.Popen([sys.executable, "-c", fill], stderr=subprocess.PIPE) for _ in range(3)]
    assert [p.communicate(timeout=120)[1] for p in both] == [b""] * 3
    with Index(tmp_path / "m.sqlite", root) as index:
        assert refresh(index).touched == 0
        assert index.count() == 3000
        assert index.frequency('"okapi"') == 1500
        assert index.frequency('"quagga"') == 1500


def test_a_name_that_is_no_text_is_named_and_skipped(tmp_path: Path, notes: Path) -> None:
    (notes / os.fsdecode(b"caf\xe9.md")).write_text("quagga")
    with Index(tmp_path / "c.sqlite", notes) as index:
        done = refresh(index)
        assert [path for path, _ in done.skipped] == ["caf\\udce9.md"]
        assert search(index, "tomato")


def test_a_number_that_no_text_can_hold_costs_its_own_note(tmp_path: Path) -> None:
    """YAML reads `1:1:1` as a number in base 60; Python writes none of 4,300 digits."""
    vault = tmp_path / "vault"
    vault.mkdir()
    (vault / "Odd.md").write_text(
        "---\ndate: " + "1:" * 3000 + "1\ntags: [1]\n---\nerasure\n", encoding="utf-8"
    )
    (vault / "Even.md").write_text("---\ntitle: Even\n---\nerasure coding\n", encoding="utf-8")
    with Index(tmp_path / "index.sqlite", vault) as index:
        assert refresh(index).touched == 2
        assert index.at("Odd.md") is not None


def test_what_another_run_changes_between_two_looks_breaks_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that is written anew gets another id: a search reads all of one moment."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n\nerasure coding\n")
    with (
        Index(tmp_path / "state" / "i.sqlite", tmp_path) as index,
        Index(tmp_path / "state" / "i.sqlite", tmp_path) as other,
    ):
        refresh(index)
        real = Index.instants

        def meanwhile(self: Index, ids: list[int]) -> dict[int, str]:
            (tmp_path / "a.md").write_text("# a\n\nerasure coding, rewritten by another account's run\n")
            refresh(other)
            return real(self, ids)

        monkeypatch.setattr(Index, "instants", meanwhile)
        assert {hit.note for hit in search(index, "erasure coding")} == {"a.md", "b.md"}
        monkeypatch.undo()
        assert "rewritten" in search(index, "rewritten")[0].text
