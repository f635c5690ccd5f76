"""The octets of one IMAP connection: how long is waited for them, and how many are taken.

imaplib reads whatever a server sends, however long that takes. Here every command has a time, every literal a size that
follows from what was asked for, and every answer a size and a count.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient

from mailbot import stopping
from mailbot.effect import Effect

LINE = 10_000_000
"""Octets of one line: a SEARCH that names a million UIDs."""
LITERAL = 1_000_000
"""Octets of one literal where no message was asked for: a header, a name."""
ANSWER = 16_000_000
"""Octets of one whole answer where no message was asked for."""
LINES = 100_000
"""Untagged lines of one answer: a LIST of as many mailboxes."""
RATE = 2_000
"""Octets a second that an answer must bring on the whole; what drips more slowly has the time of a silent server."""
PATIENCE = 5
"""How many times as long an answer may take that comes line by line: a long SEARCH says that it is still at it."""
PIECE = 65_536


class IdleRefused(Exception):
    """The server does not take IDLE, though it says that it can."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most octets of one literal, and of a whole answer."""

    literal: int = LITERAL
    answer: int = ANSWER


class TooMuch(imaplib.IMAP4.abort):
    """The answer is larger than what was asked for can be. What is left of it was not read, so the connection is of no more use."""


class BoundedIMAP4(imaplib.IMAP4):
    """imaplib's client with bounds. `silence` is how long, in seconds, a server may send nothing; `ends` is the time
    (`time.monotonic`) when all is over. With `context` it speaks TLS from the first octet."""

    def __init__(
        self, host: str, port: int, silence: float, context: ssl.SSLContext | None, ends: float
    ) -> None:
        self._silence, self._context, self._ends = silence, context, ends
        self.allowance = Allowance()
        self._begin()
        self._buffer = bytearray()
        self._source: Any = None
        super().__init__(host, port, silence)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout)
        if self._context is None:
            return sock
        try:
            return self._context.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise

    def _begin(self) -> None:
        """A command begins, or the greeting is awaited: its time and its size are counted from here."""
        self._started = time.monotonic()
        self._octets = self._lines = 0

    def _new_tag(self) -> bytes:
        self._begin()
        tag: bytes = super()._new_tag()  # type: ignore[misc]
        return tag

    def send(self, data: Any) -> None:
        for at in range(0, len(data), PIECE):
            stopping.check()
            self.sock.settimeout(self._silence)
            self.sock.sendall(data[at : at + PIECE])
        if len(data) > PIECE:
            self._started = time.monotonic()  # the answer is awaited from here

    def read(self, size: int) -> bytes:
        if size > self.allowance.literal:
            raise TooMuch(f"a literal of {size} octets, where at most {self.allowance.literal} were to come")
        self._count(size)
        self._of_this_stream()
        while len(self._buffer) < size and self._more():
            pass
        return self._taken(size)

    def readline(self) -> bytes:
        self._of_this_stream()
        at = self._buffer.find(b"\n")
        while at < 0:
            seen = len(self._buffer)
            if seen > LINE:
                raise TooMuch("a line without an end")
            if not self._more():
                return self._taken(len(self._buffer))
            at = self._buffer.find(b"\n", seen)
        if at >= LINE:
            raise TooMuch("a line that is too long")
        self._lines += 1
        if self._lines > LINES:
            raise TooMuch(f"an answer of more than {LINES} lines")
        self._count(at)
        return self._taken(at + 1)

    def line_within(self, seconds: float, wanted: Callable[[], bool]) -> bytes | None:
        """The next line that the server sends by itself; None if none comes in this time, or if `wanted` says that nobody waits any
        more. Raises imaplib's abort at the end of the stream, and for a line without an end."""
        self._of_this_stream()
        end = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            stopping.check()
            left = min(end, self._ends) - time.monotonic()
            if left <= 0 or not wanted():
                return None
            if len(self._buffer) > LINE:
                raise TooMuch("a line without an end")
            self.sock.settimeout(min(left, stopping.POLL))
            try:
                data = self.sock.recv(PIECE)
            except TimeoutError:
                continue
            if not data:
                raise imaplib.IMAP4.abort("the server closed the connection")
            self._buffer += data
        return self._taken(self._buffer.find(b"\n") + 1)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _count(self, octets: int) -> None:
        self._octets += octets
        if self._octets > self.allowance.answer:
            raise TooMuch(f"an answer of more than {self.allowance.answer} octets")

    def _of_this_stream(self) -> None:
        """Nothing that was said before TLS is believed after it (RFC 3501 11.1)."""
        if self._source is not self.sock:
            if self._buffer:
                raise TooMuch("octets in front of the TLS handshake")
            self._source = self.sock

    def _more(self) -> bool:
        """Read what has come into the buffer; False at the end of the stream. Raises TimeoutError, and Stopped."""
        last = time.monotonic()
        while True:
            stopping.check()
            now = time.monotonic()
            most = self._silence * (PATIENCE if self._lines else 1)
            slowest = self._started + most + (self._octets + len(self._buffer)) / RATE
            left = min(last + self._silence, slowest, self._ends) - now
            if left <= 0:
                raise TimeoutError("it did not answer in time")
            self.sock.settimeout(min(left, stopping.POLL))
            try:
                data = self.sock.recv(PIECE)
            except TimeoutError:
                continue
            self._buffer += data
            return bool(data)


