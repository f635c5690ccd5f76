"""An access token whenever one is needed, refreshed by one process at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.errors import AuthenticationFailed, ConfigError, LoginNeeded, ServerUnavailable, TryAgain
from mailbot.oauth.access import Access
from mailbot.oauth.endpoints import endpoints
from mailbot.oauth.tokens import FileStore, Tokens, TokenStore, name_of
from mailbot.settings import OAuth
from mailbot.sync.session.login import access_of
from tests.conftest import ROOT, MakeSettings
from tests.servers.authorization import AuthorizationServer, Token
from tests.servers.scripted_imap import ScriptedImap

USER = "jo@example.com"


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with AuthorizationServer() as made:
        yield made


def access(server: AuthorizationServer, folder: Path, store: TokenStore | None = None) -> Access:
    kept = store or FileStore(folder / "tokens.json", "account work")
    return Access("work", endpoints(OAuth(**server.settings)), kept, folder / "tokens.lock")


def keep(server: AuthorizationServer, folder: Path, lasts: int = 3600) -> Token:
    """Tokens as a login leaves them."""
    token = server.issue(USER, max(lasts, 0))
    access(server, folder).store.write(Tokens(token.access, token.refresh, time.time() + lasts))
    return token


def refreshes(server: AuthorizationServer) -> int:
    return server.requests.count("POST /token refresh_token")


def test_a_good_token_is_used_as_it_is(server: AuthorizationServer, tmp_path: Path) -> None:
    token = keep(server, tmp_path)
    assert access(server, tmp_path).token() == token.access and not refreshes(server)
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("lasts", [-5, 10, 299])
def test_it_is_refreshed_five_minutes_early_and_the_new_refresh_token_kept(
    server: AuthorizationServer, tmp_path: Path, lasts: int
) -> None:
    token = keep(server, tmp_path, lasts)
    made = access(server, tmp_path)
    assert made.token() != token.access
    kept = made.store.read()
    assert kept and kept.refresh != token.refresh and server.owner(kept.access) == USER
    assert made.token() == kept.access and refreshes(server) == 1


def test_a_server_that_does_not_rotate_keeps_its_refresh_token(tmp_path: Path) -> None:
    with AuthorizationServer(rotates=False) as server:
        token = keep(server, tmp_path, 0)
        access(server, tmp_path).token()
        kept = access(server, tmp_path).store.read()
        assert kept and kept.refresh == token.refresh


def test_one_that_the_mail_server_refused_is_refreshed_once_for_all(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    token = keep(server, tmp_path)
    other = access(server, tmp_path).after(token.access)
    assert other != token.access
    assert access(server, tmp_path).after(token.access) == other and refreshes(server) == 1


def test_nobody_has_logged_in(server: AuthorizationServer, tmp_path: Path) -> None:
    with pytest.raises(LoginNeeded, match="mailbot auth login work"):
        access(server, tmp_path).token()


def test_a_dead_login_is_marked_not_wiped_and_told_once(server: AuthorizationServer, tmp_path: Path) -> None:
    token = keep(server, tmp_path, 0)
    server.revoke_all(USER)
    told = []
    for _ in range(3):
        with pytest.raises(
            LoginNeeded, match="its login has ended.*invalid_grant.*mailbot auth login work"
        ) as error:
            access(server, tmp_path).token()
        told.append(error.value.told)
    assert told == [False, True, True] and refreshes(server) == 1
    kept = access(server, tmp_path).store.read()
    assert kept and kept.refresh == token.refresh


def test_a_server_that_fails_costs_a_token_that_is_still_good_nothing(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    token = keep(server, tmp_path, 200)
    server.fails = lambda path: (503, "")
    assert access(server, tmp_path).token() == token.access
    keep(server, tmp_path, -5)
    with pytest.raises(ServerUnavailable):
        access(server, tmp_path).token()
    server.fails = lambda path: None
    assert server.owner(access(server, tmp_path).token()) == USER


def test_a_refusal_that_says_nothing_of_the_login_ends_none(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    keep(server, tmp_path, 0)
    server.fails = lambda path: (400, '{"error":"temporarily_unavailable"}')
    with pytest.raises(ServerUnavailable):
        access(server, tmp_path).token()
    server.fails = lambda path: None
    assert access(server, tmp_path).token()


def test_who_was_faster_without_the_lock_is_believed(server: AuthorizationServer, tmp_path: Path) -> None:
    """Another machine that shares the folder: it has used the refresh token between our look and our request."""
    keep(server, tmp_path, 0)
    made = access(server, tmp_path)

    class Late(FileStore):
        looks = 0

        def read(self) -> Tokens | None:
            Late.looks += 1
            found = FileStore.read(self)
            if Late.looks == 2:  # after we have the lock
                other = server.issue(USER)
                FileStore.write(self, Tokens(other.access, other.refresh, time.time() + 3600))
                server.fails = lambda path: (400, '{"error":"invalid_grant"}')
            return found

    late = access(server, tmp_path, Late(tmp_path / "tokens.json", "account work"))
    assert server.owner(late.token()) == USER
    kept = made.store.read()
    assert kept and not kept.dead


def test_tokens_that_others_can_read_or_nobody_can(server: AuthorizationServer, tmp_path: Path) -> None:
    keep(server, tmp_path)
    (tmp_path / "tokens.json").chmod(0o644)
    with pytest.raises(AuthenticationFailed, match="chmod 600"):
        access(server, tmp_path).token()
    (tmp_path / "tokens.json").chmod(0o600)
    for text in ("", "{}", "[]", '{"access": 1, "expires": "soon"}'):
        (tmp_path / "tokens.json").write_text(text)
        with pytest.raises(AuthenticationFailed, match="log in anew"):
            access(server, tmp_path).token()


def test_another_client_address_or_server_has_other_tokens() -> None:
    names = {
        name_of("work", a, c, u)
        for a in ("a@x.example", "b@x.example")
        for c in ("1", "2")
        for u in ("https://x/t", "https://y/t")
    }
    assert len(names) == 8
    assert name_of("work", "A@x.example", "1", "u") == name_of("work", "a@x.example", "1", "u")


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client"])
def test_a_client_that_is_wrong_ends_no_login(server: AuthorizationServer, tmp_path: Path, code: str) -> None:
    keep(server, tmp_path, 0)
    server.fails = lambda path: (401, json.dumps({"error": code}))
    with pytest.raises(ConfigError, match="oauth.client_secret"):
        access(server, tmp_path).token()
    server.fails = lambda path: None
    assert server.owner(access(server, tmp_path).token()) == USER


def test_what_cannot_be_kept_is_not_asked_for(server: AuthorizationServer, tmp_path: Path) -> None:
    """A rotating server would end the old refresh token, and the new one would be lost."""
    keep(server, tmp_path, 0)

    class Full(FileStore):
        def check(self) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(TryAgain, match="cannot be written .No space left"):
        access(server, tmp_path, Full(tmp_path / "tokens.json", "account work")).token()
    assert not refreshes(server) and server.owner(access(server, tmp_path).token()) == USER


def test_a_token_that_lives_for_minutes_is_not_refreshed_at_once(tmp_path: Path) -> None:
    with AuthorizationServer(lasts=240) as server:
        token = keep(server, tmp_path, 0)
        first = access(server, tmp_path).token()
        assert first != token.access and access(server, tmp_path).token() == first and refreshes(server) == 1
        later = replace(access(server, tmp_path), clock=lambda: time.time() + 130)
        assert later.token() != first


def test_a_login_or_a_logout_waits_for_a_refresh_that_is_under_way(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    keep(server, tmp_path, 0)
    server.delay = 0.6
    for end in ("login", "logout"):
        refreshing = threading.Thread(target=lambda: access(server, tmp_path).after("x"))
        refreshing.start()
        time.sleep(0.2)
        if end == "login":
            new = server.issue(USER)
            access(server, tmp_path).keep(Tokens(new.access, new.refresh, time.time() + 3600, 3600))
        else:
            access(server, tmp_path).forget()
        refreshing.join()
        kept = access(server, tmp_path).store.read()
        assert kept is None if end == "logout" else kept and kept.access == new.access


def test_ctrl_c_in_the_middle_of_a_refresh_loses_no_token(
    server: AuthorizationServer, tmp_path: Path, make_settings: MakeSettings
) -> None:
    with ScriptedImap(capabilities="IMAP4rev1 AUTH=XOAUTH2") as imap:
        made = make_settings(imap.port, USER, account={"password": None, "oauth": server.settings})
        ours = access_of(made.accounts[0])
        token = server.issue(USER)
        ours.store.write(Tokens(token.access, token.refresh, time.time() - 5, 3600))
        server.delay = 0.8
        run = subprocess.Popen(
            [sys.executable, "-m", "mailbot", "--config", str(tmp_path / "accounts.yaml"), "fetch"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        end = time.monotonic() + 20
        while not refreshes(server) and time.monotonic() < end:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=20)
        assert run.returncode == 130 and refreshes(server) == 1, said
        kept = ours.store.read()
        assert kept and kept.refresh != token.refresh and server.owner(kept.access) == USER


def test_a_write_that_was_killed_leaves_no_token_behind_for_long(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    keep(server, tmp_path)
    (tmp_path / ".tokens.json.0123456789ab").write_text("a secret")
    (tmp_path / ".tokens.json.mine").write_text("another file")
    keep(server, tmp_path)
    assert sorted(p.name for p in tmp_path.glob(".*")) == [".tokens.json.mine"]


_REFRESH = """
import sys, json
sys.path.insert(0, {root!r})
from pathlib import Path
from mailbot.oauth.access import Access
from mailbot.oauth.endpoints import endpoints
from mailbot.oauth.tokens import FileStore
from mailbot.settings import OAuth
folder = Path({folder!r})
made = Access("work", endpoints(OAuth(**json.loads({settings!r}))), FileStore(folder / "tokens.json", "account work"), folder / "tokens.lock")
token = made.token()
for _ in range({times}):
    token = made.after(token)
    print(token, flush=True)
"""


def test_two_processes_refresh_one_rotating_token_a_hundred_times(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    """The server ends every token of a user when a refresh token is used twice, as RFC 9700 4.14 asks."""
    keep(server, tmp_path)
    code = _REFRESH.format(
        root=str(ROOT), folder=str(tmp_path), settings=json.dumps(server.settings), times=50
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert len(out.split()) == 50
    assert server.owner(access(server, tmp_path).token()) == USER
    assert 50 <= refreshes(server) <= 100 and len(server.spent) == refreshes(server)
