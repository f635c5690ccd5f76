"""Durable writes: whole or not at all, never over what somebody has saved meanwhile, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from mailbot.sync.session.note_files import NoteFiles
from mailbot.vault import durable, exchange, rename
from mailbot.vault import note as notes


def by_renaming(path: Path, line: str) -> None:
    text = path.read_text(encoding="utf-8")
    ready = path.with_name(".editor-save")
    ready.write_text(f"{text}{line}\n", encoding="utf-8")
    ready.replace(path)


def in_place(path: Path, line: str) -> None:
    with path.open("r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.truncate()
        file.write(f"{text}{line}\n")


def by_appending(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


EDITORS: dict[str, Callable[[Path, str], None]] = {
    "renames": by_renaming,
    "writes in place": in_place,
    "appends": by_appending,
}


def race(vault: Path, editor: Callable[[Path, str], None], times: int) -> int:
    """How many notes have lost a line that was saved while mailbot set a property. The editor knows of no lock: it reads,
    adds a line and saves, and looks again where the save fell between two of ours."""
    files, lost = NoteFiles(vault), 0
    for n in range(times):
        path = f"N{n}.md"
        (vault / path).write_text("---\nstatus: draft\n---\nMine.\n", encoding="utf-8")
        start = threading.Barrier(2)

        def save(at: Path = vault / path, begin: threading.Barrier = start) -> None:
            begin.wait()
            editor(at, "saved line")

        thread = threading.Thread(target=save)
        thread.start()
        start.wait()
        files.change(path, "", {"status": "superseded"})
        thread.join()
        text = (vault / path).read_text(encoding="utf-8")
        lost += "saved line" not in text
        assert "Mine." in text
    return lost


@pytest.mark.parametrize("editor", EDITORS)
def test_an_editor_that_saves_meanwhile_loses_nothing(tmp_path: Path, editor: str) -> None:
    """1,000 races, at the very moment of the change; 21 of 80 were lost once."""
    assert race(tmp_path, EDITORS[editor], 334) == 0
    assert not (tmp_path / ".mailbot").exists() or not list((tmp_path / ".mailbot").iterdir())


@pytest.mark.parametrize("editor", ["writes in place", "appends"])
def test_hardly_any_where_files_cannot_be_exchanged(
    tmp_path: Path, editor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a system without renameat2 the old file keeps a second name until it was looked at. A moment remains (docs/security.md,
    Limits), which a busy machine hits: one save in a few hundred."""
    monkeypatch.setattr(rename, "_LIBC", None)
    assert race(tmp_path, EDITORS[editor], 100) <= 3


def test_a_save_between_the_look_and_the_exchange_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The narrowest moment: the note was read, compared, and is saved before the two files change places."""
    path = tmp_path / "n.md"
    path.write_bytes(b"old")
    real, saves = rename.renameat2, iter([b"theirs 1", b"theirs 2"])

    def slow(one: Path, other: Path, how: int) -> bool:
        if (save := next(saves, None)) is not None:
            fresh = tmp_path / "fresh"
            fresh.write_bytes(save)
            fresh.replace(path)
        return real(one, other, how)

    monkeypatch.setattr(exchange, "renameat2", slow)
    assert not exchange.replace(path, lambda data: data == b"old", b"ours")
    assert path.read_bytes() == b"theirs 2"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["n.md"]


def test_a_new_file_never_takes_the_place_of_one(tmp_path: Path) -> None:
    (tmp_path / "n.md").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        durable.create(tmp_path / "n.md", b"ours")
    assert (tmp_path / "n.md").read_bytes() == b"theirs"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["n.md"]


def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "n.md"
    path.write_bytes(b"old")
    path.chmod(0o640)
    assert exchange.replace(path, lambda data: data == b"old", b"new", tmp_path / ".mailbot")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


def test_what_a_killed_run_left_is_swept_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    files = NoteFiles(tmp_path)
    files.scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    dead = files.scratch / f".mailbot-{done.stdout.strip()}-abc.tmp"
    living = files.scratch / f".mailbot-{os.getpid()}-abc.tmp"
    dead.write_text("Dear Jo")
    living.write_text("Dear Jo")
    files.sweep()
    assert (dead.exists(), living.exists()) == (False, True)
    living.unlink()
    files.sweep()
    assert not files.scratch.exists()


def test_a_note_is_changed_anew_from_what_was_saved(tmp_path: Path) -> None:
    """Both are in it in the end: the user's line, and the property."""
    assert race(tmp_path, by_renaming, 50) == 0
    for path in tmp_path.glob("N*.md"):
        read = notes.read(path.read_text(encoding="utf-8"))
        assert read.properties["status"] in ("draft", "superseded")


