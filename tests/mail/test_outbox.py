"""Handing a mail over, against a server that fails in every phase: what is not known to be sent is never called sent."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailbot.errors import AuthenticationFailed, MailbotError, ServerUnavailable
from mailbot.mail.mime.wire import for_wire
from mailbot.mail.server import outbox, submission
from mailbot.mail.server.login import Login
from mailbot.mail.server.outbox import Accepted, Later, Lost, Outbox, Refused
from tests.servers.dovecot import PASSWORD
from tests.servers.smtp import SmtpServer

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DRAFT = (
    b"From: Jo Vermeer <jo@example.com>\r\nTo: Ana <ana@acme.example>, bo@acme.example\r\nCc: cy@acme.example\r\n"
    b"Bcc: hidden@example.com\r\nSubject: Storage\r\nMessage-ID: <d@example.com>\r\nDate: Fri, 20 Nov 2026 09:00:00 +0100\r\n"
    b"X-Mozilla-Draft-Info: internal/draft\r\nFcc: imap://Sent\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"It was 8+3.\r\n.\r\n..two\r\nJo\r\n"
)


def box(port: int, **more: Any) -> Outbox:
    login = {"account": "work", "host": "127.0.0.1", "port": port, "security": "none", "username": "jo@example.com",
             "secret": lambda: PASSWORD, "timeout": 5, **more}  # fmt: skip
    return Outbox(Login(**login))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(made)
    return made


@pytest.fixture
def pinned(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_a_mail_arrives_byte_for_byte_without_what_only_its_author_may_see() -> None:
    with SmtpServer() as server:
        assert box(server.port).submit(for_wire(DRAFT, NOW)) == Accepted({})
    (mail,) = server.mails
    assert mail.rcpt_tos == ["ana@acme.example", "bo@acme.example", "cy@acme.example", "hidden@example.com"]
    assert mail.mail_from == "jo@example.com"
    raw = bytes(mail.original_content or b"")
    assert raw.endswith(b"It was 8+3.\r\n.\r\n..two\r\nJo\r\n")
    assert b"Date: Thu, 26 Nov 2026 12:00:00 +0000" in raw and raw.count(b"Date:") == 1
    for word in (b"Bcc", b"hidden", b"X-Mozilla", b"Fcc"):
        assert word not in raw


@pytest.mark.parametrize(
    ("mode", "kind", "word"),
    [
        ("4xx", Later, "451"),
        ("5xx", Refused, "554"),
        ("4xx-rcpt", Later, "450"),
        ("5xx-rcpt", Refused, "550"),
        ("drop", Lost, "closed the connection"),
        ("hang", Lost, "in time"),
    ],
)
def test_each_failure_is_called_what_it_is(
    mode: str, kind: type, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AFTER_DOT", 0.5)
    with SmtpServer(mode=mode) as server:
        outcome = box(server.port, timeout=0.5).submit(for_wire(DRAFT, NOW))
    assert isinstance(outcome, kind)
    assert word in outcome.why  # type: ignore[attr-defined]


def test_one_refused_recipient_of_three_is_named_and_the_others_get_it() -> None:
    with SmtpServer(refuse=("bo@acme.example",)) as server:
        outcome = box(server.port).submit(for_wire(DRAFT, NOW))
    assert outcome == Accepted({"bo@acme.example": "550 5.1.1 no such user here"})
    assert server.mails[0].rcpt_tos == ["ana@acme.example", "cy@acme.example", "hidden@example.com"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_login_by_password(mechanism: str) -> None:
    with SmtpServer(auth=(mechanism,)) as server:
        assert isinstance(box(server.port).submit(for_wire(DRAFT, NOW)), Accepted)
        with pytest.raises(AuthenticationFailed, match="refused the login of jo@example.com"):
            box(server.port, secret=lambda: "wrong").submit(for_wire(DRAFT, NOW))
    assert (server.logins, len(server.mails)) == ([mechanism, mechanism], 1)


def test_a_login_by_token() -> None:
    with SmtpServer(auth=("XOAUTH2",)) as server:
        assert isinstance(
            box(server.port, token=True, secret=lambda: "token").submit(for_wire(DRAFT, NOW)), Accepted
        )
        with pytest.raises(AuthenticationFailed):
            box(server.port, token=True, secret=lambda: "stale").submit(for_wire(DRAFT, NOW))
    assert server.logins == ["XOAUTH2", "XOAUTH2"]


def test_tls_and_starttls_with_the_right_certificate(context: ssl.SSLContext, pinned: Path) -> None:
    with SmtpServer(tls=context) as server:
        assert isinstance(
            box(server.port, security="tls", ca_file=pinned).submit(for_wire(DRAFT, NOW)), Accepted
        )
    with SmtpServer(starttls=context, auth=("PLAIN",)) as server:
        assert isinstance(
            box(server.port, security="starttls", ca_file=pinned).submit(for_wire(DRAFT, NOW)), Accepted
        )


def test_a_wrong_certificate_gets_neither_password_nor_mail(context: ssl.SSLContext) -> None:
    with (
        SmtpServer(tls=context) as server,
        pytest.raises(ServerUnavailable, match="self-signed|no authority"),
    ):
        box(server.port, security="tls").submit(for_wire(DRAFT, NOW))
    with (
        SmtpServer(starttls=context) as server,
        pytest.raises(ServerUnavailable, match="self-signed|no authority"),
    ):
        box(server.port, security="starttls").submit(for_wire(DRAFT, NOW))
    assert server.mails == []


def test_starttls_that_is_not_offered_ends_it() -> None:
    with (
        SmtpServer(auth=("PLAIN",)) as server,
        pytest.raises(ServerUnavailable, match="neither password nor mail"),
    ):
        box(server.port, security="starttls").submit(for_wire(DRAFT, NOW))
    assert server.logins == []


def test_nobody_there() -> None:
    with SmtpServer() as server:
        pass
    with pytest.raises(MailbotError, match="could not connect"):
        box(server.port).submit(for_wire(DRAFT, NOW))


def test_letters_beyond_ascii_need_a_server_that_takes_them() -> None:
    eight = DRAFT.replace(b"It was", "Für Ana:".encode())
    with SmtpServer() as server:
        assert isinstance(box(server.port).submit(for_wire(eight, NOW)), Accepted)
        assert "BODY=8BITMIME" in server.mails[0].mail_options
    with SmtpServer(eight_bit=False) as server:
        outcome = box(server.port).submit(for_wire(eight, NOW))
    assert isinstance(outcome, Refused) and "8BITMIME" in outcome.why and server.mails == []
    named = DRAFT.replace(b"bo@acme.example", "bö@acme.example".encode())
    with SmtpServer() as server:
        assert isinstance(box(server.port).submit(for_wire(named, NOW)), Accepted)
    with SmtpServer(utf8=False) as server:
        outcome = box(server.port).submit(for_wire(named, NOW))
    assert isinstance(outcome, Refused) and "SMTPUTF8" in outcome.why and server.mails == []


def test_a_mail_that_is_too_large_is_told_before_it_is_handed_over() -> None:
    with SmtpServer(size=200) as server:
        outcome = box(server.port).submit(for_wire(DRAFT, NOW))
    assert isinstance(outcome, Refused) and "at most 200" in outcome.why


LINES: dict[str, Callable[[], bytes]] = {
    "no greeting at all": lambda: b"",
    "nonsense": lambda: b"hello\r\n",
    "a line without an end": lambda: b"220-" + b"x" * 10_000,
    "an answer without an end": lambda: b"220-x\r\n" * 2000,
    "busy": lambda: b"421 too many connections\r\n",
}


@pytest.mark.parametrize("what", LINES)
def test_a_hostile_server_is_left_in_time(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket
    import threading

    monkeypatch.setattr(submission, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(LINES[what]())
                connection.settimeout(5)
                try:
                    while connection.recv(100):
                        pass
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(MailbotError):
            box(listener.getsockname()[1], timeout=0.5).submit(for_wire(DRAFT, NOW))
        thread.join(5)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((b"250 ok", b"250 ok", b"250 ok", b"250 ok", b"250 ok"), Later),  # DATA: a repeated answer in the place of 354
        ((b"250 ok", b"250 ok", b"250 ok", b"354 go on", b"354 go on"), Lost),  # the dot: the mail may have been taken
        ((b"250 ok", b"250 ok", b"250 ok", b"354 go on", b"451 later"), Later),
        ((b"250 ok", b"250 ok", b"250 ok", b"354 go on", b"554 no"), Refused),
    ],
)  # fmt: skip
def test_an_answer_out_of_turn_is_neither_a_no_nor_a_yes(answers: tuple[bytes, ...], outcome: type) -> None:
    """EHLO, MAIL, RCPT, DATA and the dot, each with the answer that stands there."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        with line, line.makefile("rb") as said:
            line.sendall(b"220 hello\r\n")
            for number, answer in enumerate(answers):
                line_in = said.readline()
                while number == 4 and line_in.strip() != b"." and line_in:
                    line_in = said.readline()
                line.sendall(answer + b"\r\n")
            said.read()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    draft = (
        DRAFT.replace(b", bo@acme.example", b"")
        .replace(b"Cc: cy@acme.example\r\n", b"")
        .replace(b"Bcc: hidden@example.com\r\n", b"")
    )
    with listener:
        done = box(listener.getsockname()[1], secret=lambda: "", username="").submit(for_wire(draft, NOW))
        assert isinstance(done, outcome), done
        thread.join(5)
