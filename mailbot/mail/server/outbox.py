"""One mail to a submission server (RFC 6409), step by step, so that what is not known to be sent is never taken for sent, nor for
not sent. smtplib is imported here alone."""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any

from mailbot import stopping
from mailbot.errors import AuthenticationFailed, ServerUnavailable, TryAgain
from mailbot.hearsay import confidence, one_line
from mailbot.mail.mime.wire import Wire
from mailbot.mail.server import tls
from mailbot.mail.server.connection import Login

PATIENCE = 300.0
"""Seconds that an answer may take (RFC 5321 4.5.3.2: five minutes for the greeting, MAIL and RCPT)."""
AFTER_DOT = 600.0
"""Seconds for the answer to the final dot (RFC 5321 4.5.3.2.6): a server that is cut off before may have taken the mail."""
LINES, LINE = 200, 4096
"""The longest answer, in lines and in octets of one."""
PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has taken the mail. `refused` says of each recipient that it did not take, why."""

    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not take the mail, and nothing of it was sent. `refused` names recipients, where it lay with them."""

    why: str
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing was sent, and the same mail may be tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer to the whole mail never came: it may have been sent or not."""

    why: str


Outcome = Accepted | Refused | Later | Lost


class _Answer(Exception):
    """An answer that ends the conversation, by its code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code

    @property
    def later(self) -> bool:
        return self.code // 100 == 4 or self.code == -1


class _Client(smtplib.SMTP):
    """smtplib's client with bounds: each answer has a time and a size, and a run that is ended waits for none."""

    def __init__(self, login: Login, context: ssl.SSLContext | None) -> None:
        self.login_, self.context = login, context
        self._buffer = b""
        super().__init__(timeout=login.timeout)
        self._host = login.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = socket.create_connection((host, port), timeout)
        if self.login_.security == "tls" and self.context:
            try:
                made = self.context.wrap_socket(made, server_hostname=host)
            except BaseException:
                made.close()
                raise
        self.local_hostname = _literal(made)
        return made

    def getreply(self) -> tuple[int, bytes]:
        return self.reply(PATIENCE)

    def reply(self, patience: float) -> tuple[int, bytes]:
        """(code, text) of an answer (RFC 5321 4.2.1). Raises SMTPServerDisconnected where none comes."""
        end, lines = min(time.monotonic() + max(patience, self.login_.timeout), self.login_.ends), []
        while True:
            line = self._line(end)
            lines.append(line[4:].strip())
            if not re.match(rb"\d{3}", line):
                self.close()
                raise smtplib.SMTPServerDisconnected("its answer makes no sense")
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
            if len(lines) > LINES:
                self.close()
                raise smtplib.SMTPServerDisconnected("its answer has no end")

    def _line(self, end: float) -> bytes:
        while b"\n" not in self._buffer:
            stopping.check()
            left = end - time.monotonic()
            if left <= 0 or len(self._buffer) > LINE or self.sock is None:
                self.close()
                raise smtplib.SMTPServerDisconnected(
                    "it did not answer in time" if left <= 0 else "a line without an end"
                )
            self.sock.settimeout(min(left, stopping.POLL))
            try:
                data = self.sock.recv(LINE)
            except TimeoutError:
                continue
            except OSError as error:
                self.close()
                raise smtplib.SMTPServerDisconnected(
                    f"the connection was lost ({error.strerror or error})"
                ) from error
            if not data:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def send(self, s: Any) -> None:
        data = s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection was lost")
        try:
            for at in range(0, len(data), PIECE):
                stopping.check()
                self.sock.settimeout(PATIENCE)
                self.sock.sendall(data[at : at + PIECE])
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(
                f"the connection was lost ({error.strerror or error})"
            ) from error

    def encrypt(self, context: ssl.SSLContext) -> None:
        """STARTTLS (RFC 3207). Nothing that was said before it is believed after it."""
        self._wanted("STARTTLS", 220)
        if self._buffer:
            self.close()
            raise smtplib.SMTPServerDisconnected("octets in front of the TLS handshake")
        assert self.sock is not None
        self.sock = context.wrap_socket(self.sock, server_hostname=self.login_.host)
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features, self.does_esmtp = {}, False

    def _wanted(self, command: str, *codes: int) -> bytes:
        code, text = self.docmd(command)
        if code not in codes:
            raise _Answer(code, _said(text))
        return text


