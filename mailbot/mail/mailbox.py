"""An IMAP account's mailboxes: find, read, append.

`../shared/provider-quirks.md` is this module's specification; where a line looks strange, a server is the reason.
"""

from __future__ import annotations

import email
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mailbot.errors import ServerUnavailable, TryAgain
from mailbot.mail.connection import Connection, encoded, mailbox_name
from mailbot.mail.message import MessageId, message_ids
from mailbot.mail.sent_header import SentHeader, sent_header
from mailbot.mail.special_use import Listed, SpecialUse, special_use

BATCH = 100
"""Messages named in one FETCH (Outlook takes about 1,900, Yahoo says MESSAGELIMIT=1000)."""
BATCH_OCTETS = 8 * 1024 * 1024
"""Octets asked for in one FETCH: imaplib holds an answer about three times."""
CHUNK = 4 * 1024 * 1024
"""Octets of one partial FETCH of a big mail."""
SEARCH_WINDOW = 50_000
"""UIDs asked about in one SEARCH: imaplib refuses a line of more than 1,000,000 octets."""
SCAN = 5_000
"""The newest UIDs whose headers are read where SEARCH is of no use."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What EXAMINE said of a mailbox. `uidnext` is 0 where the server does not say."""

    name: str
    uidvalidity: int
    uidnext: int
    exists: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A message's facts, before its body is fetched. `size` is RFC822.SIZE in octets."""

    uid: int
    size: int
    flags: frozenset[str]
    message_id: MessageId | None
    internal_date: datetime | None


