"""An account that logs in by OAuth, end to end: a real browser, an authorization server of another code base, and a Dovecot that
asks that server about each token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.settings import Settings
from mailbot.sync.session.login import access_of
from tests.conftest import ROOT, MakeSettings, mail, tree
from tests.servers.authorization import AuthorizationServer
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import SmtpServer
from tests.servers.terminal import on_a_terminal

pytestmark = pytest.mark.dovecot


@pytest.fixture(scope="module")
def authorization() -> Iterator[AuthorizationServer]:
    with AuthorizationServer() as made:
        yield made


@pytest.fixture(scope="module")
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def checking(authorization: AuthorizationServer, relay: SmtpServer) -> Iterator[Dovecot]:
    server = Dovecot(relay=relay.port, introspection=f"{authorization.url}/introspect").start()
    yield server
    server.stop()


@pytest.fixture
def settings(
    checking: Dovecot, authorization: AuthorizationServer, make_settings: MakeSettings, user: str
) -> Settings:
    authorization.fails = lambda path: None
    authorization.delay = 0
    authorization.requests.clear()
    smtp = {"host": "127.0.0.1", "port": checking.submission_port, "security": "none", "timeout": 5}
    return make_settings(
        checking.port, user, account={"password": None, "oauth": authorization.settings, "smtp": smtp}
    )


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailbot", *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def log_in(settings: Settings, authorization: AuthorizationServer) -> None:
    """As `mailbot auth login` leaves it."""
    from mailbot.oauth.tokens import Tokens

    (account,) = settings.accounts
    token = authorization.issue(account.address)
    access_of(account).store.write(Tokens(token.access, token.refresh, token.expires))


@pytest.mark.browser
def test_a_login_in_a_real_browser_then_a_fetch(
    settings: Settings, checking: Dovecot, authorization: AuthorizationServer, user: str, tmp_path: Path
) -> None:
    checking.deliver(user, mail(to=user))
    before = run("fetch")
    assert before.returncode == 77 and "run `mailbot auth login work`" in before.stderr
    ended_on = tmp_path / "ended-on"
    ended = on_a_terminal(
        "auth", "login", "work", BROWSER=f"{sys.executable} -m tests.servers.chromium %s",
        MAILBOT_TEST_ENDED_ON=str(ended_on),
    )  # fmt: skip
    assert ended.code == 0, ended.shown
    assert f"logged in as {user}" in ended.shown and "can close this window" in ended_on.read_text()
    after = run("fetch", "--json")
    report = json.loads(after.stdout)["accounts"][0]
    assert (after.returncode, len(report["notes"]), len(report["drafts"])) == (0, 1, 1), after.stderr
    status = json.loads(run("auth", "status", "--json").stdout)["accounts"][0]
    assert status["state"] == "good" and status["until"]


def test_a_login_by_a_pasted_address(
    settings: Settings, authorization: AuthorizationServer, user: str
) -> None:
    import re
    from urllib.parse import urlencode

    def paste(shown: str) -> str:
        url = re.search(r"http://\S+/authorize\S+", shown)
        assert url
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{redirect_url}", "-d", urlencode({"user": user, "answer": "yes"}), url[0]],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    ended = on_a_terminal("auth", "login", "work", "--no-browser", script=[("The address:", paste)])
    assert ended.code == 0, ended.shown
    assert f"logged in as {user}" in ended.shown


def test_somebody_else_in_the_browser_is_noticed_and_nothing_kept(
    settings: Settings, authorization: AuthorizationServer, user: str
) -> None:
    run_in = subprocess.Popen(
        [sys.executable, "-m", "mailbot", "auth", "login", "work", "--device"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    end = time.monotonic() + 20
    while not authorization.devices and time.monotonic() < end:
        time.sleep(0.05)
    (device,) = authorization.devices.values()
    authorization.granted[device.user_code] = ("somebody.else@example.com", True)
    out, err = run_in.communicate(timeout=60)
    authorization.devices.clear()
    assert device.user_code in out
    assert run_in.returncode == 77 and "logged in as somebody else" in err and "Nothing was kept" in err
    assert run("auth", "status").returncode == 77


def test_a_token_that_expires_is_refreshed_and_nobody_notices(
    settings: Settings, checking: Dovecot, authorization: AuthorizationServer, user: str
) -> None:
    log_in(settings, authorization)
    checking.deliver(user, mail(to=user))
    assert run("sync").returncode == 0
    authorization.expire()  # the mail server refuses it, though its time is not over
    checking.deliver(user, mail(to=user, message_id="<m2@acme.example>", subject="Another"))
    done = run("sync", "--json")
    report = json.loads(done.stdout)["accounts"][0]
    assert (done.returncode, len(report["notes"])) == (0, 1), done.stderr
    assert authorization.requests.count("POST /token refresh_token") == 1
    before = tree(settings.vault)
    assert run("sync").returncode == 0 and tree(settings.vault) == before


def test_a_dead_login_is_told_once_under_cron_and_the_other_account_goes_on(
    checking: Dovecot, dovecot: Dovecot, authorization: AuthorizationServer, make_settings: MakeSettings, user: str, tmp_path: Path
) -> None:  # fmt: skip
    other = {
        "name": "home", "address": f"x-{user}", "imap": {"host": "127.0.0.1", "port": dovecot.port, "security": "none"},
        "password": {"env": "MAIL_PASSWORD"},
    }  # fmt: skip
    made = make_settings(checking.port, user, account={"password": None, "oauth": authorization.settings})
    import yaml

    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**data, "accounts": [*data["accounts"], other]}))
    log_in(made, authorization)
    authorization.revoke_all(user)
    dovecot.deliver(f"x-{user}", mail(to=user))
    first, second = run("sync"), run("sync")
    assert "account work: its login has ended" in first.stderr and "mailbot auth login work" in first.stderr
    assert (second.stdout, second.stderr) == ("", "") and second.returncode == first.returncode == 1
    assert len(list((made.vault / "Email").rglob("*_Storage.md"))) == 1
    assert "its login has ended" in json.loads(run("sync", "--json").stdout)["accounts"][0]["error"]


def test_mail_is_sent_with_the_same_login(
    settings: Settings, checking: Dovecot, authorization: AuthorizationServer, relay: SmtpServer, user: str
) -> None:
    relay.mails.clear()
    log_in(settings, authorization)
    checking.deliver(user, mail(to=user))
    (draft,) = json.loads(run("fetch", "--json").stdout)["accounts"][0]["drafts"]
    path = settings.vault / draft
    text = path.read_text()
    begin, end = "%% mailbot: reply begins %%", "%% mailbot: reply ends %%"
    head, _, rest = text.partition(begin)
    path.write_text(f"{head}{begin}\n\nIt was 8+3.\n\n{end}{rest.partition(end)[2]}")
    assert run("sync").returncode == 0
    assert run("approve", draft).returncode == 0
    authorization.expire()
    done = run("send", draft, "--yes")
    assert done.returncode == 0, done.stderr
    assert len(relay.mails) == 1


def test_a_logout_takes_the_tokens_away_here_and_there(
    settings: Settings, authorization: AuthorizationServer, user: str
) -> None:
    log_in(settings, authorization)
    (account,) = settings.accounts
    kept = access_of(account).store.read()
    assert kept and authorization.owner(kept.access) == user
    done = run("auth", "logout", "work")
    assert (done.returncode, done.stdout) == (0, "work: logged out\n")
    assert authorization.owner(kept.access) == "" and access_of(account).store.read() is None
    assert "it was not logged in" in run("auth", "logout", "work").stdout


def test_no_poll_asks_for_a_login(settings: Settings) -> None:
    done = run("auth", "login", "work")
    assert done.returncode == 77 and "needs somebody at the terminal" in done.stderr
