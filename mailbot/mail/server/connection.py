"""One connection to an IMAP server: TLS, login, and every error of the libraries mapped, once. The only importer of
imapclient."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from imapclient import IMAPClient, exceptions, imap_utf7

from mailbot import __version__
from mailbot.errors import AppendUnknown, AuthenticationFailed, MailbotError, ServerUnavailable, TryAgain

TIMEOUT = 60.0

# A long header line must not end the session.
imaplib._MAXLINE = max(imaplib._MAXLINE, 10_000_000)  # type: ignore[attr-defined]

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class Login:
    """Where and how to log in. `secret` is called when it is needed; `token` says it yields an OAuth access token."""

    account: str
    host: str
    port: int
    security: Security
    username: str
    secret: Callable[[], str]
    token: bool = False
    ca_file: Path | None = None
    timeout: float = TIMEOUT


class Connection:
    """A connection that is made when it is needed. It belongs to the thread that made it; use it in a `with`."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._client: IMAPClient | None = None
        self._open: str | None = None
        """The mailbox that is open on this connection."""

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and log in. Raises ServerUnavailable, TryAgain or AuthenticationFailed, naming account and host."""
        self.close()
        with self._errors("could not connect (are `host`, `port` and `security` right?)"):
            client = self._connected()
        self._client = client
        try:
            with self._errors("the login failed"):
                self._authenticate(client)
                _identify(client)
        except MailbotError:
            self.close()
            raise

    def _connected(self) -> IMAPClient:
        login = self.login
        context = ssl.create_default_context(cafile=str(login.ca_file) if login.ca_file else None)
        tls = login.security == "tls"
        client = IMAPClient(
            login.host, port=login.port, ssl=tls, ssl_context=context if tls else None, timeout=login.timeout
        )
        client.normalise_times = False
        client.folder_encode = False  # names are encoded here: one bad name must not end LIST
        client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if login.security == "starttls":
            if client._imap.state == "AUTH" or not client.has_capability("STARTTLS"):
                client.shutdown()
                raise ServerUnavailable(
                    f"{self._where}: the server does not offer STARTTLS, so no password was sent. Use `security: tls` and the TLS port"
                )
            client.starttls(context)
        return client

    def _authenticate(self, client: IMAPClient) -> None:
        secret, name = self.login.secret(), self.login.username
        plain = client.has_capability("LOGINDISABLED") or not (name + secret).isascii()
        try:
            if self.login.token:
                client.oauth2_login(name, secret)
            elif plain and client.has_capability("AUTH=PLAIN"):
                client.plain_login(name, secret)
            else:
                client.login(name, secret)
        except UnicodeEncodeError:
            raise AuthenticationFailed(
                f"{self._where}: the server does not accept non-ASCII characters in user names and passwords"
            ) from None
        except exceptions.LoginError as error:
            lost = error.__context__
            if isinstance(lost, (imaplib.IMAP4.abort, OSError)):
                raise lost from None  # the connection broke: that says nothing about the password
            if wait := throttled(str(error)):
                raise TryAgain(
                    f"{self._where}: the server asks to wait: {said(error)}", retry_after=wait
                ) from error
            what = "the access token" if self.login.token else "user name and password"
            raise AuthenticationFailed(
                f"{self._where}: the server refused {what} of {name}: {said(error)}. Check `username` and `password`"
                " in accounts.yaml; many providers want an app password"
            ) from error

    def close(self) -> None:
        """Log out, or drop the connection where it no longer answers."""
        client, self._client, self._open = self._client, None, None
        if client is None:
            return
        try:
            client.logout()
        except (imaplib.IMAP4.error, OSError):
            _shut(client)

    def ensure(self) -> None:
        """Connect anew where the server has hung up meanwhile, as many do after minutes of silence."""
        if self._client is not None:
            try:
                self._client.noop()
                return
            except (imaplib.IMAP4.error, OSError):
                self._drop()
        self.connect()

    def _drop(self) -> None:
        client, self._client, self._open = self._client, None, None
        if client is not None:
            _shut(client)

    @property
    def _where(self) -> str:
        return f"account {self.login.account} ({self.login.host}:{self.login.port})"

    @property
    def _imap(self) -> IMAPClient:
        if self._client is None:
            self.connect()
        assert self._client is not None
        return self._client

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Library errors -> ours. After an abort or a socket error the connection is dropped: its stream is out of step."""
        try:
            yield
        except MailbotError:
            raise
        except ssl.SSLError as error:
            self._drop()
            raise ServerUnavailable(
                f"{self._where}: {what}: TLS failed ({error.reason or error}). Check host, port and `security`"
            ) from error
        except (imaplib.IMAP4.abort, OSError) as error:
            self._drop()
            raise self._failure(what, error) from error
        except _REFUSED as error:
            raise self._failure(what, error) from error

    @contextmanager
    def _append_errors(self, name: str) -> Iterator[None]:
        """The same for APPEND, which may or may not have been done where the connection was lost. The connection is
        made anew after any failure: Cyrus leaves its stream out of step."""
        try:
            yield
        except (imaplib.IMAP4.abort, OSError) as error:
            self._drop()
            raise AppendUnknown(
                f"{self._where}: the connection was lost while the draft was stored in {name}: {said(error)}"
            ) from error
        except _REFUSED as error:
            self._drop()
            if "OVERQUOTA" in str(
                error
            ):  # on APPEND it says that the mailbox is full, not that we ask too often
                raise ServerUnavailable(
                    f"{self._where}: the server refused the draft in {name}: {said(error)}"
                ) from error
            raise self._failure(f"the server refused the draft in {name}", error) from error

    def _failure(self, what: str, error: BaseException) -> MailbotError:
        if wait := throttled(str(error)):
            return TryAgain(
                f"{self._where}: {what}; the server asks to wait: {said(error)}", retry_after=wait
            )
        return ServerUnavailable(f"{self._where}: {what}: {said(error)}")


