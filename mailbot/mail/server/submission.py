"""The octets of one SMTP connection: how long is waited for an answer, and how much of it is taken. smtplib is imported here and in
`outbox.py`."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from typing import Any

from mailbot import stopping
from mailbot.hearsay import confidence, one_line
from mailbot.mail.server.login import Login

PATIENCE = 300.0
"""Seconds that an answer may take (RFC 5321 4.5.3.2: five minutes for the greeting, MAIL and RCPT)."""
LINES, LINE = 200, 4096
"""The longest answer, in lines and in octets of one."""
PIECE = 65_536


class Answer(Exception):
    """An answer that ends the conversation, by its code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code

    @property
    def later(self) -> bool:
        """Whether another try may go better: only a code of 5xx is a no (RFC 5321 4.2.1). One that is out of turn says that the line is
        broken."""
        return self.code // 100 != 5


class Client(smtplib.SMTP):
    """smtplib's client with bounds: each answer has a time and a size, and a run that is ended waits for none."""

    def __init__(self, login: Login, context: ssl.SSLContext | None) -> None:
        self.login_, self.context = login, context
        self._buffer = b""
        self._last = b""
        super().__init__(
            local_hostname="localhost", timeout=login.timeout
        )  # else the name of this machine is looked up
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
            if not re.match(rb"\d{3}(?:[ -]|$)", line):
                self.close()
                raise smtplib.SMTPServerDisconnected("it does not answer like an SMTP server")
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
        left, end = memoryview(data), time.monotonic() + PATIENCE
        try:
            while left:
                stopping.check()
                self.sock.settimeout(stopping.POLL)
                try:
                    left = left[self.sock.send(left[:PIECE]) :]
                    end = time.monotonic() + PATIENCE
                except TimeoutError:
                    if time.monotonic() >= min(end, self.login_.ends):
                        raise
        except OSError as error:
            self._last = self._unread()
            self.close()
            raise smtplib.SMTPServerDisconnected(
                f"the connection was lost ({error.strerror or error})"
            ) from error

    def _unread(self) -> bytes:
        """What the server has said and nobody has read yet."""
        try:
            assert self.sock is not None
            self.sock.settimeout(stopping.POLL)
            return self._buffer + self.sock.recv(LINE)
        except OSError:
            return self._buffer

    def last_words(self) -> Answer | None:
        """What the server said before it hung up in the middle of what we sent, if that was a no."""
        found = re.match(rb"([45]\d\d)[ -]([^\r\n]*)", self._last)
        return Answer(int(found[1]), said(found[2])) if found else None

    def encrypt(self, context: ssl.SSLContext) -> None:
        """STARTTLS (RFC 3207). Nothing that was said before it is believed after it."""
        self._wanted("STARTTLS", 220)
        if self._buffer:
            self.close()
            raise smtplib.SMTPServerDisconnected("octets in front of the TLS handshake")
        assert self.sock is not None
        self.sock.settimeout(self.login_.timeout)  # the last answer was awaited in short looks
        self.sock = context.wrap_socket(self.sock, server_hostname=self.login_.host)
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features, self.does_esmtp = {}, False

    def _wanted(self, command: str, *codes: int) -> bytes:
        code, text = self.docmd(command)
        if code not in codes:
            raise Answer(code, said(text))
        return text


def _literal(sock: socket.socket) -> str:
    """How this machine names itself in EHLO: by its address (RFC 5321 4.1.3), which tells less than its name."""
    host = str(sock.getsockname()[0])
    return f"[IPv6:{host.partition('%')[0]}]" if ":" in host else f"[{host}]"


def said(value: object) -> str:
    """What a server said, or went wrong, on one short line."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return confidence.cleaned(one_line(text[:1000])) or type(value).__name__
