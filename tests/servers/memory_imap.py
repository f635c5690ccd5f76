"""A mail account in memory: what `ImapAccount` says of it, and what a mail client's connection does. For thousands of random lives of a
draft; Dovecot plays the same ones by the hundred."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailbot.errors import ServerUnavailable
from mailbot.mail.message import MessageId
from mailbot.mail.server.listing import HIGHEST, Listing, Opened
from mailbot.mail.server.sent_header import SentHeader, sent_header
from mailbot.mail.server.special_use import Listed
from mailbot.vault.files import content_hash


@dataclass
class Box:
    uidvalidity: int
    messages: dict[int, tuple[bytes, set[bytes]]] = field(default_factory=dict)
    last: int = 0


@dataclass
class Store:
    """The mailboxes of one user."""

    boxes: dict[str, Box] = field(default_factory=dict)
    validities: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        for name in ("INBOX", "Drafts", "Sent", "Trash"):
            self.boxes[name] = Box(next(self.validities))

    def add(self, name: str, raw: bytes, flags: Iterable[bytes] = ()) -> int:
        box = self.boxes[name]
        box.last += 1
        box.messages[box.last] = (raw, set(flags))
        return box.last

    def renumber(self, name: str) -> None:
        """A new UIDVALIDITY, and new UIDs."""
        box = self.boxes[name]
        fresh = Box(next(self.validities))
        for raw, flags in box.messages.values():
            fresh.last += 3
            fresh.messages[fresh.last] = (raw, flags)
        self.boxes[name] = fresh

    def everything(self) -> Any:
        return {
            n: (b.uidvalidity, {u: (r, frozenset(f)) for u, (r, f) in b.messages.items()})
            for n, b in self.boxes.items()
        }


@dataclass
class MemoryAccount:
    """What mailbot sees. Every message that it removes is kept in `removed`."""

    store: Store
    removed: list[bytes] = field(default_factory=list)
    appended: list[bytes] = field(default_factory=list)
    _open: str = ""

    def connect(self) -> None: ...
    def ensure(self) -> None: ...
    def close(self) -> None: ...

    def mailboxes(self) -> list[Listed]:
        return [Listed(name, "/") for name in self.store.boxes]

    def find(self, use: str, configured: str = "auto") -> str:
        name = use.title()
        if name not in self.store.boxes:
            raise ServerUnavailable(f"no {name}")
        return name

    def examine(self, name: str) -> Opened:
        self._open = name
        box = self.store.boxes[name]
        return Opened(name, box.uidvalidity, box.last + 1, len(box.messages))

    def search(
        self, criteria: Sequence[Any], *, first: int = 1, last: int = HIGHEST, exists: int = 0
    ) -> list[int]:
        return sorted(uid for uid in self.store.boxes[self._open].messages if first <= uid <= last)

    def headers(self, uids: list[int]) -> Iterator[tuple[int, SentHeader]]:
        for uid in uids:
            raw, flags = self.store.boxes[self._open].messages[uid]
            yield uid, sent_header(raw.partition(b"\r\n\r\n")[0], frozenset(f.decode() for f in flags))

    def listings(self, uids: list[int]) -> list[Listing]:
        messages = self.store.boxes[self._open].messages
        return [
            Listing(uid, len(messages[uid][0]), frozenset(), None, None) for uid in uids if uid in messages
        ]

    def bodies(self, found: list[Listing]) -> Iterator[tuple[Listing, bytes]]:
        for each in found:
            yield each, self.store.boxes[self._open].messages[each.uid][0]

    def message(self, name: str, uid: int, most: int) -> bytes | None:
        found = self.store.boxes[name].messages.get(uid)
        self._open = name
        return found[0] if found else None

    def copies(self, name: str, message_id: MessageId, *, parent: MessageId | None = None) -> list[int]:
        self._open = name
        every = {
            uid: sent_header(raw.partition(b"\r\n\r\n")[0])
            for uid, (raw, _) in self.store.boxes[name].messages.items()
        }
        exact = [uid for uid, header in every.items() if header.message_id == message_id]
        return exact or [uid for uid, header in every.items() if parent and header.parent == parent]

    def append_draft(self, name: str, message: bytes, message_id: MessageId) -> int:
        self.appended.append(message)
        return self.store.add(name, message, (b"\\Draft", b"\\Seen"))

    def can_remove(self) -> bool:
        return True

    def take_away(self, name: str, uidvalidity: int, uid: int, sha256: str, *, marked: bool = False) -> bool:
        box = self.store.boxes[name]
        found = box.messages.get(uid)
        if (
            box.uidvalidity != uidvalidity
            or not found
            or content_hash(found[0]) != sha256
            or (b"\\Deleted" in found[1] and not marked)
        ):
            return False
        self.removed.append(found[0])
        del box.messages[uid]
        return True

    def file(self, name: str, message: bytes, message_id: MessageId) -> None:
        if not self.copies(name, message_id):
            self.store.add(name, message, (b"\\Seen",))

    def set_answered(self, name: str, uidvalidity: int, uid: int) -> bool:
        self.store.boxes[name].messages[uid][1].add(b"\\Answered")
        return True


@dataclass
class MemoryConnection:
    """As much of imapclient as the mail clients of the tests use."""

    store: Store
    _open: str = "INBOX"

    @property
    def _messages(self) -> dict[int, tuple[bytes, set[bytes]]]:
        return self.store.boxes[self._open].messages

    def select_folder(self, name: str) -> None:
        self._open = name

    def search(self, criteria: list[str]) -> list[int]:
        undeleted = criteria == ["UNDELETED"]
        return [
            uid for uid, (_, flags) in self._messages.items() if not (undeleted and b"\\Deleted" in flags)
        ]

    def fetch(self, uids: list[int], items: list[str]) -> dict[int, dict[bytes, bytes]]:
        return {uid: {b"BODY[]": self._messages[uid][0]} for uid in uids}

    def append(self, name: str, raw: bytes, flags: Iterable[bytes] = ()) -> None:
        self.store.add(name, raw, flags)

    def copy(self, uids: list[int], name: str) -> None:
        for uid in uids:
            self.store.add(name, *self._messages[uid])

    def add_flags(self, uids: list[int], flags: list[bytes]) -> None:
        for uid in uids:
            self._messages[uid][1].update(flags)

    def uid_expunge(self, uids: list[int]) -> None:
        for uid in uids:
            del self._messages[uid]
