"""An IMAP account: find, fetch, append. The only importer of imapclient; its errors are mapped here, once.

`../shared/provider-quirks.md` is this module's specification; where a line looks strange, a server is the reason.
"""

from __future__ import annotations

import email
import hashlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient, exceptions

from mailbot import __version__
from mailbot.errors import AppendUnknown, AuthenticationFailed, MailbotError, ServerUnavailable, TryAgain
from mailbot.mail.message import MessageId, message_ids
from mailbot.mail.special_use import Listed, SpecialUse, special_use

BATCH = 100
"""Messages named in one FETCH (Outlook takes about 1,900, Yahoo says MESSAGELIMIT=1000)."""
BATCH_OCTETS = 8 * 1024 * 1024
"""Octets asked for in one FETCH: imaplib holds an answer about three times."""
CHUNK = 4 * 1024 * 1024
"""Octets of one partial FETCH of a big mail."""
SEARCH_WINDOW = 50_000
"""UIDs asked about in one SEARCH: imaplib refuses a line of more than 1,000,000 octets."""
TIMEOUT = 60.0

imaplib._MAXLINE = max(imaplib._MAXLINE, 10_000_000)  # type: ignore[attr-defined]  # a long header line must not end the session

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


@dataclass(frozen=True, slots=True)
class Opened:
    """What EXAMINE said of a mailbox."""

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


