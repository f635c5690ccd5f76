"""Whatever befalls the lines to the mail server, the submission server and the model, the runs after it leave each mail once, each draft
once, each approved answer sent at most once, and an inbox as it was.

A few seeds in CI; `MAILBOT_TORTURE=1000 pytest tests/e2e/test_broken_wire.py` runs a thousand more, `MAILBOT_SEED` says from where.
"""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailbot.config import load
from mailbot.oauth.tokens import Tokens
from mailbot.settings import Settings
from mailbot.sync import pipeline
from mailbot.sync.session.login import access_of
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import mail
from tests.e2e.life.desk import Desk
from tests.servers.authorization import AuthorizationServer
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer
from tests.servers.wire import Fault, Wire, faults

pytestmark = pytest.mark.dovecot

FIRST = int(os.environ.get("MAILBOT_SEED", "1"))
FOUND = [] if "MAILBOT_TORTURE" in os.environ else [346, 883, 1265, 2081, 20024]
"""Seeds that once found something."""
SEEDS = [*range(FIRST, FIRST + int(os.environ.get("MAILBOT_TORTURE", "8"))), *FOUND]
MAILS = [f"<{n}@acme.example>" for n in range(3)]


def settings_of(
    tmp_path: Path, vault: Path, user: str, imap: Wire, smtp: Wire, model: Wire, login: dict[str, Any]
) -> Settings:
    path = tmp_path / "accounts.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "vault": str(vault),
                "accounts": [
                    {
                        "name": "work", "address": user, "display_name": "Jo Vermeer", **login,
                        "imap": {"host": "127.0.0.1", "port": imap.port, "security": "none", "timeout": 1},
                        "smtp": {"host": "127.0.0.1", "port": smtp.port, "security": "none", "timeout": 1},
                    }
                ],
                "llm": {"base_url": f"http://127.0.0.1:{model.port}/v1", "model": "scripted", "timeout": 1, "retries": 0},
                "send": {"allow": True, "after": "0s"},
            }
        )
    )  # fmt: skip
    return load(path)


def time_passes(settings: Settings) -> None:
    """Whatever was put off is due: days have passed."""
    journal = State(settings.vault).journal
    if not journal.exists():
        return
    with closing(sqlite3.connect(journal)) as database, database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'mail'").fetchone():
            return  # a run was killed before it had a table
        for table, column in (("mail", "next_try"), ("failure", "next_try"), ("draft", "next_try"), ("draft", "since"),
                              ("draft", "approved_at"), ("draft", "sent_at"), ("pause", "until")):  # fmt: skip
            database.execute(
                f"UPDATE {table} SET {column} = '2026-01-01T00:00:00.000000+00:00' WHERE {column} IS NOT NULL"
            )


def runs(settings: Settings, number: int) -> None:
    for _ in range(number):
        pipeline.fetch_all(settings, Options())
        time_passes(settings)


def properties(vault: Path, kind: str) -> list[tuple[Path, dict[str, Any]]]:
    read = [(p, notes.read(p.read_text(encoding="utf-8")).properties) for p in sorted(vault.rglob("*.md"))]
    return [(path, found) for path, found in read if found.get("type") == kind]


