"""A path inside the vault never leads out of it, also where a folder becomes a link in the very moment of its opening."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mailbot.errors import BadData, TryAgain
from mailbot.sync.session.note_files import NoteFiles
from mailbot.vault import beneath
from mailbot.vault.rename import EXCHANGE, renameat2

HOW = [True, False] if beneath._SUPPORTED else [False]


@pytest.fixture(params=HOW, ids=lambda system: "by the system" if system else "looked at before")
def vault(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(beneath, "_SUPPORTED", request.param)
    for name in ("vault/Email", "vault/People", "outside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "outside" / "secret.md").write_text("outside")
    (tmp_path / "vault" / "People" / "Ana.md").write_text("Ana")
    return tmp_path / "vault"


OUT: dict[str, Callable[[Path], str]] = {
    "a note that is a link": lambda v: _link(v / "x.md", v.parent / "outside" / "secret.md"),
    "a note that is a relative link": lambda v: _link(v / "x.md", Path("../outside/secret.md")),
    "a folder that is a link": lambda v: _link(v / "Away", v.parent / "outside") + "/secret.md",
    "a link to a link": lambda v: _link(v / "y", Path("Away")) + "/secret.md" if _link(v / "Away", Path("../outside")) else "",
    "up and away": lambda _: "../outside/secret.md",
    "an absolute path": lambda v: str(v.parent / "outside" / "secret.md"),
}  # fmt: skip


def _link(path: Path, to: Path) -> str:
    path.symlink_to(to)
    return path.name


@pytest.mark.parametrize("how", OUT)
def test_no_way_leads_out(vault: Path, how: str) -> None:
    path, files = OUT[how](vault), NoteFiles(vault)
    acts: list[Callable[[], object]] = [
        lambda: files.read(path), lambda: files.editable(path), lambda: files.edit(path, lambda t: t + "x"),
        lambda: files.replace(path, "0" * 64, "x"),
    ]  # fmt: skip
    if "/" in path:
        acts.append(lambda: files.create(path.replace("secret", "new"), "x"))
    for act in acts:
        with pytest.raises(BadData):
            act()
    assert sorted(p.name for p in (vault.parent / "outside").iterdir()) == ["secret.md"]
    assert (vault.parent / "outside" / "secret.md").read_text() == "outside"


def test_links_inside_the_vault_are_followed(vault: Path) -> None:
    (vault / "near.md").symlink_to("People/Ana.md")
    (vault / "by its whole path.md").symlink_to(vault / "People" / "Ana.md")
    (vault / "Folk").symlink_to(vault / "People")
    files = NoteFiles(vault)
    for path in ("near.md", "by its whole path.md", "Folk/Ana.md"):
        assert files.read(path) == ("Ana", files.must_read("People/Ana.md")[1])
    files.edit("near.md", lambda text: text + "!")
    files.create("Folk/Bo.md", "Bo")
    assert (vault / "near.md").is_symlink() and (vault / "People" / "Ana.md").read_text() == "Ana!"
    assert (vault / "People" / "Bo.md").read_text() == "Bo"


def test_folders_are_made_and_a_vault_never_is(vault: Path) -> None:
    files = NoteFiles(vault)
    files.create("Email/2026/11/a.md", "a")
    assert (vault / "Email/2026/11/a.md").read_text() == "a"
    vault.rename(vault.parent / "moved")
    for act in (
        lambda: files.create("Email/b.md", "b"),
        lambda: files.read("Email/2026/11/a.md"),
        lambda: files.exists("Email"),
    ):
        with pytest.raises(TryAgain, match="not there any more"):
            act()
    assert not vault.exists()


def test_what_is_not_there_is_not_there(vault: Path) -> None:
    files = NoteFiles(vault)
    assert (
        files.read("None/x.md") is None
        and files.read("x.md") is None
        and files.read("People/Ana.md/x.md") is None
    )
    assert not files.exists("None/x.md") and not files.exists("People/Ana.md/x.md") and files.exists("People")
    with pytest.raises(BadData, match="cannot be written"):
        files.create("People/Ana.md/x.md", "x")


def test_an_error_names_the_note_and_no_place_of_the_system(vault: Path) -> None:
    (vault / "People" / "Ana.md").unlink()
    (vault / "People" / "Ana.md").mkdir()
    with pytest.raises(BadData) as told:
        NoteFiles(vault).read("People/Ana.md")
    assert "People/Ana.md" in str(told.value) and "/proc/" not in str(told.value)


@pytest.mark.skipif(
    not beneath._SUPPORTED, reason="this system cannot open beneath a folder; docs/security.md says so"
)
def test_a_folder_that_becomes_a_link_in_that_moment(tmp_path: Path) -> None:
    """Somebody swaps a folder for a link out of the vault and back, thousands of times, while notes are made and read."""
    vault, outside = tmp_path / "vault", tmp_path / "outside"
    (vault / "Email").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.md").write_text("outside")
    (tmp_path / "link").symlink_to(outside)
    files, over = NoteFiles(vault), threading.Event()

    def swap() -> None:
        while not over.is_set():
            renameat2(tmp_path / "link", vault / "Email", EXCHANGE)

    thread = threading.Thread(target=swap)
    thread.start()
    made = refused = 0
    try:
        for n in range(1500):
            try:
                files.create(f"Email/{n}.md", "x")
                made += 1
            except (BadData, OSError):
                refused += 1
            with suppress(BadData, OSError):
                assert files.read("Email/secret.md") is None
    finally:
        over.set()
        thread.join()
    assert os.listdir(outside) == ["secret.md"]  # noqa: PTH208
    assert made > 0 and refused > 0, (made, refused)


def test_what_lies_beside_is_as_it_was_before(vault: Path) -> None:
    files = NoteFiles(vault)
    files.create("People/New.md", "x")
    files.sweep()
    assert sorted(str(p.relative_to(vault)) for p in vault.rglob("*")) == [
        "Email",
        "People",
        "People/Ana.md",
        "People/New.md",
    ]