class Mailbox:
    """One connection to one account. It belongs to the thread that made it; use it in a `with`.

    Nothing here changes a mailbox but `append`: mailboxes are opened with EXAMINE and read with BODY.PEEK.
    """

    def __init__(self, login: Login) -> None:
        self.login = login
        self._client: IMAPClient | None = None
        self._listed: list[Listed] | None = None
        self._open: str | None = None

    def __enter__(self) -> Mailbox:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- connection ------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect and log in. Raises ServerUnavailable, TryAgain or AuthenticationFailed, naming account and host."""
        self.close()
        with self._errors("could not connect"):
            client = self._connected()
        self._client = client
        try:
            with self._errors("the login failed"):
                self._authenticate(client)
                if client.has_capability(
                    "ID"
                ):  # 163.com and 126.com refuse a client that does not say who it is
                    client.id_({"name": "mailbot", "version": __version__})
        except MailbotError:
            self.close()
            raise

    def _connected(self) -> IMAPClient:
        login = self.login
        context = ssl.create_default_context(cafile=str(login.ca_file) if login.ca_file else None)
        client = IMAPClient(
            login.host, port=login.port, ssl=login.security == "tls", ssl_context=context if login.security == "tls" else None,
            timeout=login.timeout, use_uid=True,
        )  # fmt: skip
        client.normalise_times = False
        client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if login.security == "starttls":
            if client._imap.state == "AUTH" or not client.has_capability("STARTTLS"):
                client.shutdown()
                raise ServerUnavailable(
                    f"{self._where}: the server offers no STARTTLS; nothing was sent. Use `security: tls` and its port"
                )
            client.starttls(context)
        return client

    def _authenticate(self, client: IMAPClient) -> None:
        secret = self.login.secret()
        try:
            if self.login.token:
                client.oauth2_login(self.login.username, secret)
            elif client.has_capability("LOGINDISABLED") and client.has_capability("AUTH=PLAIN"):
                client.plain_login(self.login.username, secret)
            else:
                client.login(self.login.username, secret)
        except exceptions.LoginError as error:
            if wait := _throttled(str(error)):
                raise TryAgain(
                    f"{self._where}: the server asks to wait: {_said(error)}", retry_after=wait
                ) from error
            what = "refused the access token" if self.login.token else "refused user name and password"
            raise AuthenticationFailed(
                f"{self._where}: the server {what} of {self.login.username}: {_said(error)}. Check `username` and `password` in"
                " accounts.yaml; many providers want an app password"
            ) from error

    def close(self) -> None:
        """Log out, or drop the connection where it no longer answers."""
        client, self._client, self._open = self._client, None, None
        if client is None:
            return
        try:
            client.logout()
        except (imaplib.IMAP4.error, OSError):
            try:
                client.shutdown()
            except (imaplib.IMAP4.error, OSError):
                return

    def ensure(self) -> None:
        """Connect anew where the server has hung up meanwhile, as many do after minutes of silence."""
        if self._client is not None:
            try:
                self._client.noop()
                return
            except (imaplib.IMAP4.error, OSError):
                self._drop()
        self.connect()

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
            raise ServerUnavailable(f"{self._where}: {what}: {_said(error)}") from error
        except (
            imaplib.IMAP4.error,
            exceptions.IMAPClientError,
            ValueError,
            IndexError,
            AssertionError,
        ) as error:
            if wait := _throttled(str(error)):
                raise TryAgain(
                    f"{self._where}: {what}; the server asks to wait: {_said(error)}", retry_after=wait
                ) from error
            raise ServerUnavailable(f"{self._where}: {what}: {_said(error)}") from error

    def _drop(self) -> None:
        client, self._client, self._open = self._client, None, None
        if client is not None:
            try:
                client.shutdown()
            except (imaplib.IMAP4.error, OSError):
                return

    # --- mailboxes -------------------------------------------------------------------------------------------------

    def mailboxes(self) -> list[Listed]:
        """What LIST shows, asked once a connection."""
        if self._listed is None:
            with self._errors("LIST failed"):
                self._listed = [
                    Listed(
                        name if isinstance(name, str) else name.decode("utf-8", "replace"),
                        (delimiter or b"").decode(),
                        tuple(a.decode() for a in flags),
                    )
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
            self._imap.create_folder(full)
        self._listed = None
        return full

    def examine(self, name: str) -> Opened:
        """EXAMINE: read-only, by the protocol's own promise (RFC 3501 6.3.2)."""
        with self._errors(f"could not open {name}"):
            said = self._imap.select_folder(name, readonly=True)
            self._open = name
            uidvalidity = int(said.get(b"UIDVALIDITY", 0))
            uidnext = int(said.get(b"UIDNEXT", 0))
            if not uidnext:
                uidnext = int(self._imap.folder_status(name, ["UIDNEXT"]).get(b"UIDNEXT", 0))
            return Opened(name, uidvalidity, uidnext, int(said.get(b"EXISTS", 0)))

    # --- reading ---------------------------------------------------------------------------------------------------

    def search(self, criteria: Sequence[Any], *, first: int = 1, last: int = 0) -> list[int]:
        """The UIDs from `first` to `last` (0: to the end) that match, ascending, asked in windows.

        `UID n:*` answers with the last message where n lies beyond it (RFC 3501 6.4.8): such UIDs are dropped.
        """
        found: set[int] = set()
        windows = (
            [
                f"{start}:{min(start + SEARCH_WINDOW - 1, last)}"
                for start in range(first, last + 1, SEARCH_WINDOW)
            ]
            if last
            else [f"{first}:*"]
        )
        for window in windows:
            with self._errors("SEARCH failed"):
                found.update(self._imap.search(["UID", window, *criteria], charset=None))
        return sorted(uid for uid in found if uid >= first and (not last or uid <= last))

    def listings(self, uids: Iterable[int]) -> list[Listing]:
        """Size, flags, Message-ID and arrival of messages; those the server no longer has are left out."""
        found: list[Listing] = []
        wanted = sorted(uids)
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            with self._errors("FETCH failed"):
                answer = self._imap.fetch(
                    batch, ["RFC822.SIZE", "FLAGS", "INTERNALDATE", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"]
                )
            for uid in batch:
                data = answer.get(uid)
                if not data or b"RFC822.SIZE" not in data:
                    continue
                header = next((v for k, v in data.items() if k.startswith(b"BODY[HEADER")), b"") or b""
                ids = _ids(header, "message-id")
                flags = frozenset(f.decode("ascii", "replace") for f in data.get(b"FLAGS", ()))
                found.append(
                    Listing(
                        uid,
                        int(data[b"RFC822.SIZE"]),
                        flags,
                        ids[0] if ids else None,
                        data.get(b"INTERNALDATE"),
                    )
                )
        return found

    def bodies(self, listings: Iterable[Listing]) -> Iterator[tuple[int, bytes]]:
        """(uid, raw bytes) of messages, in the order given; big ones alone and in chunks.

        A message that the server answers without a body (NIL, or flags only) is left out: it is not fetched, and the
        caller's cursor must not pass it.
        """
        batch: list[Listing] = []
        octets = 0
        for listing in listings:
            if batch and (len(batch) == BATCH or octets + listing.size > BATCH_OCTETS):
                yield from self._batch(batch)
                batch, octets = [], 0
            if listing.size > BATCH_OCTETS:
                if raw := self._chunks(listing):
                    yield listing.uid, raw
                continue
            batch.append(listing)
            octets += listing.size
        if batch:
            yield from self._batch(batch)

    def _batch(self, batch: list[Listing]) -> list[tuple[int, bytes]]:
        with self._errors("FETCH failed"):
            answer = self._imap.fetch([m.uid for m in batch], ["BODY.PEEK[]"])
        return [(m.uid, raw) for m in batch if (raw := answer.get(m.uid, {}).get(b"BODY[]"))]

    def _chunks(self, listing: Listing) -> bytes:
        raw = bytearray()
        while True:
            with self._errors("FETCH failed"):
                answer = self._imap.fetch([listing.uid], [f"BODY.PEEK[]<{len(raw)}.{CHUNK}>"])
            chunk = answer.get(listing.uid, {}).get(f"BODY[]<{len(raw)}>".encode()) or b""
            raw += chunk
            if len(chunk) < CHUNK:
                return bytes(raw)

    def header(self, uid: int) -> bytes:
        """The header of one message, b"" where there is none."""
        with self._errors("FETCH failed"):
            answer = self._imap.fetch([uid], ["BODY.PEEK[HEADER]"])
        return answer.get(uid, {}).get(b"BODY[HEADER]") or b""

    def parents(self, since: date) -> set[MessageId]:
        """The ids that messages of the open mailbox, dated since, answer (their In-Reply-To)."""
        uids = self.search(["SINCE", since])
        found: set[MessageId] = set()
        for start in range(0, len(uids), BATCH):
            with self._errors("FETCH failed"):
                answer = self._imap.fetch(
                    uids[start : start + BATCH], ["BODY.PEEK[HEADER.FIELDS (IN-REPLY-TO)]"]
                )
            for data in answer.values():
                header = next((v for k, v in data.items() if k.startswith(b"BODY[HEADER")), b"") or b""
                found.update(_ids(header, "in-reply-to"))
        return found

    def with_message_id(self, name: str, message_id: MessageId, *, from_uid: int = 1) -> list[int]:
        """The UIDs in a mailbox whose Message-ID is exactly this one.

        SEARCH is only a hint (iCloud and Yandex want the id with brackets, Yahoo answers SERVERBUG, Exchange matches
        parts): what it finds is checked, and where it finds nothing the headers from `from_uid` on are read.
        """
        opened = self.examine(name)
        for criteria in (
            ["HEADER", "Message-ID", message_id],
            ["HEADER", "Message-ID", message_id.strip("<>")],
        ):
            try:
                uids = self.search(criteria)
            except ServerUnavailable:
                self.examine(name)
                continue
            if exact := [m.uid for m in self.listings(uids[-BATCH:]) if m.message_id == message_id]:
                return exact
        last = max(opened.uidnext - 1, from_uid)
        try:
            recent = self.search(["ALL"], first=max(from_uid, last - 5000), last=last)
        except ServerUnavailable:
            self.examine(name)
            return []
        return [m.uid for m in self.listings(recent) if m.message_id == message_id]

    # --- writing ---------------------------------------------------------------------------------------------------

    def append_draft(self, name: str, message: bytes, message_id: MessageId) -> int | None:
        """APPEND a draft with `\\Draft \\Seen`, and say its UID where that could be confirmed.

        The server's APPENDUID is a hint (absent, wrong or reversed on some): the header at that UID is read, else the
        mailbox is searched. Raises AppendUnknown where the answer never came: look before appending again; any other
        MailbotError means that nothing was stored. After a failure the connection is made anew.
        """
        try:
            answer = self._imap.append(name, message, flags=(b"\\Draft", b"\\Seen"))
        except (imaplib.IMAP4.abort, OSError) as error:
            self._drop()
            raise AppendUnknown(
                f"{self._where}: the connection was lost while the draft was stored in {name}: {_said(error)}"
            ) from error
        except (imaplib.IMAP4.error, exceptions.IMAPClientError, ValueError) as error:
            self._drop()  # Cyrus leaves its stream out of step after a refused APPEND
            raise ServerUnavailable(
                f"{self._where}: the server refused the draft in {name}: {_said(error)}"
            ) from error
        hint = re.search(
            rb"APPENDUID \d+ (\d+)", answer if isinstance(answer, bytes) else str(answer).encode()
        )
        if hint:
            self.examine(name)
            if message_id in _ids(self.header(int(hint[1])), "message-id"):
                return int(hint[1])
        found = self.with_message_id(name, message_id)
        return found[-1] if found else None

    def deliver(self, name: str, message: bytes) -> None:
        """APPEND a message as new, unread mail: for the demo's own server."""
        with self._errors(f"could not store a mail in {name}"):
            self._imap.append(name, message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def remove_draft(self, name: str, uidvalidity: int, uid: int, sha256: str) -> bool:
        """Take a draft of ours out of Drafts, if it still lies at its UID byte for byte as we appended it.

        UID EXPUNGE only (RFC 4315), which touches no other mail; Gmail, whose EXPUNGE archives, is asked to move it to
        Trash. False, and nothing changed, where the draft was touched or the server can do neither.
        """
        opened = self.examine(name)
        if opened.uidvalidity != uidvalidity:
            return False
        with self._errors("FETCH failed"):
            raw = self._imap.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
        if not raw or hashlib.sha256(raw).hexdigest() != sha256:
            return False
        with self._errors(f"could not remove the old draft from {name}"):
            gmail = self._imap.has_capability("X-GM-EXT-1")
            trash = (
                special_use("trash", self.mailboxes(), personal=self.personal_namespace()) if gmail else None
            )
            if not (trash or self._imap.has_capability("UIDPLUS")):
                return False
            self._imap.select_folder(name)
            self._open = name
            if trash:
                self._imap.move([uid], trash)
            else:
                self._imap.add_flags([uid], [b"\\Deleted"])
                self._imap.uid_expunge([uid])
            self._imap.select_folder(name, readonly=True)
        return True


def _ids(header: bytes, name: str) -> tuple[MessageId, ...]:
    """The msg-ids of one field: a server may send more fields than were asked for."""
    return message_ids(" ".join(str(v) for v in email.message_from_bytes(header).get_all(name, [])))


def _said(error: BaseException) -> str:
    """What the server or the system said, on one line; never a line that we sent."""
    text = str(error)
    if match := re.fullmatch(r"b'(.*)'", text, re.DOTALL):
        text = match[1]
    return re.sub(r"\s+", " ", text).strip()[:300] or type(error).__name__


def _throttled(text: str) -> float | None:
    """The seconds that a throttling server asks to wait, or None where it does not throttle."""
    if match := re.search(
        r"Suggested Backoff Time:?\s*(\d+)\s*(milliseconds|ms|seconds|s)?", text, re.IGNORECASE
    ):
        return int(match[1]) / (1 if (match[2] or "ms").lower() in ("s", "seconds") else 1000)
    if re.search(
        r"\[(?:OVERQUOTA|LIMIT|THROTTLED|INUSE|UNAVAILABLE)\]|too many (?:simultaneous )?connections|throttl|rate limit",
        text,
        re.IGNORECASE,
    ):
        return 300.0
    return None
