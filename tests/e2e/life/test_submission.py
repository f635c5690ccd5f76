"""Sending through a real submission server: Dovecot's, which hands the mail on, with a password and with an access token that Dovecot
itself has checked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.conftest import MakeSettings
from tests.e2e.life.desk import NOW, Desk
from tests.e2e.life.test_notice import settled
from tests.e2e.life.test_send import answered, run, sync
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


class Introspection:
    """Says of a token whether it is good, and whose (RFC 7662)."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = self.rfile.read(int(self.headers["content-length"])).decode()
                email = next((e for token, e in outer.tokens.items() if token in said), "")
                body = json.dumps({"active": bool(email), "email": email}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/introspect"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def introspection() -> Iterator[Introspection]:
    made = Introspection()
    yield made
    made.close()


@pytest.fixture(scope="module")
def submission(relay: SmtpServer, introspection: Introspection) -> Iterator[Dovecot]:
    server = Dovecot(relay=relay.port, introspection=introspection.url).start()
    yield server
    server.stop()


@pytest.mark.parametrize("how", ["password", "token"])
def test_an_approved_draft_goes_out_through_dovecot(
    submission: Dovecot, relay: SmtpServer, introspection: Introspection, user: str, make_settings: MakeSettings, vault: Path, how: str
) -> None:  # fmt: skip
    relay.mails.clear()
    account: dict[str, object] = {
        "smtp": {"host": "127.0.0.1", "port": submission.submission_port, "security": "none", "timeout": 5}
    }
    if how == "token":
        introspection.tokens["good-token"] = user
        account["password"] = {"token_command": ["printf", "good-token"]}
    desk = Desk(submission, user, make_settings(submission.port, user, account=account, send=NOW), vault)
    note = answered(desk)
    desk.set(note, status="approved")
    desk.sync()
    (mail,) = relay.mails
    assert mail.rcpt_tos == ["ana@acme.example"]
    assert b"it was 8+3." in bytes(mail.original_content or b"")
    assert (desk.status(note), desk.drafts()) == ("sent", {})
    settled(desk)
    desk.close()


def test_a_token_that_is_no_longer_good_sends_nothing(
    submission: Dovecot, relay: SmtpServer, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    relay.mails.clear()
    smtp = {"host": "127.0.0.1", "port": submission.submission_port, "security": "none", "timeout": 5}
    desk = Desk(
        submission, user, make_settings(submission.port, user, account={"smtp": smtp}, send=NOW), vault
    )
    note = answered(desk)
    run("approve", note)
    stale = {"smtp": smtp, "password": {"token_command": ["printf", "stale-token"]}}
    desk.settings = make_settings(submission.port, user, account=stale, send=NOW)
    code, said = run("send", note, "--yes")
    assert code == 77 and "the access token" in said
    assert relay.mails == [] and desk.status(note) == "approved"
    desk.settings = make_settings(submission.port, user, account={"smtp": smtp}, send=NOW)
    sync(desk)
    assert len(relay.mails) == 1
    desk.close()