def test_an_editor_that_takes_its_time_loses_nothing_either(tmp_path: Path) -> None:
    """It has emptied the file, or written half of it, and is held up: on a busy machine for longer than any look lasts."""
    files, path = NoteFiles(tmp_path), tmp_path / "n.md"
    for half in ("", "---\nstatus: draft\n---\n"):
        path.write_text("---\nstatus: draft\n---\nMine.\n", encoding="utf-8")
        file = path.open("r+", encoding="utf-8")
        file.truncate()
        file.write(half)
        file.flush()

        def finish(file: IO[str] = file) -> None:
            time.sleep(0.3)
            file.seek(0)
            file.write("---\nstatus: draft\n---\nMine, and more.\n")
            file.close()

        thread = threading.Thread(target=finish)
        thread.start()
        files.change("n.md", "", {"status": "superseded"})
        thread.join()
        read = notes.read(path.read_text(encoding="utf-8"))
        assert (read.body, read.properties["status"]) == ("Mine, and more.\n", "superseded")


def test_an_editor_that_opens_the_file_at_the_last_moment_writes_to_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the lease, is seen, and finds the file that it has opened under its name."""
    files, path = NoteFiles(tmp_path), tmp_path / "n.md"
    path.write_text("---\nstatus: draft\n---\nMine.\n", encoding="utf-8")
    real, threads = rename.renameat2, list[threading.Thread]()

    def late(one: Path, other: Path, how: int) -> bool:
        if not threads:
            threads.append(threading.Thread(target=by_appending, args=(path, "saved line")))
            threads[0].start()
            time.sleep(0.1)
        return real(one, other, how)

    monkeypatch.setattr(exchange, "renameat2", late)
    files.change("n.md", "", {"status": "superseded"})
    threads[0].join()
    read = notes.read(path.read_text(encoding="utf-8"))
    assert (read.body, read.properties["status"]) == ("Mine.\nsaved line\n", "superseded")


@pytest.mark.parametrize("what", ["a file", "a pipe", "a link out", "a link to nothing", "a circle"])
def test_what_lies_in_the_place_of_the_scratch_folder_is_left_alone(tmp_path: Path, what: str) -> None:
    """A note is written all the same, and nothing outside of the vault is written or swept."""
    vault, outside = tmp_path / "vault", tmp_path / "outside"
    vault.mkdir()
    outside.mkdir()
    (outside / ".mailbot-99999999-user.tmp").write_text("theirs")
    files = NoteFiles(vault)
    if what == "a file":
        files.scratch.write_text("theirs")
    elif what == "a pipe":
        os.mkfifo(files.scratch)
    else:
        to = {"a link out": outside, "a link to nothing": tmp_path / "nothing", "a circle": files.scratch}[
            what
        ]
        files.scratch.symlink_to(to)
    files.create("N.md", "---\nstatus: draft\n---\nMine.\n")
    files.change("N.md", "", {"status": "superseded"})
    files.sweep()
    assert "superseded" in (vault / "N.md").read_text(encoding="utf-8")
    assert [p.name for p in outside.iterdir()] == [".mailbot-99999999-user.tmp"]
    assert os.path.lexists(files.scratch)
    assert sorted(p.name for p in vault.iterdir()) == [".mailbot", "N.md"]


def test_a_note_that_is_empty_and_stays_so_is_changed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "n.md").touch()
    NoteFiles(tmp_path).change("n.md", "", {"status": "superseded"})
    assert "superseded" in (tmp_path / "n.md").read_text(encoding="utf-8")
