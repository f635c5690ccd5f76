"""TLS that is not as it should be: the message says which it was, and no password is sent."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from mailbot.errors import ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.login import Login


@contextmanager
def served(certificate: trustme.LeafCert) -> Iterator[tuple[int, list[bytes]]]:
    """An IMAP server with a certificate: (its port, what it was told)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener, told = socket.create_server(("127.0.0.1", 0)), list[bytes]()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection, context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
                while line := tls.recv(1000):
                    told.append(line)
                    capable = b"* CAPABILITY IMAP4rev1\r\n" if b"CAPABILITY" in line else b""
                    tls.sendall(capable + line.split()[0] + b" OK done\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], told
    finally:
        listener.close()
        thread.join(5)


def account(port: int, pinned: Path | None) -> ImapAccount:
    return ImapAccount(
        Login("work", "127.0.0.1", port, "tls", "jo", lambda: "hunter2hunter2", ca_file=pinned, timeout=3.0)
    )


def written(folder: Path, pem: trustme.Blob) -> Path:
    path = folder / "pinned.pem"
    pem.write_to_path(str(path))
    return path


AUTHORITY = trustme.CA()
OTHER = trustme.CA()


@pytest.mark.parametrize(
    ("leaf", "pinned", "says"),
    [
        (lambda: AUTHORITY.issue_cert("127.0.0.1"), None, "no authority that this machine knows|self-signed"),
        (
            lambda: AUTHORITY.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1), not_before=datetime.now(UTC) - timedelta(days=9)),
            AUTHORITY.cert_pem, "has expired",
        ),
        (
            lambda: AUTHORITY.issue_cert("127.0.0.1", not_before=datetime.now(UTC) + timedelta(days=1), not_after=datetime.now(UTC) + timedelta(days=9)),
            AUTHORITY.cert_pem, "not valid yet",
        ),
        (lambda: AUTHORITY.issue_cert("mail.example.com"), AUTHORITY.cert_pem, r"for another name than 127\.0\.0\.1"),
        (lambda: AUTHORITY.issue_cert("127.0.0.1"), OTHER.cert_pem, r"is not the one in .*pinned\.pem"),
    ],
    ids=["unknown", "expired", "not yet", "name", "pin"],
)  # fmt: skip
def test_a_certificate_that_is_not_believed_says_why(
    tmp_path: Path, leaf: object, pinned: trustme.Blob | None, says: str
) -> None:
    with served(leaf()) as (port, told):  # type: ignore[operator]
        with pytest.raises(ServerUnavailable, match=says) as caught:
            account(port, written(tmp_path, pinned) if pinned else None).connect()
    assert "account work (127.0.0.1:" in str(caught.value)
    assert told == []


def test_a_pinned_certificate_that_an_authority_issued_is_believed(tmp_path: Path) -> None:
    leaf = AUTHORITY.issue_cert("127.0.0.1")
    with served(leaf) as (port, told):
        box = account(port, written(tmp_path, leaf.cert_chain_pems[0]))
        box.connect()
        box.close()
    assert any(b"LOGIN" in line for line in told)


def test_a_file_that_is_no_certificate_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pinned.pem"
    path.write_text("hello")
    with served(AUTHORITY.issue_cert("127.0.0.1")) as (port, _):
        with pytest.raises(ServerUnavailable, match="TLS failed"):
            account(port, path).connect()


def test_nothing_that_was_said_before_tls_is_believed_after_it(tmp_path: Path) -> None:
    """RFC 3501 11.1: octets behind the answer to STARTTLS were put there by somebody in between."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
                lines = connection.makefile("rb", buffering=0)
                while b"STARTTLS" not in (line := lines.readline()):
                    connection.sendall(
                        b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + line.split()[0] + b" OK done\r\n"
                    )
                tag = line.split()[0]
                connection.sendall(tag + b" OK go\r\n* BYE injected\r\n")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1000)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    pinned = written(tmp_path, AUTHORITY.cert_pem)
    login = Login("work", "127.0.0.1", listener.getsockname()[1], "starttls", "jo", lambda: "hunter2", ca_file=pinned, timeout=3.0)  # fmt: skip
    with pytest.raises(ServerUnavailable) as caught:
        ImapAccount(login).connect()
    assert "octets in front of the TLS handshake" in str(caught.value)
    listener.close()
    thread.join(5)