_REFUSED = (
    imaplib.IMAP4.error,
    exceptions.IMAPClientError,
    # What the libraries raise on answers that make no sense:
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
)


def _shut(client: IMAPClient) -> None:
    try:
        client.shutdown()
    except (imaplib.IMAP4.error, OSError):
        return


def _identify(client: IMAPClient) -> None:
    """Say who we are (RFC 2971): 163.com and 126.com refuse a client that does not; others refuse the ID itself."""
    if client.has_capability("ID"):
        try:
            client.id_({"name": "mailbot", "version": __version__})
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, exceptions.IMAPClientError):
            return


def mailbox_name(raw: bytes | str) -> str:
    """A mailbox name as LIST sends it, in modified UTF-7 (RFC 3501 5.1.3); one that is not stays as it was sent."""
    data = raw if isinstance(raw, bytes) else str(raw).encode()
    try:
        return str(imap_utf7.decode(data))
    except (UnicodeError, ValueError, LookupError):
        return data.decode("utf-8", "replace")


def encoded(name: str) -> bytes:
    """A mailbox name as it is sent."""
    return bytes(imap_utf7.encode(name))


def said(error: BaseException) -> str:
    """What the server or the system said, on one line; never a line that we sent."""
    text = str(error)
    if match := re.fullmatch(r"b'(.*)'", text, re.DOTALL):
        text = match[1]
    text = re.sub(r"\s*\(\d+\.\d+ \+ .*? secs\)", "", re.sub(r"\s+", " ", text))
    return text.strip(" .")[:300] or type(error).__name__


def throttled(text: str) -> float | None:
    """The seconds that a throttling server asks to wait, or None if it does not throttle."""
    hint = r"Suggested Backoff Time:?\s*(\d+)\s*(milliseconds|ms|seconds|s)?"
    if match := re.search(hint, text, re.IGNORECASE):
        return int(match[1]) / (1 if (match[2] or "ms").lower() in ("s", "seconds") else 1000)
    words = r"\[(?:OVERQUOTA|LIMIT|THROTTLED|INUSE|UNAVAILABLE)\]|too many (?:simultaneous )?connections|throttl|rate limit"
    return 300.0 if re.search(words, text, re.IGNORECASE) else None