@dataclass(slots=True)
class Outbox:
    """Where an account's mail goes out."""

    login: Login

    def check(self) -> None:
        """Connect and log in, and send nothing. Raises what `submit` raises."""
        self._opened().close()

    def submit(self, wire: Wire) -> Outcome:
        """Hand over one mail. Raises ServerUnavailable or TryAgain where the server could not be reached, AuthenticationFailed where
        it refused the login: then nothing was sent either."""
        confidence.text(wire.raw.decode("utf-8", "replace"))
        client = self._opened()
        try:
            return self._conversation(client, wire)
        except _Answer as answer:
            said = f"{self._where}: the server said {answer}"
            return Later(said) if answer.later else Refused(said)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"{self._where}: {_said(error)}; nothing was sent")
        finally:
            client.close()

    def _conversation(self, client: _Client, wire: Wire) -> Outcome:
        options = self._options(client, wire)
        if isinstance(options, Refused):
            return options
        code, text = client.mail(wire.sender, options)
        if code != 250:
            raise _Answer(code, _said(text))
        refused: dict[str, str] = {}
        worst = 0
        for address in wire.recipients:
            code, text = client.rcpt(address.email)
            if code not in (250, 251, 252):
                refused[address.email] = f"{code} {_said(text)}"
                worst = max(worst, code)
            if code == 421:
                raise _Answer(code, _said(text))
        if len(refused) == len(wire.recipients):
            why = f"{self._where}: the server refused every recipient: " + "; ".join(
                f"{a}: {w}" for a, w in refused.items()
            )
            return Later(why) if worst < 500 else Refused(why, refused)
        code, text = client.docmd("DATA")
        if code != 354:
            raise _Answer(code, _said(text))
        return self._data(client, wire.raw, refused)

    def _data(self, client: _Client, raw: bytes, refused: dict[str, str]) -> Outcome:
        stuffed = re.sub(rb"(?m)^\.", b"..", raw)
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        client.send(stuffed)
        try:
            client.send(b".\r\n")
            code, text = client.reply(AFTER_DOT)
        except (OSError, smtplib.SMTPException) as error:
            return Lost(f"{self._where}: {_said(error)} after the whole mail was handed over")
        if code == 250:
            return Accepted(refused)
        why = f"{self._where}: the server said {code} {_said(text)}"
        return Later(why) if code // 100 == 4 else Refused(why)

    def _options(self, client: _Client, wire: Wire) -> list[str] | Refused:
        """The parameters of MAIL FROM, or why this server cannot take the mail."""
        options = []
        if wire.utf8 and not client.has_extn("smtputf8"):
            return Refused(
                f"{self._where}: an address or a header has letters beyond ASCII, and the server cannot take them (SMTPUTF8)"
            )
        if wire.eight_bit and not client.has_extn("8bitmime"):
            return Refused(
                f"{self._where}: the text has letters beyond ASCII as they are, and the server cannot take them (8BITMIME)"
            )
        most = re.sub(r"\D", "", client.esmtp_features.get("size", ""))
        if most and 0 < int(most) < len(wire.raw):
            return Refused(
                f"{self._where}: the mail has {len(wire.raw)} octets, and the server takes at most {most}"
            )
        if client.has_extn("size"):
            options.append(f"SIZE={len(wire.raw)}")
        if wire.eight_bit:
            options.append("BODY=8BITMIME")
        return [*options, "SMTPUTF8"] if wire.utf8 else options

    def _opened(self) -> _Client:
        """A client that is connected, encrypted and logged in."""
        login = self.login
        context = tls.context(login.ca_file) if login.security != "none" else None
        client = _Client(login, context)
        try:
            code, text = client.connect(login.host, login.port)
            if code != 220:
                raise _Answer(code, _said(text))
            client.ehlo_or_helo_if_needed()
            if login.security == "starttls" and context:
                if not client.has_extn("starttls"):
                    raise ServerUnavailable(
                        f"{self._where}: the server does not offer STARTTLS, so neither password nor mail was sent. Use"
                        " `security: tls` and the TLS port"
                    )
                client.encrypt(context)
                client.ehlo_or_helo_if_needed()
            self._authenticate(client)
            return client
        except ssl.SSLError as error:
            client.close()
            raise ServerUnavailable(
                f"{self._where}: {tls.in_words(error, login.host, login.ca_file)}"
            ) from error
        except _Answer as answer:
            client.close()
            kind = TryAgain if answer.later else ServerUnavailable
            raise kind(f"{self._where}: the server said {answer}") from answer
        except (OSError, smtplib.SMTPException) as error:
            client.close()
            raise ServerUnavailable(
                f"{self._where}: could not connect (are `host`, `port` and `security` of `smtp` right?): {_said(error)}"
            ) from error
        except BaseException:
            client.close()
            raise

    def _authenticate(self, client: _Client) -> None:
        offered = client.esmtp_features.get("auth", "").upper().split()
        if not offered:
            return  # a server of this machine, or one that knows us by our address: it says so at MAIL if not
        name, secret = self.login.username, self.login.secret()
        if set(name + secret) & set("\r\n\0"):
            raise AuthenticationFailed(
                f"account {self.login.account}: its user name or its secret holds a line end in the middle"
            )
        if self.login.token and "XOAUTH2" in offered:
            code, text = client.docmd(
                "AUTH", f"XOAUTH2 {_base64(f'user={name}{chr(1)}auth=Bearer {secret}{chr(1)}{chr(1)}')}"
            )
            if code == 334:  # the error stands in the challenge; an empty answer asks for the verdict
                code, text = client.docmd("")
        elif not self.login.token and "PLAIN" in offered:
            code, text = client.docmd("AUTH", f"PLAIN {_base64(chr(0) + name + chr(0) + secret)}")
        elif not self.login.token and "LOGIN" in offered:
            code, text = client.docmd("AUTH", "LOGIN")
            for answer in (name, secret):
                if code == 334:
                    code, text = client.docmd(_base64(answer))
        else:
            wanted = "XOAUTH2" if self.login.token else "PLAIN or LOGIN"
            raise AuthenticationFailed(
                f"{self._where}: the server offers no login by {wanted}, only {one_line(' '.join(offered))[:80]}"
            )
        if code == 235:
            return
        if code // 100 == 4:
            raise TryAgain(f"{self._where}: the server cannot log in now: {code} {_said(text)}")
        hint = "Check `username` and `password` in accounts.yaml; many providers want an app password"
        if b"5.7.139" in text:
            hint = "Your administrator has switched sending by SMTP off (SMTP AUTH); ask for it, or send from your mail client"
        raise AuthenticationFailed(
            f"{self._where}: the server refused the login of {name}: {code} {_said(text)}. {hint}"
        )

    @property
    def _where(self) -> str:
        return f"account {self.login.account} (smtp {self.login.host}:{self.login.port})"


def _literal(sock: socket.socket) -> str:
    """How this machine names itself in EHLO: by its address (RFC 5321 4.1.3), which tells less than its name."""
    host = str(sock.getsockname()[0])
    return f"[IPv6:{host.partition('%')[0]}]" if ":" in host else f"[{host}]"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _said(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return confidence.cleaned(one_line(text[:1000])) or type(value).__name__
