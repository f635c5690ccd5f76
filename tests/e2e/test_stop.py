"""A run ends when the user says so, and no account keeps the others waiting."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mailbot.config import load
from mailbot.settings import Settings
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings, mail
from tests.e2e.test_bad_servers import Account
from tests.e2e.test_fetch import email_notes
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap, Session

pytestmark = pytest.mark.dovecot


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mailbot", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(found: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(run: subprocess.Popen[str], by: int) -> tuple[int, str, float]:
    """(exit code, what it said, seconds until it ended)."""
    began = time.monotonic()
    run.send_signal(by)
    said = "".join(run.communicate(timeout=20))
    return run.returncode, said, time.monotonic() - began


def with_accounts(tmp_path: Path, *more: dict[str, object]) -> Settings:
    """The settings of one account, with more accounts beside it."""
    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for number, changes in enumerate(more, 2):
        data["accounts"].append({**data["accounts"][0], "name": f"other{number}", **changes})
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("accounts", [1, 3])
def test_a_run_ends_within_two_seconds_while_a_model_is_silent(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path, by: int, code: int,
    accounts: int,
) -> None:  # fmt: skip
    dovecot.deliver(user, mail(to=user), mail("And which disks?", message_id="<2@acme.example>", to=user))
    with ModelServer(lambda _: None) as silent:
        make_settings(dovecot.port, user, llm=silent.url, model={"timeout": 60})
        with_accounts(tmp_path, *({"address": f"{n}{user}"} for n in range(accounts - 1)))
        run = started("fetch")
        until(lambda: silent.requests)
        found, said, seconds = ended(run, by)
    assert (found, "Traceback" in said) == (code, False)
    assert seconds < 2
    assert "mailbot: stopped; what was done so far is kept" in said
    with ModelServer() as model:
        settings = make_settings(dovecot.port, user, llm=model.url)
        (report,) = fetch_all(settings, Options())
    assert (report.error, report.failed, len(report.drafts)) == ("", [], 2)
    assert len(email_notes(vault)) == 2
    assert len(dovecot.messages(user, "Drafts")) == 2
    assert not (vault / ".mailbot").exists()


@pytest.mark.parametrize("command", ["LOGIN", "UID SEARCH", "UID FETCH", "APPEND", "LOGOUT"])
def test_a_run_ends_while_a_mail_server_is_silent(make_settings: MakeSettings, command: str) -> None:
    account = Account(mail(to="jo@example.com"))
    waiting: list[str] = []

    def trouble(session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if line.startswith(command):
            waiting.append(line)
            time.sleep(8)
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        make_settings(server.port, "jo@example.com", drafts={"newer_than": "36500d"})
        run = started("fetch")
        until(lambda: waiting)
        code, said, seconds = ended(run, signal.SIGINT)
    assert (code, "Traceback" in said, seconds < 2) == (130, False, True)


def test_a_server_that_hangs_keeps_no_other_account_waiting(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """The good account is done long before the silent one is given up, and the run ends at its limit."""
    dovecot.deliver(user, mail(to=user))
    done: list[float] = []

    def hang(_: Session, __: str, line: str, ___: bytes) -> None:
        if line.startswith("EXAMINE"):
            time.sleep(30)

    with ScriptedImap(hang) as hangs:
        make_settings(dovecot.port, user)
        silent = {"host": "127.0.0.1", "port": hangs.port, "security": "none", "timeout": 3}
        settings = with_accounts(tmp_path, {"imap": silent})
        began = time.monotonic()

        def progress(what: str, at: int, total: int) -> None:
            done.append(time.monotonic() - began)

        good, bad = fetch_all(settings, Options(), progress=progress)
    assert (good.error, len(good.notes), len(good.drafts)) == ("", 1, 1)
    assert "it did not answer in time" in bad.error or any("in time" in f for f in bad.failed)
    assert min(done) < 2
    assert time.monotonic() - began < 25


def test_an_account_has_its_time(make_settings: MakeSettings) -> None:
    """Whatever trickles, mail after mail: the next run goes on where this one stopped."""
    inbox = [mail(message_id=f"<{n}@x>", to="jo@example.com", headers="X-A: b\n") for n in range(300)]
    account = Account(*inbox)

    def trouble(session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if line.startswith("UID FETCH"):
            time.sleep(0.7)
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", account={"time_limit": "2s"})
        (report,) = fetch_all(settings, Options(no_drafts=True))
        assert (report.exit_code, "`time_limit` is over" in report.error) == (75, True)
        account.trouble = lambda *_: None
        settings = make_settings(server.port, "jo@example.com")
        (again,) = fetch_all(settings, Options(no_drafts=True))
    assert again.error == ""
    assert len(report.notes) + len(again.notes) == 300


@pytest.mark.parametrize("configured", [True, False], ids=["model", "outline"])
def test_a_mail_that_two_accounts_get_at_once_is_kept_for_each_and_drafted_once(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, tmp_path: Path, vault: Path,
    configured: bool,
) -> None:  # fmt: skip
    """What one account has finished with, the other still needs; and which of the two answers is no matter of luck."""
    other = f"b-{user}"
    for to in (user, other):
        dovecot.deliver(
            to,
            *(
                mail(to=f"{user}, {other}", message_id=f"<{n}@acme.example>", subject=f"Storage {n}")
                for n in range(6)
            ),
        )
    make_settings(dovecot.port, user, llm=model.url if configured else None)
    settings = with_accounts(tmp_path, {"address": other})
    reports = fetch_all(settings, Options())
    assert [(r.error, r.failed, len(r.notes)) for r in reports] == [("", [], 6), ("", [], 6)]
    fetch_all(settings, Options())
    drafts = [*dovecot.messages(user, "Drafts").values(), *dovecot.messages(other, "Drafts").values()]
    assert len(drafts) == 6
    assert len(email_notes(vault)) == 12
    assert not list((vault.parent / "state").rglob("*.eml"))


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("after", [0.15, 0.25, 0.4])
def test_a_run_that_is_ended_while_it_starts_says_so_too(
    make_settings: MakeSettings, by: int, code: int, after: float
) -> None:
    with ScriptedImap(hang_at_login) as server:
        make_settings(server.port, "jo@example.com")
        run = started("fetch")
        time.sleep(after)
        found, said, _ = ended(run, by)
    assert (
        "Traceback" not in said or "KeyboardInterrupt" in said
    )  # before our first line Python speaks for itself
    assert found in (code, -by)


def hang_at_login(_: Session, __: str, line: str, ___: bytes) -> None:
    if line.startswith("LOGIN"):
        time.sleep(8)
