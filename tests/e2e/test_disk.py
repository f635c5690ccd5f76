"""The disk fails in every way that it can: full, read-only, forbidden, gone in the middle of a run, changed by others. Nothing is lost or
doubled, the message says what to do, and once the disk is well the next run completes the work."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mailbot.effect import Effect
from mailbot.vault import note as notes
from tests.conftest import ROOT, mail
from tests.e2e.test_broken_wire import properties, time_passes
from tests.e2e.test_killed import EVERY, World, each_once, smtp, three_mails, touched, world  # noqa: F401 - fixtures
from tests.servers.mortal import FILES, Fate

pytestmark = pytest.mark.dovecot


def well(world: World) -> None:  # noqa: F811
    """The disk is well again: the next runs complete the work, and a further one changes nothing."""
    for _ in range(2):
        with suppress(FileNotFoundError):
            time_passes(world.desk.settings)
        world.must("fetch")
    each_once(world)
    before = world.desk.everything()
    world.must("fetch")
    assert world.desk.everything() == before


def program(world: World, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:  # noqa: F811
    return subprocess.run(
        [*prefix, sys.executable, "-m", "mailbot", *arguments], capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MAILBOT_CONFIG": str(world.path)},
    )  # fmt: skip


@contextmanager
def small_disk(at: Path, octets: int) -> Iterator[None]:
    """A disk of so many octets, with what lay in the folder."""
    kept = at.with_name(f"{at.name}-kept")
    if at.exists():
        shutil.copytree(at, kept)
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={octets}", "tmpfs", str(at)], check=True)
    try:
        if kept.exists():
            shutil.copytree(kept, at, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def mount_again(at: Path, *options: str) -> None:
    subprocess.run(["mount", "-o", ",".join(("remount", *options)), str(at)], check=True)


def _may_mount() -> bool:
    if os.geteuid() or not shutil.which("mount"):
        return False
    folder = Path("/tmp/mailbot-mount-test")
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not done.returncode:
        subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()
    return not done.returncode


mounting = pytest.mark.skipif(not _may_mount(), reason="only root may mount a small disk; CI does")


def with_files(world: World) -> None:  # noqa: F811
    """Three mails, of which each has a file of 300 kB."""
    for n in range(3):
        head, _, text = mail(
            f"Which disk has number {n}?", to=world.user, message_id=f"<{n}@acme.example>"
        ).partition(b"\r\n\r\n")
        head = head.replace(
            b"Content-Type: text/plain; charset=utf-8",
            b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"',
        )
        file = os.urandom(150_000).hex().encode()
        parts = (
            b"--x\r\nContent-Type: text/plain\r\n\r\n"
            + text
            + b'\r\n--x\r\nContent-Type: text/csv; name="a.csv"\r\nContent-Disposition: attachment; filename="a.csv"\r\n\r\n'
            + file
            + b"\r\n--x--\r\n"
        )
        world.dovecot.deliver(world.user, head + b"\r\n\r\n" + parts)


@mounting
@pytest.mark.parametrize("free", [20_000, 400_000, 700_000])
def test_a_vault_on_a_full_disk(world: World, free: int) -> None:  # noqa: F811
    with_files(world)
    with small_disk(world.vault, free):
        done = program(world, "fetch")
        assert done.returncode in (1, 75), done
        assert "No space left" in done.stderr and str(world.vault) in done.stderr, done.stderr
        mount_again(world.vault, "size=20m")
        well(world)
        assert len([p for p in world.vault.rglob("a.csv") if p.stat().st_size == 300_000]) == 3


@mounting
@pytest.mark.parametrize("free", [4_000, 100_000, 160_000, 300_000])
def test_a_state_on_a_full_disk(world: World, free: int) -> None:  # noqa: F811
    with_files(world)
    state = Path(os.environ["MAILBOT_STATE"])
    with small_disk(state, free):
        done = program(world, "fetch")
        assert done.returncode in (1, 65, 75), done
        assert "No space left" in done.stderr or "disk is full" in done.stderr or "Errno 28" in done.stderr, (
            done.stderr
        )
        mount_again(state, "size=50m")
        well(world)


@mounting
@pytest.mark.parametrize("what", ["vault", "state"])
def test_a_disk_that_is_read_only(world: World, what: str) -> None:  # noqa: F811
    three_mails(world)
    folder = world.vault if what == "vault" else Path(os.environ["MAILBOT_STATE"])
    with small_disk(folder, 50_000_000):
        mount_again(folder, "ro")
        done = program(world, "fetch")
        assert done.returncode == 75 and str(folder) in done.stderr, done
        assert world.desk.drafts() == {}
        mount_again(folder, "rw")
        well(world)


@pytest.mark.parametrize("what", ["the vault", "its folder for mail", "the state"])
def test_a_folder_that_may_not_be_written_to(world: World, what: str) -> None:  # noqa: F811
    """Run without root's right to write everywhere."""
    three_mails(world)
    state = Path(os.environ["MAILBOT_STATE"])
    folder = {"the vault": world.vault, "its folder for mail": world.vault / "Email", "the state": state}[
        what
    ]
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner") if not os.geteuid() else ()
    try:
        done = program(world, "fetch", prefix=prefix)
    finally:
        folder.chmod(0o700)
    if what == "the state" and done.returncode == 0:  # it is the user's own, and was opened again
        each_once(world)
        return
    assert done.returncode in (1, 75) and "Permission denied" in done.stderr and folder.name in done.stderr, (
        done
    )
    well(world)