class Client(IMAPClient):  # type: ignore[misc]
    """imapclient's client over a bounded stream."""

    def __init__(
        self, host: str, port: int, silence: float, context: ssl.SSLContext | None, ends: float
    ) -> None:
        self._bounds = silence, context, ends
        super().__init__(host, port=port, ssl=context is not None, ssl_context=context, timeout=silence)
        self._imap.debug = 0  # imapclient has every line of a mail put into words for a log that nobody keeps

    def _create_IMAP4(self) -> BoundedIMAP4:  # noqa: N802 - imapclient's name
        silence, context, ends = self._bounds
        return BoundedIMAP4(self.host, self.port, silence, context, ends)

    def fetch_lines(self, positions: str, items: str) -> list[bytes]:
        """FETCH by sequence numbers, which imapclient has no word for; the untagged lines as they came, literals left out."""
        kind, lines = self._imap.fetch(positions, items)
        if kind != "OK":
            raise imaplib.IMAP4.error("FETCH was refused")
        return [line for line in lines if isinstance(line, bytes)]

    def mark_deleted(self, uid: int, *, again: bool = False) -> bool:
        """Add `\\Deleted` to one message of the open mailbox. False where it was gone, or marked meanwhile: with CONDSTORE by
        UNCHANGEDSINCE (RFC 7162 3.1.3), else by a second look. `again`: it may have been marked before."""
        items = ["FLAGS", "MODSEQ"] if self.has_capability("CONDSTORE") else ["FLAGS"]
        found = self.fetch([uid], items).get(uid) or {}
        if b"FLAGS" not in found:
            return False
        if b"\\deleted" in {bytes(f).lower() for f in found[b"FLAGS"]}:
            return again
        since = found.get(b"MODSEQ", (0,))[0]
        unless = f"(UNCHANGEDSINCE {int(since)}) " if since else ""
        self._imap.untagged_responses.pop("MODIFIED", None)
        with Effect.FLAG_STORED:
            kind, said = self._imap.uid("STORE", str(uid), f"{unless}+FLAGS", "(\\Deleted)")
        if kind != "OK":
            raise imaplib.IMAP4.error(f"STORE was refused: {said!r}")
        return not self._imap.untagged_responses.pop("MODIFIED", None)

    def idle_until(self, seconds: float, wanted: Callable[[], bool], known: int) -> tuple[bool, int]:
        """IDLE (RFC 2177) on the open mailbox, of which so many messages are `known`: (True as soon as the server tells of more or less
        of them, False when the time is over or `wanted` says so; how many there are now). A mail that is read or removed elsewhere
        is no news, nor is a number that is known. What comes in one packet with the server's `+`, or is split over several, is heard
        too. Raises IdleRefused, and imaplib's abort where the server says BYE or ends IDLE by itself."""
        for said in ("EXISTS", "EXPUNGE", "RECENT"):
            self._imap.untagged_responses.pop(said, None)
        self._idle_tag = self._imap._command("IDLE")
        while self._imap._get_response():  # None is the server's `+`
            if self._imap.tagged_commands[self._idle_tag]:
                raise IdleRefused
        early = self._imap.untagged_responses.get("EXISTS", [])
        there = int(early[-1]) if early and early[-1].isdigit() else known
        end, lines = time.monotonic() + seconds, 0
        while there == known:
            line = self._imap.line_within(end - time.monotonic(), wanted)
            if line is None:
                break
            lines += 1
            if not line.startswith(b"* ") or line[2:5].upper() == b"BYE" or lines > LINES:
                raise imaplib.IMAP4.abort("the server ended IDLE")
            if found := re.match(rb"\* (\d{1,10}) (EXISTS|EXPUNGE)\b", line, re.IGNORECASE):
                if found[2].upper() == b"EXISTS":
                    there = int(found[1])
                else:
                    known = there = known - 1
        self.idle_done()
        return there != known, there

    def says_empty(self) -> bool:
        """Whether the mailbox that was just opened is said to hold nothing."""
        said: list[bytes] = self._imap.untagged_responses.get("EXISTS", [])
        return said[-1:] == [b"0"]

    def allow(self, allowance: Allowance) -> None:
        """What the next answers may hold."""
        self._imap.allowance = allowance
