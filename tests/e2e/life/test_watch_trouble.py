"""`mailbot watch` in trouble: servers that refuse IDLE or ask for patience, a vault that goes away, mailboxes that are not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeSettings
from tests.e2e.life.desk import Desk
from tests.e2e.life.test_watch import ROOT, notes_of, started, until
from tests.servers.scripted_imap import ScriptedImap, Session

__all__ = ["started"]
pytestmark = pytest.mark.dovecot
IDLE = "IMAP4rev1 IDLE UIDPLUS SPECIAL-USE"
Start = Callable[..., "subprocess.Popen[str]"]


def logins_in(
    seconds: float, start: Start, make_settings: MakeSettings, answer: Callable[[Session, str], None]
) -> int:
    """How often a watch of a server whose IDLE is answered so logs in."""
    tags: dict[int, str] = {}

    def script(session: Session, tag: str, command: str, literal: bytes) -> bool | None:
        if command.upper() == "IDLE":
            tags[id(session)] = tag
            answer(session, tag)
            return True
        return session.ok(tags[id(session)]) if tag == "DONE" else None

    with ScriptedImap(script, capabilities=IDLE) as server:
        make_settings(server.port, "jo@example.com")
        watch = start()
        until(lambda: any(c.upper() == "IDLE" for c in server.commands))
        time.sleep(seconds)
        watch.terminate()
        watch.wait(10)
        return sum(c.upper().startswith(("LOGIN", "AUTHENTICATE")) for c in server.commands)


@pytest.mark.parametrize("how", ["no", "bad", "bye", "eof"])
def test_a_server_that_refuses_idle_is_not_hammered(
    started: Start, make_settings: MakeSettings, how: str
) -> None:
    """With waits of 1, 5 and 15 seconds there are two or three tries in that time, of two logins each."""

    def answer(session: Session, tag: str) -> None:
        if how == "no":
            session.no(tag, "IDLE is switched off here")
        elif how == "bad":
            session.send(f"{tag} BAD unknown command\r\n")
        else:
            session.send("* BYE no idling here\r\n" if how == "bye" else "")
            session.drop()

    assert logins_in(6, started, make_settings, answer) <= 6


def test_a_number_that_is_known_is_no_news(started: Start, make_settings: MakeSettings) -> None:
    """RFC 3501 7.3.1: EXISTS may be sent at any time."""
    made = logins_in(
        5, started, make_settings, lambda session, tag: session.send("+ idling\r\n* 0 EXISTS\r\n")
    )
    assert made <= 3


def test_a_server_that_asks_for_patience_gets_it(started: Start, make_settings: MakeSettings) -> None:
    def script(session: Session, tag: str, command: str, literal: bytes) -> bool | None:
        if command.upper().startswith("LOGIN"):
            return session.no(tag, "[UNAVAILABLE] Throttled. Suggested Backoff Time: 300000 milliseconds")
        return None

    with ScriptedImap(script, capabilities=IDLE) as server:
        make_settings(server.port, "jo@example.com")
        watch = started()

        def tries() -> int:
            return sum(c.upper().startswith("LOGIN") for c in server.commands)

        until(lambda: tries() == 1)
        time.sleep(5)
        watch.terminate()
        watch.wait(10)
        assert tries() == 1


def test_a_vault_that_comes_back_is_taken_up(desk: Desk, started: Start) -> None:
    watch = started()
    desk.mail()
    until(lambda: notes_of(desk) == 1)
    away = desk.vault.with_name("away")
    desk.vault.rename(away)
    desk.mail("Which one?", message_id="<n2@acme.example>", subject="N2")
    time.sleep(3)
    away.rename(desk.vault)
    until(lambda: notes_of(desk) == 2, 40)
    watch.terminate()
    watch.wait(10)


def test_mailboxes_that_are_gone_are_said_once_and_stop_nothing(
    desk: Desk, started: Start, make_settings: MakeSettings
) -> None:
    make_settings(desk.dovecot.port, desk.user, account={"mailboxes": ["Gone", "INBOX"]})
    watch = started()
    for number in range(3):
        desk.mail(message_id=f"<g{number}@acme.example>", subject=f"G{number}")
        until(lambda n=number: notes_of(desk) == n + 1)  # type: ignore[misc]
    watch.terminate()
    said = watch.communicate(timeout=10)[1]
    assert said.count("fix `mailboxes`") == 1


def test_a_drafts_folder_that_was_replaced_is_watched(desk: Desk, started: Start) -> None:
    note = desk.drafted()
    watch = started()
    time.sleep(3)
    folder = desk.vault / "Email" / "Drafts"
    shutil.copytree(folder, desk.vault / "new")
    folder.rename(desk.vault / "old")
    (desk.vault / "new").rename(folder)
    time.sleep(2)
    desk.edit(note, "Best regards", "It was 8+3.\n\nBest regards")
    until(lambda: any(b"It was 8+3." in raw for raw in desk.drafts().values()))
    watch.terminate()
    watch.wait(10)


def test_where_the_system_has_no_more_watches_to_give_the_files_are_looked_at(
    desk: Desk, tmp_path: Path
) -> None:
    """In a user namespace whose limit of inotify watches is 0: the real thing."""
    note = desk.drafted()
    if subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    command = (
        f"echo 0 > /proc/sys/user/max_inotify_watches; exec {sys.executable} -m mailbot"
        f" --config {tmp_path}/accounts.yaml watch"
    )
    watch = subprocess.Popen(
        ["unshare", "-Ur", "sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(4)
        desk.edit(note, "Best regards", "It was 8+3.\n\nBest regards")
        until(lambda: any(b"It was 8+3." in raw for raw in desk.drafts().values()))
    finally:
        watch.terminate()
        said = watch.communicate(timeout=10)[1]
    assert said == ""