def sampled(moments: tuple[tuple[Effect, bool], ...]) -> list[int]:
    numbers = [n for n, (act, done) in enumerate(moments, 1) if act in FILES and not done]
    return numbers if EVERY else numbers[::30]


@pytest.mark.parametrize(
    "error", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO], ids=errno.errorcode.get
)
def test_the_disk_says_no_from_a_moment_on(world: World, error: int) -> None:  # noqa: F811
    """Before each act on a file, all over a run."""
    three_mails(world)
    world.keep()
    whole = world.must("fetch")
    for at in sampled(whole.moments):
        world.back()
        done = world.run("fetch", at=at, fate=Fate(errno=error))
        told = (errno.errorcode[error], at, whole.moments[at - 1], done)
        assert done.code in (0, 1, 65, 75), told  # 0: what could not be written was not needed
        assert "Traceback" not in done.printed, told
        assert not done.code or os.strerror(error) in done.printed or "cannot be written" in done.printed, (
            told
        )
        try:
            well(world)
        except AssertionError as wrong:
            raise AssertionError(f"{told}: {wrong}") from wrong


@pytest.mark.parametrize("empty", [False, True], ids=["moved", "unmounted"])
@pytest.mark.parametrize("command", ["fetch", "sync"])
def test_a_vault_that_goes_away_in_the_middle(world: World, command: str, empty: bool) -> None:  # noqa: F811
    """Nothing is made where it was, no draft is withdrawn for a note that only seems to be deleted, and the next run goes on."""
    if command == "sync":
        touched(world)
    else:  # the very first run could not know that the folder is another one
        world.mail(0)
        world.must("fetch")
        for n in (1, 2):
            world.mail(n)
    world.keep()
    whole = world.must(command)
    away = world.vault.with_name("vault-away")
    for at in range(1, len(whole.moments) + 1, 1 if EVERY else 61):
        world.back()
        shutil.rmtree(away, ignore_errors=True)
        before = len(world.desk.drafts())
        done = world.run(command, at=at, fate=Fate(vault=str(world.vault), empty=empty))
        told = (command, at, whole.moments[at - 1], done)
        assert done.code in (0, 75), told
        said = ("is not there any more", "is not a folder", "No such file or directory")
        assert not done.code or any(each in done.printed for each in said), told
        assert world.vault.exists() == empty, told
        assert [p for p in world.vault.rglob("*") if p.name != ".mailbot"] == [], told
        again = world.run(command)
        assert again.code == 78 and ("mounted" in again.printed), (told, again)
        assert len(world.desk.drafts()) >= before - 1, told
        if empty:
            shutil.rmtree(world.vault)
        away.rename(world.vault)
        for _ in range(2):
            with suppress(FileNotFoundError):
                time_passes(world.desk.settings)
            world.must(command)
        if command == "fetch":
            each_once(world)
        else:
            found = sorted(str(p["status"]) for _, p in properties(world.vault, "email-draft"))
            assert found == ["discarded", "draft", "edited", "edited"], (told, found)
        before_all = world.desk.everything()
        world.must(command)
        assert world.desk.everything() == before_all, told


# --- other programs ------------------------------------------------------------------------------------------------


def test_a_program_that_changes_and_deletes_notes_all_the_while(world: World) -> None:  # noqa: F811
    """git, Syncthing or Obsidian Sync at work: what it writes is kept, what it deletes stays deleted, and no mail is kept twice."""
    three_mails(world)
    world.must("fetch")
    stop, written = threading.Event(), set()

    def meddle() -> None:
        n = 0
        while not stop.is_set():
            for path in sorted(world.vault.rglob("*.md")):
                n += 1
                with suppress(OSError):
                    text = path.read_text(encoding="utf-8")
                    if "People" in str(path) or not text:
                        continue
                    fresh = path.with_name(f".sync-{n}")
                    fresh.write_text(f"{text.rstrip()}\n\nline {n}\n", encoding="utf-8")
                    if (
                        path.read_text(encoding="utf-8") == text
                    ):  # as a sync program does: compare, then rename
                        fresh.rename(path)
                        written.add((path, f"line {n}"))
                    else:
                        fresh.unlink()
            time.sleep(0.005)

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        for n in range(3, 6):
            world.mail(n)
            world.run("sync")
    finally:
        stop.set()
        thread.join()
    for _ in range(3):
        time_passes(world.desk.settings)
        world.must("sync")
    kept = sorted(found["message_id"].strip("<>") for _, found in properties(world.vault, "email"))
    assert kept == [f"{n}@acme.example" for n in range(6)]
    assert len(world.desk.drafts()) == 6
    before = world.desk.everything()
    world.must("sync")
    assert world.desk.everything() == before
    assert written