class Mailbox(Connection):
    """The mailboxes of one account.

    Inboxes are opened with EXAMINE and read with BODY.PEEK; what changes a mailbox is `append_draft`, `remove_draft`
    and `create`, and they are for Drafts.
    """

    _listed: list[Listed] | None = None
    _last_open: str | None = None

    # --- mailboxes -------------------------------------------------------------------------------------------------

    def mailboxes(self) -> list[Listed]:
        """What LIST shows, asked once."""
        if self._listed is None:
            with self._errors("LIST failed"):
                self._listed = [
                    Listed(mailbox_name(name), _ascii(delimiter or b""), tuple(_ascii(f) for f in flags))
                    for flags, delimiter, name in self._imap.list_folders()
                ]
        return self._listed

    def personal_namespace(self) -> str:
        """The prefix of the user's own mailboxes (RFC 2342); empty where the server has no NAMESPACE."""
        with self._errors("NAMESPACE failed"):
            if not self._imap.has_capability("NAMESPACE"):
                return ""
            personal = self._imap.namespace().personal
            return str(personal[0][0]) if personal else ""

    def find(self, use: SpecialUse, configured: str = "auto") -> str:
        """The mailbox for a use. Raises ServerUnavailable with the names that are there, where none is found."""
        name = special_use(use, self.mailboxes(), configured, self.personal_namespace())
        if name is None:
            there = ", ".join(sorted(m.name for m in self.mailboxes())[:20])
            wanted = (
                f"no mailbox {configured!r}"
                if configured != "auto"
                else f"no {use.title()} mailbox was recognised"
            )
            raise ServerUnavailable(
                f"{self._where}: {wanted}; set `{use}_mailbox` in accounts.yaml to one of: {there}"
            )
        return name

    def create(self, name: str) -> str:
        """CREATE a mailbox below the personal namespace and say its full name."""
        full = self.personal_namespace() + name
        with self._errors(f"could not create {full}"):
            self._imap.create_folder(encoded(full))
        self._listed = None
        return full

    def examine(self, name: str) -> Opened:
        """EXAMINE: read-only, by the protocol's own promise (RFC 3501 6.3.2)."""
        with self._errors(f"could not open the mailbox {name}"):
            answer = self._imap.select_folder(encoded(name), readonly=True)
            self._open = self._last_open = name
            uidnext = int(answer.get(b"UIDNEXT") or 0)
            if not uidnext:
                status = self._imap.folder_status(encoded(name), ["UIDNEXT"])
                uidnext = int(status.get(b"UIDNEXT") or 0)
            return Opened(
                name, int(answer.get(b"UIDVALIDITY") or 0), uidnext, int(answer.get(b"EXISTS") or 0)
            )

    def _reopen(self) -> None:
        """After a failure: a connection that answers, with the mailbox open as it was."""
        self.ensure()
        if self._open is None and self._last_open is not None:
            self.examine(self._last_open)

    # --- reading ---------------------------------------------------------------------------------------------------

    def search(
        self, criteria: Sequence[Any], *, first: int = 1, last: int = 0, exists: int | None = None
    ) -> list[int]:
        """The UIDs from `first` to `last` (0: to the end) that match, ascending; asked in windows where the mailbox
        has more messages (`exists`) than one answer should name.

        `UID n:*` answers with the last message where n lies beyond it (RFC 3501 6.4.8): such UIDs are dropped.
        """
        found: set[int] = set()
        windows = [f"{first}:*"]
        if last and (exists is None or exists > SEARCH_WINDOW):
            starts = range(first, last + 1, SEARCH_WINDOW)
            windows = [f"{start}:{min(start + SEARCH_WINDOW - 1, last)}" for start in starts]
        for window in windows:
            with self._errors("SEARCH failed"):
                found.update(self._imap.search(["UID", window, *criteria], charset=None))
        return sorted(uid for uid in found if uid >= first and (not last or uid <= last))

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
                header = _header(data)
                # A flag update that the server sends unasked is keyed by its sequence number, not a UID: only what
                # came with the header that was asked for is about this message.
                if b"RFC822.SIZE" not in data or header is None:
                    continue
                ids = _ids(header, "message-id")
                flags = frozenset(_ascii(f) for f in data.get(b"FLAGS") or ())
                size = int(data[b"RFC822.SIZE"] or 0)
                found.append(Listing(uid, size, flags, ids[0] if ids else None, data.get(b"INTERNALDATE")))
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
        answer = self._fetch([m.uid for m in batch], ["BODY.PEEK[]"])
        return [(m.uid, raw) for m in batch if (raw := answer.get(m.uid, {}).get(b"BODY[]"))]

    def _chunks(self, listing: Listing) -> bytes:
        """A big mail, whole or not at all: where a chunk does not come, or they never end, the mail is not fetched.
        (RFC822.SIZE is only an estimate on Exchange, so a short chunk is the end, not the size.)"""
        raw = bytearray()
        while len(raw) <= 2 * listing.size + CHUNK:
            answer = self._fetch([listing.uid], [f"BODY.PEEK[]<{len(raw)}.{CHUNK}>"]).get(listing.uid, {})
            item = f"BODY[]<{len(raw)}>".encode()
            if item not in answer:
                return b""
            chunk = answer[item] or b""
            raw += chunk
            if len(chunk) < CHUNK:
                return bytes(raw)
        return b""

    def _fetch(self, uids: list[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        """FETCH; where the server refuses, each message alone, so that a bad one costs only itself."""
        try:
            with self._errors("FETCH failed"):
                return dict(self._imap.fetch(uids, items))
        except TryAgain:
            raise
        except ServerUnavailable:
            self._reopen()
        if len(uids) == 1:
            return {}
        answers: dict[int, dict[bytes, Any]] = {}
        for uid in uids:
            answers.update(self._fetch([uid], items))
        return answers

    def header(self, uid: int) -> bytes:
        """The header of one message, b"" where there is none."""
        return self._fetch([uid], ["BODY.PEEK[HEADER]"]).get(uid, {}).get(b"BODY[HEADER]") or b""

    def parents(self, since: date) -> set[MessageId]:
        """The ids that messages of the open mailbox, dated since, answer (their In-Reply-To); our own drafts aside."""
        uids = self.search(["SINCE", since])
        found: set[MessageId] = set()
        for start in range(0, len(uids), BATCH):
            asked = ["BODY.PEEK[HEADER.FIELDS (IN-REPLY-TO X-MAILBOT-ID)]"]
            for data in self._fetch(uids[start : start + BATCH], asked).values():
                header = _header(data) or b""
                if b"x-mailbot-id:" not in header.lower():
                    found.update(_ids(header, "in-reply-to"))
        return found

    def headers(self, uids: list[int]) -> Iterator[tuple[int, SentHeader]]:
        """(uid, the header as far as it says what was written to whom and when) of messages of the open mailbox. A message
        that the server does not describe is left out."""
        asked = ["BODY.PEEK[HEADER.FIELDS (TO CC BCC DATE MESSAGE-ID IN-REPLY-TO)]"]
        for start in range(0, len(uids), BATCH):
            answer = self._fetch(uids[start : start + BATCH], asked)
            for uid in uids[start : start + BATCH]:
                header = _header(answer.get(uid) or {})
                if header is not None:
                    yield uid, sent_header(header)

    def copies(
        self, name: str, message_id: MessageId, *, from_uid: int = 1, parent: MessageId | None = None
    ) -> list[int]:
        """The UIDs in a mailbox of the message with this Message-ID, or that names it in X-Mailbot-Id (some servers
        set a Message-ID of their own), or, where `parent` is given, that answers it.

        SEARCH is only a hint (iCloud and Yandex want the id with brackets, Yahoo answers SERVERBUG, Exchange matches
        parts): what it finds is checked, and where it finds nothing the headers from `from_uid` on are read. Raises
        ServerUnavailable where neither could be done: not to have looked is not the same as not to be there.
        """
        opened = self.examine(name)
        for wanted in (message_id, message_id.strip("<>")):
            try:
                uids = self.search(["HEADER", "Message-ID", wanted])
            except ServerUnavailable:
                self._reopen()
                continue
            if exact := self._same(uids[-BATCH:], message_id, None):
                return exact
        if not opened.exists:
            return []
        last = opened.uidnext - 1
        first = max(from_uid, last - SCAN + 1)
        try:
            uids = self.search(["ALL"], first=first)
        except ServerUnavailable:
            if last < first:
                raise
            self._reopen()
            uids = list(range(first, last + 1))
        found: list[int] = []
        for start in range(0, len(uids), BATCH):
            found += self._same(uids[start : start + BATCH], message_id, parent)
        return found

    def _same(self, uids: list[int], message_id: MessageId, parent: MessageId | None) -> list[int]:
        """Those of the messages that are the one looked for."""
        if not uids:
            return []
        with self._errors("FETCH failed"):
            asked = ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-MAILBOT-ID IN-REPLY-TO)]"]
            answer = self._imap.fetch(uids, asked)
        found = []
        for uid in uids:
            header = _header(answer.get(uid) or {}) or b""
            mark = str(email.message_from_bytes(header).get("x-mailbot-id", "")).strip()
            answers = parent is not None and parent in _ids(header, "in-reply-to")
            if message_id in _ids(header, "message-id") or mark == message_id.strip("<>") or answers:
                found.append(uid)
        return found

    # --- writing ---------------------------------------------------------------------------------------------------

    def append_draft(self, name: str, message: bytes, message_id: MessageId) -> int | None:
        """APPEND a draft with `\\Draft \\Seen`, and say its UID where that could be confirmed.

        The server's APPENDUID is a hint (absent, wrong or reversed on some): the header at that UID is read, else the
        mailbox is searched. Raises AppendUnknown where the answer never came: look before appending again; any other
        MailbotError means that nothing was stored.
        """
        with self._append_errors(name):
            answer = self._imap.append(encoded(name), message, flags=(b"\\Draft", b"\\Seen"))
        hint = re.search(
            rb"APPENDUID \d+ (\d+)", answer if isinstance(answer, bytes) else str(answer).encode()
        )
        try:
            if hint:
                self.examine(name)
                if message_id in _ids(self.header(int(hint[1])), "message-id"):
                    return int(hint[1])
            found = self.copies(name, message_id)
        except (ServerUnavailable, TryAgain):
            return None  # it is stored; where, a later look may say
        return found[-1] if found else None

    def deliver(self, name: str, message: bytes) -> None:
        """APPEND a message as new, unread mail: for the demo's own server."""
        with self._errors(f"could not store a mail in {name}"):
            self._imap.append(encoded(name), message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def remove_draft(self, name: str, uidvalidity: int, uid: int, sha256: str) -> bool:
        """Take a draft of ours out of Drafts, if it still lies at its UID byte for byte as we appended it.

        UID EXPUNGE only (RFC 4315), which touches no other mail; Gmail, whose EXPUNGE archives, is asked to move it to
        Trash. False, and nothing changed, where the draft was touched or the server can do neither.
        """
        if self.examine(name).uidvalidity != uidvalidity:
            return False
        raw = self._fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
        if not raw or hashlib.sha256(raw).hexdigest() != sha256:
            return False
        with self._errors(f"could not remove the old draft from {name}"):
            gmail = self._imap.has_capability("X-GM-EXT-1")
            trash = (
                special_use("trash", self.mailboxes(), personal=self.personal_namespace()) if gmail else None
            )
            if not (trash or self._imap.has_capability("UIDPLUS")):
                return False
            self._imap.select_folder(encoded(name))
            if trash:
                self._imap.move([uid], encoded(trash))
            else:
                self._imap.add_flags([uid], [b"\\Deleted"])
                self._imap.uid_expunge([uid])
            self._imap.select_folder(encoded(name), readonly=True)
        return True


def _header(data: dict[bytes, Any]) -> bytes | None:
    """The header in a FETCH answer, b"" for an empty one, None where there is none."""
    return next((v or b"" for k, v in data.items() if k.startswith(b"BODY[HEADER")), None)


def _ids(header: bytes, name: str) -> tuple[MessageId, ...]:
    """The msg-ids of one field: a server may send more fields than were asked for."""
    return message_ids(" ".join(str(v) for v in email.message_from_bytes(header).get_all(name, [])))


def _ascii(value: bytes) -> str:
    return value.decode("ascii", "replace")
