"""A mail that cannot become a note: it is listed, shown as it came, given up and taken up again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailbot.settings import Settings
from mailbot.sync.commands import quarantine
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from tests.conftest import ROOT, MakeSettings, mail
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot


def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "mailbot", "--config", "accounts.yaml", *arguments], capture_output=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.fixture
def settings(dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path) -> Settings:
    """A vault where a file stands in the place of the folder for this year's mail."""
    (vault / "Email").mkdir()
    (vault / "Email" / "2026").write_text("in the way")
    dovecot.deliver(user, mail("Hi Jo,\n\n\x1b[31mgrüße\n", to=user))
    made = make_settings(dovecot.port, user)
    (report,) = fetch_all(made, Options())
    assert len(report.failed) == 1 and not report.notes
    return made


def attempts(settings: Settings) -> int:
    with opened_journal(State(settings.vault).journal) as journal:
        return sum(f.attempts for f in journal.failures.all("work"))


def test_a_mail_is_listed_and_shown_as_it_came_without_a_mark(
    settings: Settings, dovecot: Dovecot, user: str
) -> None:
    (held,) = json.loads(run("quarantine", "list", "--json").stdout)["mails"]
    assert held["name"] == "work:INBOX:1" and held["attempts"] == 1 and "Email/2026" in held["error"]
    assert b"work:INBOX:1\t1\t" in run("quarantine", "list").stdout
    shown = run("quarantine", "show", "work:INBOX:1")
    assert (shown.returncode, shown.stdout) == (0, dovecot.messages(user, "INBOX")[1])
    assert dovecot.flags(user) == {1: ()}
    wrong = run("quarantine", "show", "work:INBOX:9")
    assert wrong.returncode == 65 and b"there are: work:INBOX:1" in wrong.stderr


def test_a_mail_that_is_given_up_is_tried_no_more_until_the_user_wants_it(
    settings: Settings, vault: Path
) -> None:
    assert run("quarantine", "give-up", "work:INBOX:1").stdout == b"given up: work:INBOX:1\n"
    (report,) = fetch_all(settings, Options())
    assert (report.failed, report.notes, attempts(settings)) == ([], [], 1)
    assert b"given up" in run("quarantine", "list").stdout and b"given up" in run("status").stdout
    (vault / "Email" / "2026").unlink()
    (report,) = fetch_all(settings, Options())
    assert not report.notes
    assert run("quarantine", "retry").stdout == b"the next run tries again: work:INBOX:1\n"
    (report,) = fetch_all(settings, Options())
    assert len(report.notes) == 1 and json.loads(run("quarantine", "list", "--json").stdout) == {"mails": []}
    assert run("quarantine", "retry").stdout == b"nothing is in quarantine, so there is nothing to retry\n"


def test_a_mail_that_is_gone_says_so(settings: Settings, dovecot: Dovecot, user: str) -> None:
    with dovecot.client(user) as client:
        client.select_folder("INBOX")
        client.delete_messages([1])
        client.expunge()
    done = run("quarantine", "show", "work:INBOX:1")
    assert done.returncode == 65 and b"not in INBOX any more" in done.stderr


@pytest.mark.parametrize("given_up", [True, False])
def test_a_mail_that_a_run_keeps_meanwhile_is_not_put_back(
    settings: Settings, vault: Path, given_up: bool
) -> None:
    wanted = quarantine.held(settings)
    run("quarantine", "retry")
    (vault / "Email" / "2026").unlink()
    (report,) = fetch_all(settings, Options())
    assert len(wanted) == len(report.notes) == 1
    quarantine._change(settings, wanted, given_up=given_up)
    assert quarantine.held(settings) == []