def test_conflict_copies_make_nothing_twice(world: World) -> None:  # noqa: F811
    three_mails(world)
    world.must("fetch")
    for path in list(world.vault.rglob("*.md")):
        if "Email" in str(path):
            name = path.name.removesuffix(".md") + ".sync-conflict-20261126-101010-ABCDEFG.md"
            path.with_name(name).write_text(
                path.read_text(encoding="utf-8").replace("8+3", "8+4"), encoding="utf-8"
            )
    drafts = world.desk.drafts()
    for _ in range(2):
        done = world.must("sync")
    assert world.desk.drafts() == drafts, done
    told = world.run("verify")
    assert told.code == 1 and "kept twice" in told.printed and "one mail has several notes" in told.printed, (
        told
    )
    (world.desk.settings.vault / "x").exists()
    shutil.rmtree(os.environ["MAILBOT_STATE"])  # and with the journal lost
    for _ in range(2):
        world.must("fetch")
    assert world.desk.drafts() == drafts


def test_a_clock_that_jumps_back_and_forth(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """A machine without a battery starts in 1970 or 2036: what was put off is not put off for years, nothing is made twice."""
    three_mails(world)
    for shift in ("-86400", "0", "-400000000", "86400000", "0"):
        done = program(
            world, "sync", prefix=("env", f"MAILBOT_TEST_SHIFT={shift}", sys.executable, "-c", SHIFTED)
        )
        assert done.returncode in (0, 1, 75), done
    for _ in range(2):
        time_passes(world.desk.settings)
        world.must("sync")
    each_once(world)


SHIFTED = """
import os, sys, time, datetime
shift = float(os.environ["MAILBOT_TEST_SHIFT"])
real = time.time
time.time = lambda: real() + shift
class Moved(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(real() + shift, tz)
    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(real() + shift, datetime.timezone.utc).replace(tzinfo=None)
datetime.datetime = Moved
sys.argv = ["mailbot", *sys.argv[4:]]
from mailbot.__main__ import main
main()
"""


def test_two_machines_on_one_vault_and_one_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The second one has a journal of its own, and recognises what the first has done, by the notes and by Drafts; and says so."""
    first, second = os.environ["MAILBOT_STATE"], str(world.folder / "second")
    three_mails(world)
    world.must("fetch")
    before, drafts = {p: p.read_bytes() for p in world.vault.rglob("*") if p.is_file()}, world.desk.drafts()
    monkeypatch.setenv("MAILBOT_STATE", second)
    (account,) = json.loads(world.must("sync", "--json").printed)["accounts"]
    assert (account["adopted"], account["failed"]) == (3, []), account
    assert {p: p.read_bytes() for p in world.vault.rglob("*") if p.is_file()} == before
    for n, state in enumerate((second, first, second), 3):
        monkeypatch.setenv("MAILBOT_STATE", state)
        world.mail(n)
        world.must("sync")
    for state in (first, second):
        monkeypatch.setenv("MAILBOT_STATE", state)
        world.must("sync")
    each_once(world, 6, 6)
    assert set(drafts.values()) <= set(world.desk.drafts().values())


def test_two_machines_at_the_same_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """One vault, one account, two journals, at once: the second draft of a mail is not stored, and its note says why."""
    states = [os.environ["MAILBOT_STATE"], str(world.folder / "second")]
    for n in range(4):
        world.mail(n)
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "mailbot", "fetch"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MAILBOT_CONFIG": str(world.path), "MAILBOT_STATE": state},
        )
        for state in states
    ]  # fmt: skip
    said = [run.communicate(timeout=100)[0] for run in runs]
    for state in states * 2:
        monkeypatch.setenv("MAILBOT_STATE", state)
        world.must("sync")
    kept = sorted(found["message_id"].strip("<>") for _, found in properties(world.vault, "email"))
    assert kept == [f"{n}@acme.example" for n in range(4)], said
    answers = sorted(
        raw.partition(b"In-Reply-To: ")[2].split(b"\r\n")[0] for raw in world.desk.drafts().values()
    )
    assert answers == sorted(f"<{n}@acme.example>".encode() for n in range(4)), (answers, said)
    for path, found in properties(world.vault, "email-draft"):
        assert found["status"] in ("draft", "superseded"), (path, notes.read(path.read_text()).properties)
