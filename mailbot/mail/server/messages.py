"""The messages of a mailbox: FETCH. Everything is read with BODY.PEEK, so that no flag changes."""

from __future__ import annotations

import email
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from mailbot.errors import ServerUnavailable, TryAgain
from mailbot.mail.message import MessageId, message_ids
from mailbot.mail.server.listing import Listing, number
from mailbot.mail.server.mailboxes import Mailboxes, ascii_text
from mailbot.mail.server.sent_header import SentHeader, sent_header

BATCH = 100
"""Messages named in one FETCH (Outlook takes about 1,900, Yahoo says MESSAGELIMIT=1000)."""
BATCH_OCTETS = 2 * 1024 * 1024
"""Octets asked for in one FETCH: imaplib holds an answer about three times."""
CHUNK = 4 * 1024 * 1024
"""Octets of one partial FETCH of a big mail."""


class Messages(Mailboxes):
    """Reads the messages of the mailbox that is open."""

    def listings(self, uids: Iterable[int]) -> list[Listing]:
        """Size, flags, Message-ID and arrival of messages; those the server did not describe are left out."""
        found: list[Listing] = []
        wanted = sorted(uids)
        asked = ["RFC822.SIZE", "FLAGS", "INTERNALDATE", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"]
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            answer = self._fetch(batch, asked)
            for uid in batch:
                data = answer.get(uid) or {}
                header = header_of(data)
                # A flag update that the server sends unasked is keyed by its sequence number, not a UID: only what
                # came with the header that was asked for is about this message.
                if b"RFC822.SIZE" not in data or header is None:
                    continue
                ids = ids_of(header, "message-id")
                flags = _flags(data)
                arrived = data.get(b"INTERNALDATE")
                at = _moment(arrived) if isinstance(arrived, datetime) else None
                found.append(Listing(uid, number(data[b"RFC822.SIZE"]), flags, ids[0] if ids else None, at))
        return found

    def bodies(self, listings: Iterable[Listing]) -> Iterator[tuple[int, bytes]]:
        """(uid, raw bytes) of messages, in the order given; big ones alone and in chunks.

        A message that the server refuses, or answers without a body (NIL, or flags only), is left out: it is not
        fetched, and the caller's cursor must not pass it.
        """
        batch: list[Listing] = []
        octets = 0
        for listing in listings:
            big = listing.size > BATCH_OCTETS
            if batch and (big or len(batch) == BATCH or octets + listing.size > BATCH_OCTETS):
                yield from self._batch(batch)
                batch, octets = [], 0
            if big:
                if raw := self._chunks(listing):
                    yield listing.uid, raw
                continue
            batch.append(listing)
            octets += listing.size
        if batch:
            yield from self._batch(batch)

    def _batch(self, batch: list[Listing]) -> list[tuple[int, bytes]]:
        octets = sum(m.size for m in batch)
        answer = self._fetch([m.uid for m in batch], ["BODY.PEEK[]"], octets)
        return [(m.uid, raw) for m in batch if (raw := _octets(answer.get(m.uid, {}).get(b"BODY[]")))]

    def _chunks(self, listing: Listing) -> bytes:
        """A big mail, whole or not at all: where a chunk does not come, or they never end, the mail is not fetched.
        (RFC822.SIZE is only an estimate on Exchange, so a short chunk is the end, not the size.)"""
        raw = bytearray()
        while len(raw) <= 2 * listing.size + CHUNK:
            asked = [f"BODY.PEEK[]<{len(raw)}.{CHUNK}>"]
            answer = self._fetch([listing.uid], asked, CHUNK // 2).get(listing.uid, {})
            item = f"BODY[]<{len(raw)}>".encode()
            if item not in answer:
                return b""
            chunk = _octets(answer[item])
            raw += chunk
            if len(chunk) < CHUNK:
                return bytes(raw)
        return b""

    def _fetch(self, uids: list[int], items: list[str], octets: int = 0) -> dict[int, dict[bytes, Any]]:
        """FETCH; where the server refuses, or sends more than the `octets` of messages that are expected, each message alone,
        so that a bad one costs only itself."""
        try:
            with self._allowing(octets), self._errors("FETCH failed"):
                return dict(self._imap.fetch(uids, items))
        except TryAgain:
            raise
        except ServerUnavailable:
            self._reopen()
        if len(uids) == 1:
            return {}
        answers: dict[int, dict[bytes, Any]] = {}
        for uid in uids:
            answers.update(self._fetch([uid], items, octets))
        return answers

    def header(self, uid: int) -> bytes:
        """The header of one message, b"" where there is none."""
        return _octets(self._fetch([uid], ["BODY.PEEK[HEADER]"]).get(uid, {}).get(b"BODY[HEADER]"))

    def headers(self, uids: list[int]) -> Iterator[tuple[int, SentHeader]]:
        """(uid, the header as far as it says what was written to whom and when) of messages of the open mailbox. A message
        that the server does not describe is left out."""
        asked = ["FLAGS", "BODY.PEEK[HEADER.FIELDS (FROM TO CC BCC DATE MESSAGE-ID IN-REPLY-TO REFERENCES)]"]
        for start in range(0, len(uids), BATCH):
            answer = self._fetch(uids[start : start + BATCH], asked)
            for uid in uids[start : start + BATCH]:
                data = answer.get(uid) or {}
                header = header_of(data)
                if header is not None:
                    yield uid, sent_header(header, _flags(data))


def _flags(data: dict[bytes, Any]) -> frozenset[str]:
    said = data.get(b"FLAGS")
    listed = said if isinstance(said, list | tuple) else ()
    return frozenset(ascii_text(f) for f in listed if isinstance(f, bytes))


def header_of(data: dict[bytes, Any]) -> bytes | None:
    """The header in a FETCH answer, b"" for an empty one, None if there is none."""
    return next((_octets(v) for k, v in data.items() if k.startswith(b"BODY[HEADER")), None)


def _octets(value: object) -> bytes:
    """The octets of a message in an answer; a server may send a number or a list in their place."""
    return value if isinstance(value, bytes) else b""


def ids_of(header: bytes, name: str) -> tuple[MessageId, ...]:
    """The msg-ids of one field: a server may send more fields than were asked for."""
    return message_ids(" ".join(str(v) for v in email.message_from_bytes(header).get_all(name, [])))


def _moment(arrived: datetime) -> datetime | None:
    """A time of imapclient's with a zone of the standard library, which can be sent to another process."""
    offset = arrived.utcoffset()
    try:
        return arrived if offset is None else arrived.replace(tzinfo=timezone(offset))
    except ValueError:  # an offset of a day or more
        return None
