"""`mailbot watch` as a process: new mail and edited notes within seconds, lost lines, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailbot.errors import ServerUnavailable
from mailbot.mail.server.idle import Listener
from mailbot.mail.server.login import Login
from mailbot.sync.commands.watch import SETTLE, TYPED, Saves
from mailbot.sync.session import sd_notify
from tests.e2e.life.desk import Desk
from tests.servers.scripted_imap import ScriptedImap, Session

pytestmark = pytest.mark.dovecot
ROOT = Path(__file__).parent.parent.parent.parent


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture
def started(desk: Desk, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mailbot", "--config", str(tmp_path / "accounts.yaml"), "watch"]
        running.append(
            subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
            )
        )
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def notes_of(desk: Desk) -> int:
    return len(list(desk.vault.glob("Email/2*/*/*.md")))


def test_mail_and_notes_are_acted_on_within_seconds_and_it_ends_at_once(
    desk: Desk, started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        watch = started(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        assert b"READY=1" in manager.recv(1000)
        desk.mail()
        until(lambda: notes_of(desk) == 1)
        until(lambda: len(desk.drafts()) == 1)
        (note,) = (desk.vault / "Email" / "Drafts").glob("*.md")
        time.sleep(1.5)
        desk.edit(str(note.relative_to(desk.vault)), "Best regards", "It was 8+3.\n\nBest regards")
        until(lambda: any(b"It was 8+3." in raw for raw in desk.drafts().values()))
        until(lambda: len(desk.drafts()) == 1)
        assert b"WATCHDOG=1" in manager.recv(1000)
        begun = time.monotonic()
        watch.send_signal(signal.SIGTERM)
        _, said = watch.communicate(timeout=10)
        assert time.monotonic() - begun < 2
        assert (watch.returncode, said) == (0, "")


def test_a_manager_that_does_not_read_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setattr(sd_notify, "WAIT", 0.01)
        notifier, begun = sd_notify.Notifier(), time.monotonic()
        for _ in range(100):
            notifier.ready("watching")
        assert time.monotonic() - begun < 30


def test_who_is_typing_is_not_interrupted(desk: Desk, started: Callable[..., subprocess.Popen[str]]) -> None:
    """Obsidian saves every two seconds while somebody types: the draft follows when the typing pauses, once."""
    note = desk.drafted()
    watch = started()
    before = max(desk.drafts())
    time.sleep(4)
    for number in range(8):
        desk.edit(note, "Best regards", f"word{number}\n\nBest regards")
        assert max(desk.drafts()) == before
        time.sleep(1)
    desk.mail(
        "Hello again", message_id="<other@acme.example>", subject="Other", sender="Bo <bo@acme.example>"
    )
    until(lambda: any(b"word7" in raw for raw in desk.drafts().values()))
    until(lambda: notes_of(desk) == 2)
    assert desk.text(note).count("You edited it in the note.") == 1
    watch.terminate()
    assert watch.communicate(timeout=10)[1] == ""


def test_notes_are_looked_at_when_the_typing_pauses_or_goes_on_for_long() -> None:
    saves = Saves()
    assert not saves.due(1000.0)
    for second in range(100):
        saves.add(float(second))
        assert saves.due(second + 0.5) == (second + 0.5 >= TYPED)
    saves = Saves()
    saves.add(5.0)
    assert not saves.due(5.0 + SETTLE - 0.1) and saves.due(5.0 + SETTLE)


def test_mail_that_comes_while_the_line_is_cut_is_found_when_it_is_back(
    desk: Desk, started: Callable[..., subprocess.Popen[str]]
) -> None:
    watch = started()
    desk.mail()
    until(lambda: notes_of(desk) == 1)
    for number in range(3):
        desk.dovecot.adm("kick", desk.user)
        desk.mail("Which one?", message_id=f"<n{number}@acme.example>", subject=f"N{number}")
        until(lambda n=number: notes_of(desk) == n + 2)  # type: ignore[misc]
    watch.send_signal(signal.SIGINT)
    assert watch.wait(10) == 0


def test_another_run_at_work_is_no_failure(
    desk: Desk, started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    from mailbot.sync.memory.lock import locked
    from mailbot.sync.session.state import State

    with locked(State(desk.settings.vault).folder, "work"):
        command = [sys.executable, "-m", "mailbot", "--config", str(tmp_path / "accounts.yaml"), "sync"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (75, "", "")
        watch = started()
        desk.mail()
        time.sleep(2)
        assert notes_of(desk) == 0
    until(lambda: notes_of(desk) == 1)
    watch.terminate()
    assert watch.communicate(timeout=10)[1] == ""


def listener(port: int) -> Listener:
    return Listener(Login("work", "127.0.0.1", port, "none", "jo@example.com", lambda: "secret", timeout=2))


def heard(answer: Callable[[Session, str], None], seconds: float = 1.0) -> bool:
    tags: list[str] = []

    def script(session: Session, tag: str, command: str, literal: bytes) -> bool | None:
        if command.upper() == "IDLE":
            tags.append(tag)
            answer(session, tag)
            return True
        if tag == "DONE":
            return session.ok(tags[-1])
        return None

    with ScriptedImap(script, capabilities="IMAP4rev1 IDLE") as server, listener(server.port) as waiting:
        waiting.examine("INBOX")
        return waiting.wait("INBOX", seconds, lambda: True)


def drip(session: Session, tag: str) -> None:
    session.send("+ idling\r\n")
    for piece in ("* 2", "3 EXI", "STS\r", "\n"):
        time.sleep(0.05)
        session.send(piece)


def test_a_line_that_is_split_over_packets_is_heard() -> None:
    assert heard(drip)


def test_news_in_one_packet_with_the_go_ahead_is_heard() -> None:
    assert heard(lambda session, tag: session.send("+ idling\r\n* 23 EXISTS\r\n"))


def test_news_before_the_go_ahead_is_heard() -> None:
    assert heard(lambda session, tag: session.send("* 23 EXISTS\r\n+ idling\r\n"))


def test_a_server_that_only_says_that_it_is_there_says_nothing_new() -> None:
    assert not heard(lambda session, tag: session.send("+ idling\r\n* OK still here\r\n"), 0.5)


@pytest.mark.parametrize("said", ["* 3 FETCH (FLAGS (\\Seen))", "* 3 EXPUNGE"])
def test_a_mail_that_is_read_or_removed_elsewhere_is_no_news(said: str) -> None:
    assert not heard(lambda session, tag: session.send(f"+ idling\r\n{said}\r\n"), 0.5)
    assert heard(lambda session, tag: session.send(f"+ idling\r\n{said}\r\n* 23 EXISTS\r\n"))


@pytest.mark.parametrize("last", ["* BYE timeout\r\n", "A9 OK done\r\n", "x" * 100 + "\r\n"])
def test_a_server_that_ends_idle_by_itself_is_a_dead_line(last: str) -> None:
    with pytest.raises(ServerUnavailable):
        heard(lambda session, tag: session.send(f"+ idling\r\n{last}"))


def test_an_end_of_the_stream_is_a_dead_line() -> None:
    def end(session: Session, tag: str) -> None:
        session.send("+ idling\r\n")
        session.drop()

    with pytest.raises(ServerUnavailable):
        heard(end)


def test_a_server_that_no_longer_answers_is_a_dead_line() -> None:
    def silent(session: Session, tag: str, command: str, literal: bytes) -> bool | None:
        if command.upper() == "IDLE":
            session.send("+ idling\r\n")
            return True
        return True if tag == "DONE" else None

    with ScriptedImap(silent, capabilities="IMAP4rev1 IDLE") as server, listener(server.port) as waiting:
        waiting.examine("INBOX")
        with pytest.raises(ServerUnavailable):
            waiting.wait("INBOX", 0.3, lambda: True)


def test_without_idle_the_time_passes() -> None:
    with ScriptedImap(capabilities="IMAP4rev1") as server, listener(server.port) as waiting:
        waiting.examine("INBOX")
        assert not waiting.wait("INBOX", 0.5, lambda: True)
