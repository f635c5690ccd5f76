"""The command line at its edges: odd arguments, closed streams, full disks, settings that blow up. One message, one exit code,
never a traceback."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailbot.cli.logfile import log_to
from mailbot.config import state_folder
from tests.conftest import MakeSettings, mail, tree
from tests.e2e.test_bad_servers import Account
from tests.servers.scripted_imap import ScriptedImap

RUN = [sys.executable, "-m", "mailbot"]


def run(*arguments: str | bytes, shell: str = "", **more: object) -> subprocess.CompletedProcess[str]:
    """The command as a program of its own, with `shell` behind it."""
    command = [*RUN, *arguments]
    if shell:
        command = ["sh", "-c", f'"$@" {shell}', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, **more)  # type: ignore[call-overload]
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert "a bug in mailbot" not in said, said
    assert "Logging error" not in said, said
    return done  # type: ignore[no-any-return]


def limits() -> None:
    """No test of ours may eat this machine."""
    resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))


@pytest.mark.parametrize(
    "command", [["status", "--json"], ["explain", "m.eml", "--json", "--no-model"], ["--help"]]
)
def test_output_that_goes_nowhere(make_settings: MakeSettings, tmp_path: Path, command: list[str]) -> None:
    make_settings(1, "jo@example.com")
    (tmp_path / "m.eml").write_bytes(mail())
    full = run(*command, shell="> /dev/full")
    assert full.returncode == 74
    assert "the output could not be written: No space left on device" in full.stderr
    assert run(*command, shell="> /dev/full 2>&1").returncode == 74
    assert run(*command, shell=">&-").returncode == 0
    assert run(*command, shell="2>&-").returncode == 0
    assert run(*command, shell="<&- >&- 2>&-").returncode == 0
    assert run(*command, shell="| true").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", b"caf\xe9"],
        ["draft", b"caf\xe9.md"],
        ["draft", "~nouser/note.md"],
        ["people", b"\xff\xfe"],
        ["people", "~nouser"],
        ["fetch", "--account", b"\xe9"],
        ["explain", b"\xe9.eml"],
        ["index", "--embeddings", "/"],
        ["index", "--embeddings", "~nouser/model"],
        ["index", "--vault", "~nouser"],
        [b"\xff"],
        ["--config", b"\xff.yaml", "status"],
        ["--config", "/dev/zero", "status"],
        ["--config", "~nouser/accounts.yaml", "status"],
        ["import", "/dev/zero", "--account", "work"],
    ],
)
def test_odd_arguments(make_settings: MakeSettings, arguments: list[str | bytes]) -> None:
    make_settings(1, "jo@example.com")
    done = run(*arguments, preexec_fn=limits)
    assert done.returncode in (0, 1, 2, 65, 78), done.stderr


@pytest.mark.parametrize("day", ["0001-01-01", "1900-01-01", "9999-12-31"])
def test_since_any_day(make_settings: MakeSettings, day: str) -> None:
    with ScriptedImap(Account(mail())) as server:
        make_settings(server.port, "jo@example.com")
        assert run("fetch", "--since", day).returncode == 0


@pytest.mark.parametrize("place", ["/dev/full", "/dev/zero", "pipe", "large"])
def test_only_regular_files_of_a_size_are_explained(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(50_000_000_000)
    began = time.monotonic()
    done = run("explain", place, "--no-model", "--json", preexec_fn=limits)
    assert time.monotonic() - began < 20
    assert "the file was not read" in done.stdout


SETTINGS: dict[str, tuple[str, str]] = {
    "an anchor that names itself": ("vault: &a [*a]\n", "stands inside of itself"),
    "nesting": ("vault: " + "[" * 3000, "nested more than 50 deep"),
    "a bomb": ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)), "stands for more than"),
    "NUL": ("vault: x\0y\n", "NUL"),
    "a list at the top": ("- vault: x\n", "no settings by name"),
    "text at the top": ("vault\n", "no settings by name"),
    "nothing": ("", "it is empty"),
    "a path with NUL": ('vault: "a\\0b"\n', "NUL"),
    "a tag that lies": ("vault: !!timestamp abc\n", "write it without the tag"),
    "not UTF-8": ("vault: caf\udce9\n", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("what", SETTINGS)
def test_settings_that_blow_up(tmp_path: Path, what: str) -> None:
    text, says = SETTINGS[what]
    (tmp_path / "accounts.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    began = time.monotonic()
    done = run("status", preexec_fn=limits)
    assert (done.returncode, says in done.stderr) == (78, True), done.stderr
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vault": ""}, "write the folder of your notes"),
        ({"vault": "  "}, "write the folder of your notes"),
        ({"email_folder": ".obsidian"}, "a folder that Obsidian shows"),
        ({"email_folder": "Mail/.trash/x"}, "a folder that Obsidian shows"),
        ({"email_folder": "../out"}, "a folder inside the vault"),
        ({"people_folder": "a\0b"}, "a folder inside the vault"),
        ({"people_folder": "node_modules"}, "a folder that Obsidian shows"),
    ],
)
def test_folders_that_are_none(make_settings: MakeSettings, change: dict[str, str], says: str) -> None:
    from mailbot.errors import ConfigError

    with pytest.raises(ConfigError, match=says):
        make_settings(1, "jo@example.com", **change)


def test_a_log_that_cannot_be_written_is_said_once_and_ends_nothing(
    make_settings: MakeSettings, vault: Path
) -> None:
    with ScriptedImap(Account(mail(message_id="<1@x>"), mail(message_id="<2@x>"))) as server:
        make_settings(server.port, "jo@example.com")
        state_folder().mkdir(parents=True, exist_ok=True)
        (state_folder() / "mailbot.log").symlink_to("/dev/full")
        done = run("fetch")
    assert (done.returncode, done.stderr.count("cannot be written")) == (0, 1)


def test_the_log_takes_any_name_and_no_words_of_an_exception(tmp_path: Path) -> None:
    log_to(tmp_path)
    log = logging.getLogger("mailbot")
    log.info("a name: %s", "x\udce9\x1b[31m\ny")
    try:
        raise ValueError("Dear Jo, the merger closes on Friday")
    except ValueError:
        log.exception("it failed")
    text = (tmp_path / "mailbot.log").read_text(encoding="utf-8")
    assert "a name: x\\udce9\\x1b[31m y" in text
    assert "ValueError at" in text
    assert "test_edges.py" in text
    assert "merger" not in text
    assert (tmp_path / "mailbot.log").stat().st_mode & 0o077 == 0


def test_a_note_whose_yaml_is_a_bomb_costs_itself(make_settings: MakeSettings, vault: Path) -> None:
    make_settings(1, "jo@example.com")
    bomb = SETTINGS["a bomb"][0].replace("i: &i", "role: &i")
    (vault / "Bomb.md").write_text(f"---\n{bomb}---\n# Bomb\n\nwith a word: erasure\n", encoding="utf-8")
    (vault / "Deep.md").write_text("---\nrole: " + "[" * 5000 + "\n---\nerasure\n", encoding="utf-8")
    done = run("search", "erasure", "--json", preexec_fn=limits)
    assert done.returncode == 0
    assert "Storage Evaluation" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("full", ["state", "vault"])
def test_a_full_disk_speaks_of_a_full_disk(
    make_settings: MakeSettings, vault: Path, tmp_path: Path, full: str
) -> None:
    """And what was kept before is kept: with room again the run goes on."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)], capture_output=True
    ).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        inbox = [mail("word " * 12_000, message_id=f"<{n}@x>", subject=f"Mail {n}") for n in range(20)]
        environment = dict(os.environ)
        with ScriptedImap(Account(*inbox)) as server:
            if full == "vault":
                make_settings(server.port, "jo@example.com", vault=str(place))
            else:
                make_settings(server.port, "jo@example.com")
                environment["MAILBOT_STATE"] = str(place)
            done = run("fetch", env=environment)
            assert done.returncode == 75, done.stderr
            assert "No space left" in done.stderr or "disk is full" in done.stderr
            where = place if full == "vault" else vault
            kept = {n: d for n, d in tree(where).items() if n.endswith(".md")}
            subprocess.run(["mount", "-o", "remount,size=100m", str(place)], check=True)
            assert run("fetch", env=environment).returncode == 0
            after = {
                n: d
                for n, d in tree(where).items()
                if n.endswith(".md") and "Drafts" not in n and "Projects" not in n
            }
            assert set(kept) - {n for n in kept if "Projects" in n} <= set(after)
            assert len(after) == 20
    finally:
        subprocess.run(["umount", str(place)], check=True)
