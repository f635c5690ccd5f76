"""One connection to an IMAP server: TLS, login, and every error of the libraries mapped, once. imapclient
is imported here, in `stream.py` and in `answer.py`."""

from __future__ import annotations

import imaplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from imapclient import exceptions

from mailbot import __version__, stopping
from mailbot.errors import AppendUnknown, AuthenticationFailed, MailbotError, ServerUnavailable, TryAgain
from mailbot.mail.server import tls
from mailbot.mail.server.answer import said, shown, throttled
from mailbot.mail.server.login import Login
from mailbot.mail.server.stream import Allowance, Client


class Connection:
    """A connection that is made when it is needed. It belongs to the thread that made it; use it in a `with`."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._client: Client | None = None
        self._open: str | None = None
        """The mailbox that is open on this connection."""

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and log in. Raises ServerUnavailable, TryAgain or AuthenticationFailed, naming account and host."""
        login, secret = self.login, ""
        try:
            self._begin()
            try:
                secret = login.secret()
                self._log_in(secret)
            except AuthenticationFailed:
                if not secret or login.again is None:
                    raise
                self._begin()
                self._log_in(login.again(secret))
        except BaseException:
            self.close()
            raise

    def mechanisms(self) -> frozenset[str]:
        """How the server lets one log in, before anybody does: the names after `AUTH=`, and LOGIN for its own command
        (RFC 3501 6.2). Raises what `connect` raises."""
        self._begin()
        client = self._client
        assert client is not None
        with self._errors("CAPABILITY failed"):
            said = {ascii_word(c) for c in client.capabilities()}
        self.close()
        found = {c.removeprefix("AUTH=") for c in said if c.startswith("AUTH=")}
        return frozenset(found if "LOGINDISABLED" in said else {*found, "LOGIN"})

    def _begin(self) -> None:
        """A new connection, encrypted where it is to be, on which nobody is logged in."""
        self.close()
        with self._errors("could not connect (are `host`, `port` and `security` right?)"):
            self._client = self._connected()

    def _log_in(self, secret: str) -> None:
        client = self._client
        assert client is not None
        try:
            with self._errors("the login failed"):
                self._authenticate(client, secret)
                _identify(client)
        except MailbotError:
            self.close()
            raise

    def _connected(self) -> Client:
        login = self.login
        context = tls.context(login.ca_file) if login.security != "none" else None
        direct = context if login.security == "tls" else None
        client = Client(login.host, login.port, login.timeout, direct, login.ends)
        try:
            client.normalise_times = False
            client.folder_encode = False  # names are encoded here: one bad name must not end LIST
            client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if login.security == "starttls" and context:
                self._start_tls(client, context)
        except BaseException:
            _shut(client)
            raise
        return client

    def _start_tls(self, client: Client, context: ssl.SSLContext) -> None:
        if client._imap.state == "AUTH" or not client.has_capability("STARTTLS"):
            raise ServerUnavailable(
                f"{self._where}: the server does not offer STARTTLS, so no password was sent. Use `security: tls` and the TLS port"
            )
        client.socket().settimeout(self.login.timeout)  # the last answer was awaited in short looks
        client.starttls(context)

    def _authenticate(self, client: Client, secret: str) -> None:
        name = self.login.username
        if set(name + secret) & set("\r\n\0"):
            raise AuthenticationFailed(
                f"account {self.login.account}: its user name or its secret holds a line end in the middle, which no server"
                " takes; correct it where it is kept"
            )
        plain = client.has_capability("LOGINDISABLED") or not (name + secret).isascii()
        try:
            if (
                self.login.token
                and client.has_capability("AUTH=OAUTHBEARER")
                and not client.has_capability("AUTH=XOAUTH2")
            ):
                client.oauthbearer_login(name, secret)
            elif self.login.token:
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
            if wait := throttled(error):
                raise TryAgain(
                    f"{self._where}: the server asks to wait: {said(error)}", retry_after=wait
                ) from error
            what = "the access token" if self.login.token else "user name and password"
            raise AuthenticationFailed(
                f"{self._where}: the server refused {what} of {name}: {said(error)}. {self._advice}"
            ) from error

    def close(self) -> None:
        """Log out, or drop the connection where it no longer answers."""
        client, self._client, self._open = self._client, None, None
        if client is None:
            return
        if stopping.asked():  # nobody waits for a goodbye
            _shut(client)
            return
        try:
            client.logout()
        except (imaplib.IMAP4.error, OSError):
            _shut(client)
        except BaseException:
            _shut(client)
            raise

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
    def _advice(self) -> str:
        if self.login.again:
            return f"`mailbot auth login {self.login.account}` logs in anew; choose the login of that very address"
        return "Check `username` and `password`; many providers want an app password"

    @property
    def _where(self) -> str:
        return f"account {self.login.account} ({self.login.host}:{self.login.port})"

    @property
    def _imap(self) -> Client:
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
            why = tls.in_words(error, self.login.host, self.login.ca_file)
            raise ServerUnavailable(f"{self._where}: {what}: {why}") from error
        except (imaplib.IMAP4.abort, OSError) as error:
            self._drop()
            self._in_time()
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
                f"{self._where}: the connection was lost while the draft was stored in {shown(name)}: {said(error)}"
            ) from error
        except _REFUSED as error:
            self._drop()
            if "OVERQUOTA" in str(
                error
            ):  # on APPEND it says that the mailbox is full, not that we ask too often
                raise ServerUnavailable(
                    f"{self._where}: the server refused the draft in {shown(name)}: {said(error)}"
                ) from error
            raise self._failure(f"the server refused the draft in {shown(name)}", error) from error

    @contextmanager
    def _allowing(self, octets: int) -> Iterator[None]:
        """Inside, answers with messages of this size are expected; RFC822.SIZE is an estimate on Exchange."""
        client = self._imap
        literal = 2 * octets + 1_000_000
        client.allow(Allowance(literal, literal + Allowance().answer))
        try:
            yield
        finally:
            client.allow(Allowance())

    def _in_time(self) -> None:
        """Raises TryAgain if the account's time is over: then no server is to blame."""
        if time.monotonic() >= self.login.ends:
            raise TryAgain(
                f"account {self.login.account}: its `time_limit` is over; the next run goes on where this one stopped"
            )

    def _failure(self, what: str, error: BaseException) -> MailbotError:
        if wait := throttled(error):
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
    ArithmeticError,
    RecursionError,
)


def ascii_word(value: bytes | str) -> str:
    """A word of the protocol as text, in capitals."""
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)).upper()


def _shut(client: Client) -> None:
    try:
        client.shutdown()
    except (imaplib.IMAP4.error, OSError):
        return


def _identify(client: Client) -> None:
    """Say who we are (RFC 2971): 163.com and 126.com refuse a client that does not; others refuse the ID itself."""
    if client.has_capability("ID"):
        try:
            client.id_({"name": "mailbot", "version": __version__})
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, exceptions.IMAPClientError):
            return