def echo(received: list[bytes]) -> socket.socket:
    """A server that sends back what it gets, one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            while data := line.recv(100):
                received.append(data)
                line.sendall(data)
            line.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize(
    ("fault", "back"),
    [
        (Fault("none", 3, False), b"0123456789"), (Fault("bytes", 3, False), b"0123456789"), (Fault("delay", 3, False), b"0123456789"),
        (Fault("cut", 3, False), b"012"), (Fault("stall", 3, False), b"012"), (Fault("swallow", 3, False), b"012"),
        (Fault("repeat", 3, False), b"01234567893456789"), (Fault("stall", 3, True), b"012"),
        (Fault("unheard", 0, False, b"89"), b""), (Fault("unheard", 1, False, b"89"), b"0123456789"),
    ],
)  # fmt: skip
def test_each_fault_is_what_it_says(monkeypatch: pytest.MonkeyPatch, fault: Fault, back: bytes) -> None:
    monkeypatch.setattr("tests.servers.wire.drawn", lambda *_: fault)
    received: list[bytes] = []
    with echo(received) as listener, Wire(listener.getsockname()[1], faults(1)) as wire:
        with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as line:
            line.sendall(b"0123456789")
            got = b""
            while len(got) < len(back) and (data := line.recv(100)):
                got += data
            if fault.kind in ("cut", "stall", "swallow") or not back:
                assert line.recv(100) == b""
        assert (got, wire.befell) == (back, [fault])
        assert b"".join(received) == (b"012" if fault.up else b"0123456789")
        wire.heal()
        with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as line:
            line.sendall(b"again")
            assert line.recv(100) == b"again"


@pytest.fixture(scope="module")
def authorization() -> Iterator[AuthorizationServer]:
    with AuthorizationServer(rotates=False) as server:
        yield server


@pytest.fixture(scope="module")
def checking(authorization: AuthorizationServer) -> Iterator[Dovecot]:
    """A Dovecot that takes a password, or asks about an access token."""
    server = Dovecot(introspection=f"{authorization.url}/introspect").start()
    yield server
    server.stop()


@contextmanager
def login_of(
    user: str, seed: int, source: random.Random, authorization: AuthorizationServer
) -> Iterator[tuple[dict[str, Any], Wire | None]]:
    """How the account of a seed logs in: every fourth by OAuth, over a bad line to the server of the tokens."""
    if seed % 4:
        yield {"password": {"env": "MAIL_PASSWORD"}}, None
        return
    with Wire(int(authorization.url.rsplit(":", 1)[1]), source, 10) as tokens:
        settings = {**authorization.settings, "token_url": f"http://127.0.0.1:{tokens.port}/token"}
        yield {"oauth": settings}, tokens


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_doubled(
    checking: Dovecot,
    authorization: AuthorizationServer,
    model: ModelServer,
    vault: Path,
    tmp_path: Path,
    seed: int,
) -> None:
    dovecot = checking
    user = f"wire-{os.getpid()}-{seed}@example.com"
    source = faults(seed)
    for n, message_id in enumerate(MAILS):
        dovecot.deliver(
            user,
            mail(
                f"Hi Jo,\n\nwhich disk has number {n}?\n\nAna" + "\n> more" * 400 * n,
                to=user,
                message_id=message_id,
            ),
        )
    with (
        SmtpServer() as submission, Wire(dovecot.port, source) as imap, Wire(submission.port, source, 9) as smtp,
        Wire(int(model.url.split(":")[2].split("/")[0]), source) as to_model, login_of(user, seed, source, authorization) as (login, tokens),
    ):  # fmt: skip
        settings = settings_of(tmp_path, vault, user, imap, smtp, to_model, login)
        if tokens:  # the access token is over: each run must have another
            token = authorization.issue(user)
            access_of(settings.accounts[0]).store.write(Tokens(token.access, token.refresh, 1.0))
        runs(settings, 3)
        befell = [*imap.befell, *to_model.befell]
        if tokens:
            befell += tokens.befell
            tokens.heal()
        for wire in (imap, smtp, to_model):
            wire.heal()
        runs(settings, 2)
        (report,) = pipeline.fetch_all(settings, Options())
        told = (seed, befell, report)
        assert (report.error, report.failed) == ("", []), told

        kept = [found["message_id"].strip("<>") for _, found in properties(vault, "email")]
        assert sorted(kept) == [m.strip("<>") for m in MAILS], told
        stored = [message_from_bytes(raw)["In-Reply-To"] for raw in dovecot.messages(user, "Drafts").values()]
        assert sorted(stored) == MAILS, told
        drafts = properties(vault, "email-draft")
        assert len(drafts) == len(MAILS), told
        assert set(dovecot.flags(user).values()) == {()}, told

        for wire in (imap, smtp):
            wire.befell.clear()
            wire.healthy = False
        path, _ = drafts[0]
        path.write_text(notes.with_properties(path.read_text(encoding="utf-8"), {"status": "approved"}))
        for _ in range(3):
            pipeline.sync_all(settings, Options())
            time_passes(settings)
        befell += [*imap.befell, *smtp.befell]
        for wire in (imap, smtp):
            wire.heal()
        for _ in range(3):
            pipeline.sync_all(settings, Options())
            time_passes(settings)
        told = (seed, befell, path.read_text(encoding="utf-8"))
        assert len(submission.mails) <= 1, told
        status = notes.read(path.read_text(encoding="utf-8")).properties["status"]
        sent = len(dovecot.messages(user, "Sent"))
        assert (status, len(submission.mails), sent) in (
            ("sent", 1, 1),
            ("unknown", 1, 0),
            ("unknown", 0, 0),
            ("draft", 0, 0),
        ), told
        # A line that garbles an answer into a no, or hides a draft, cannot be told from a server that does: the user is told.
        assert status != "draft" or "Not sent: " in told[2] or "Your approval is taken back." in told[2], told
        answered = [flags for flags in dovecot.flags(user).values() if flags]
        assert answered == ([(b"\\Answered",)] if status == "sent" else []), told
        assert len(properties(vault, "email")) == len(MAILS), told

        desk = Desk(dovecot, user, settings, vault)
        before = desk.everything()
        pipeline.fetch_all(settings, Options())
        assert desk.everything() == before, told
