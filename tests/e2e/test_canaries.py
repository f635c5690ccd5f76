"""Secrets are nowhere but in their place: whole runs, failing ones and killed ones leave behind no trace of any, and no child process gets
one by its arguments or its environment."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

import pytest
import yaml

from mailbot.config import load
from mailbot.oauth.tokens import Tokens
from mailbot.sync.session.login import access_of
from tests.conftest import ROOT, mail
from tests.e2e.life.desk import Desk
from tests.servers import mortal
from tests.servers.authorization import AuthorizationServer
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot

PASSWORD = "canary-imap-7Q2x/w9Zk+tR"
KEY = "sk-canary-model-3Hn8Vq5Lm2Xw"
CLIENT = "canary-client-secret-9PzT4rYb"
MAIL_TEXT = "canary words of a mail that nobody may log: vermilion heron quarry"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Dovecot]:
    """A Dovecot with a password of its own."""
    with patch("tests.servers.dovecot.PASSWORD", PASSWORD):
        server = Dovecot().start()
        yield server
        server.stop()


class Children:
    """What the arguments and the environment of every process below this one hold, seen while they live."""

    def __init__(self) -> None:
        self.seen: dict[int, bytes] = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Children:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(5)

    def _watch(self) -> None:
        while not self.over.wait(0.002):
            for pid in self._below(os.getpid()):
                for name in ("cmdline", "environ"):
                    try:
                        found = Path(f"/proc/{pid}/{name}").read_bytes()
                    except OSError:
                        continue
                    if found not in self.seen.get(pid, b""):
                        self.seen[pid] = self.seen.get(pid, b"") + found

    def _below(self, pid: int) -> list[int]:
        found: list[int] = []
        try:
            tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - of a process that may end now
            lists = [Path(f"/proc/{pid}/task/{task}/children").read_text() for task in tasks]
        except OSError:
            return []
        for child in (int(each) for line in lists for each in line.split()):
            found += [child, *self._below(child)]
        return found


def forms(secret: str) -> dict[str, bytes]:
    """A secret as it may be written somewhere."""
    raw = secret.encode()
    plain = base64.b64encode(b"\0" + b"jo" + b"\0" + raw)
    return {
        "as it is": raw, "in a URL": quote(secret, safe="").encode(), "base64": base64.b64encode(raw).rstrip(b"="),
        "SASL PLAIN": plain[8:-4], "hex": raw.hex().encode(), "in part": raw[:14],
    }  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_secret_is_left_anywhere(
    guarded: Dovecot,
    user: str,
    model: ModelServer,
    vault: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MAIL_PASSWORD")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    recorded = tmp_path / "commands.txt"
    for name, value in (("imap", PASSWORD), ("model", KEY), ("client", CLIENT)):
        (secrets / name).write_text(f"{value}\n")
        (secrets / name).chmod(0o600)
    # A command that gives a secret is a child too: it writes down what it was given.
    script = secrets / "give"
    script.write_text(
        f'#!/bin/sh\n(tr "\\0" "\\n" < /proc/$$/environ; echo "$0 $*") >> "{recorded}"\ncat "$1"\n'
    )
    script.chmod(0o700)
    output: list[str] = []
    with (
        AuthorizationServer(secret=CLIENT) as authorization,
        SmtpServer() as smtp,
        patch("tests.servers.dovecot.PASSWORD", PASSWORD),
    ):
        oauth = {**authorization.settings, "client_secret": {"file": str(secrets / "client")}}
        account = {
            "name": "work", "address": user, "password": {"command": [str(script), str(secrets / "imap")]},
            "imap": {"host": "127.0.0.1", "port": guarded.port, "security": "none"},
            "smtp": {"host": "127.0.0.1", "port": smtp.port, "security": "none"},
        }  # fmt: skip
        other = {
            "name": "other", "address": "jo@other.example", "oauth": oauth, "imap": {"host": "127.0.0.1", "port": guarded.port, "security": "none"},
        }  # fmt: skip
        path = tmp_path / "accounts.yaml"
        llm = {
            "base_url": model.url,
            "model": "scripted",
            "retries": 0,
            "api_key": {"command": [str(script), str(secrets / "model")]},
        }
        path.write_text(
            yaml.safe_dump(
                {
                    "vault": str(vault),
                    "accounts": [account, other],
                    "llm": llm,
                    "drafts": {"max_per_run": 2},
                    "send": {"allow": True, "after": "0s"},
                }
            )
        )
        settings = load(path)
        token = authorization.issue("jo@other.example")
        access_of(settings.accounts[1]).store.write(Tokens(token.access, token.refresh, 1.0))
        hidden = {
            "the password": PASSWORD,
            "the model's key": KEY,
            "the client's secret": CLIENT,
            "the refresh token": token.refresh,
            "the access token": token.access,
        }

        def run(*arguments: str) -> int:
            done = subprocess.run(
                [sys.executable, "-m", "mailbot", "--config", str(path), *arguments], capture_output=True, text=True, timeout=100,
                stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            output.append(f"$ mailbot {' '.join(arguments)}\n{done.stdout}{done.stderr}")
            return done.returncode

        desk = Desk(guarded, user, settings, vault)
        with Children() as children:
            guarded.deliver(
                user,
                *(
                    mail(f"{MAIL_TEXT} {n}?", to=user, message_id=f"<{n}@acme.example>", subject=f"Heron {n}")
                    for n in range(50)
                ),
            )
            assert run("fetch", "--max-drafts", "2") == 1, output  # the account `other` cannot log in here
            for command in (("sync",), ("doctor",), ("verify",), ("verify", "--json"), ("status", "--json"), ("rebuild", "--yes"), ("explain", "<1@acme.example>"),
                            ("approve", next(vault.rglob("*.draft.md")).name), ("send", "--yes"), ("quarantine", "list"), ("export",), ("auth", "status")):  # fmt: skip
                run(*command)
            # Failing runs: a model that quotes its request, a mail server that is away, a full log, a kill in the middle.
            model.answer = lambda request: (500, {}, f"cannot: {request}")
            guarded.deliver(
                user,
                mail(
                    f"{MAIL_TEXT} again?", to=user, message_id="<again@acme.example>", subject="Heron again"
                ),
            )
            run("fetch")
            monkeypatch.setenv("MAILBOT_CONFIG", str(path))
            for at in (20, 60, 100):
                guarded.deliver(
                    user,
                    mail(
                        f"{MAIL_TEXT} {at}?",
                        to=user,
                        message_id=f"<killed{at}@acme.example>",
                        subject=f"Heron {at}",
                    ),
                )
                ended = mortal.run("sync", at=at, record=tmp_path / f"killed{at}")
                output.append(ended.printed)
            authorization.fails = lambda _: (500, f"cannot refresh {token.refresh} of {CLIENT}")
            run("sync", "--account", "other")
            path.write_text(path.read_text().replace(str(guarded.port), "1"))
            run("sync")
            run("verify")
    (tmp_path / "output.txt").write_text("\n".join(output))
    assert len(desk.drafts()) >= 1
    places = {secrets, access_of(settings.accounts[1]).store.path.parent}  # type: ignore[attr-defined]
    left = [p for p in tmp_path.rglob("*") if p.is_file() and not any(place in p.parents for place in places)]
    assert any(p.suffix == ".log" for p in left) and any(
        p.name.endswith(".zip") or "report" in p.name for p in left
    ), left
    for file in left:
        data = file.read_bytes()
        for what, secret in hidden.items():
            for how, form in forms(secret).items():
                assert form not in data, f"{what} ({how}) is in {file}"
    assert len(children.seen) > 20 and recorded.read_text().count("give") >= 10
    for pid, given in children.seen.items():
        for what, secret in hidden.items():
            for how, form in forms(secret).items():
                assert form not in given, f"{what} ({how}) was given to the process {pid}"
    for file in left:
        if file.suffix in (".log", ".zip", ".txt"):
            assert b"vermilion heron" not in file.read_bytes(), f"text of a mail is in {file}"
