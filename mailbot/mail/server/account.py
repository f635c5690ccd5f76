"""An IMAP account: everything that is read there, and the few things that are written: drafts, what was sent, and that a mail was
answered."""

from __future__ import annotations

import hashlib
import re

from mailbot.effect import Effect
from mailbot.errors import ServerUnavailable, TryAgain
from mailbot.hearsay import confidence
from mailbot.mail.message import MessageId
from mailbot.mail.server.answer import shown
from mailbot.mail.server.listing import number
from mailbot.mail.server.messages import BATCH, Messages, header_of, ids_of
from mailbot.mail.server.special_use import special_use

LARGEST = 50_000_000
"""Octets: a larger draft was not made here."""
SCAN = 5_000
"""The newest messages whose headers are read where SEARCH is of no use."""


class ImapAccount(Messages):
    """One account on its server.

    Inboxes are opened with EXAMINE and read with BODY.PEEK. What changes a mailbox is `append_draft`, `take_away` and `create`,
    which are for Drafts, `file`, which is for Sent, and `set_answered`, which is for the mail that was answered.
    """

    def copies(self, name: str, message_id: MessageId, *, parent: MessageId | None = None) -> list[int]:
        """The UIDs in a mailbox of the message with this Message-ID, or, where `parent` is given, that answers that.

        SEARCH is only a hint (iCloud and Yandex want the id with brackets, Yahoo answers SERVERBUG, Exchange matches
        parts): what it finds is checked, and where it finds nothing the newest headers are read. Raises
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
        newest = max(1, opened.exists - SCAN + 1)
        uids = self.uids_at(newest, opened.exists) or self.search(["ALL"], exists=opened.exists)[-SCAN:]
        found: list[int] = []
        for start in range(0, len(uids), BATCH):
            found += self._same(uids[start : start + BATCH], message_id, parent)
        return found

    def answers(self, name: str, parent: MessageId) -> list[int]:
        """The UIDs of the messages in a mailbox that answer this one, ascending, as far as SEARCH finds them; none where it fails."""
        self.examine(name)
        try:
            uids = self.search(["HEADER", "In-Reply-To", parent])
        except ServerUnavailable:
            self._reopen()
            return []
        return [uid for uid, header in self.headers(uids) if header.parent == parent]

    def by_id(self, name: str, *, marked: bool = False) -> dict[str, list[int]]:
        """Message-ID -> the UIDs of the messages in a mailbox that have it and are not marked as deleted, ascending; with `marked` of
        those that are."""
        opened = self.examine(name)
        found: dict[str, list[int]] = {}
        if opened.exists:
            for uid, header in self.headers(
                self.search(["DELETED" if marked else "UNDELETED"], exists=opened.exists)
            ):
                found.setdefault(header.message_id, []).append(uid)
        return found

    def _same(self, uids: list[int], message_id: MessageId, parent: MessageId | None) -> list[int]:
        """Those of the messages that are the one looked for."""
        if not uids:
            return []
        with self._errors("FETCH failed"):
            asked = ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID IN-REPLY-TO REFERENCES)]"]
            answer = self._imap.fetch(uids, asked)
        found = []
        for uid in uids:
            header = header_of(answer.get(uid) or {}) or b""
            named = (*ids_of(header, "in-reply-to"), *ids_of(header, "references")[-1:])
            answers = parent is not None and parent in named
            if message_id in ids_of(header, "message-id") or answers:
                found.append(uid)
        return found

    def append_draft(self, name: str, message: bytes, message_id: MessageId) -> int | None:
        """APPEND a draft with `\\Draft \\Seen`, and say its UID where that could be confirmed.

        The server's APPENDUID is a hint (absent, wrong or reversed on some): the header at that UID is read, else the
        mailbox is searched. Raises AppendUnknown if the answer never came: look before appending again; any other
        MailbotError means that nothing was stored, whatever the server said.
        """
        confidence.text(message.decode("utf-8", "replace"))
        with self._append_errors(name), Effect.DRAFT_APPENDED:
            answer = self._imap.append(self._sent_as(name), message, flags=(b"\\Draft", b"\\Seen"))
        hint = re.search(
            rb"APPENDUID \d{1,10} (\d{1,10})\b", answer if isinstance(answer, bytes) else str(answer).encode()
        )
        try:
            if hint:
                self.examine(name)
                header = self.header(int(hint[1]))
                if message_id in ids_of(header, "message-id"):
                    return int(hint[1])
            found = self.copies(name, message_id) or self._renamed(name, message, int(hint[1]) if hint else 0)
        except (ServerUnavailable, TryAgain):
            return None  # it is stored; where, a later look may say
        if not found:
            raise ServerUnavailable(
                f"{self._where}: the server said OK to the draft in {shown(name)}, but it is not there"
            )
        return found[-1]

    def _renamed(self, name: str, message: bytes, hint: int) -> list[int]:
        """The UID of a message whose header the server has written anew, ids and all, and whose body is the one that was appended:
        where APPENDUID points, or the newest."""
        opened = self.examine(name)
        newest = self.uids_at(opened.exists, opened.exists) if opened.exists else []
        for uid in dict.fromkeys((*((hint,) if hint else ()), *newest)):
            there = self.message(name, uid, 4 * len(message) + 1_000_000) or b""
            if there and _body(there) == _body(message):
                return [uid]
        return []

    def deliver(self, name: str, message: bytes) -> None:
        """APPEND a message as new, unread mail: for the demo's own server."""
        with self._errors(f"could not store a mail in {shown(name)}"), Effect.MAIL_DELIVERED:
            self._imap.append(self._sent_as(name), message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def message(self, name: str, uid: int, most: int) -> bytes | None:
        """The raw bytes of one message of a mailbox, None if there is none at that UID; b"" for one of more than `most` octets."""
        self.examine(name)
        found = self.listings([uid])
        if any(m.size > most for m in found):
            return b""
        return next((raw for _, raw in self.bodies(found)), None)

    def can_remove(self) -> bool:
        """Whether one message alone can be removed: by UID EXPUNGE (RFC 4315), on Gmail by a move to Trash."""
        with self._errors("CAPABILITY failed"):
            return bool(self._trash() or self._imap.has_capability("UIDPLUS"))

    def take_away(self, name: str, uidvalidity: int, uid: int, sha256: str, *, marked: bool = False) -> bool:
        """Take one message out of a mailbox, if it is still there with the bytes of this hash, and no other. Gmail, whose EXPUNGE
        archives, moves it to Trash. False, and nothing done, where it is another, is gone, or somebody marks it as deleted; `marked`
        says that such a mark is ours.

        The look and the act are one opening of the mailbox; where the server has CONDSTORE (RFC 7162), a flag that somebody
        changes in between stops it, else it is looked at twice. The caller has asked `can_remove`.
        """
        with self._errors(f"could not remove the draft from {shown(name)}"):
            answer = self._imap.select_folder(self._sent_as(name))
            try:
                if number(answer.get(b"UIDVALIDITY")) != uidvalidity or not self._is_still(
                    uid, sha256, marked
                ):
                    return False
                if trash := self._trash():
                    with Effect.MESSAGE_REMOVED:
                        self._imap.move([uid], self._sent_as(trash))
                    return True
                if not self._imap.mark_deleted(uid, again=marked):
                    return False
                with Effect.MESSAGE_REMOVED:
                    self._imap.uid_expunge([uid])
                return True
            finally:
                if self._client is not None:
                    self._imap.select_folder(self._sent_as(name), readonly=True)
                    self._open = self._last_open = name

    def _is_still(self, uid: int, sha256: str, marked: bool) -> bool:
        """Whether the message at a UID has these bytes and is not marked as deleted, unless that may be."""
        found = [
            m for m in self.listings([uid]) if marked or "\\deleted" not in {f.casefold() for f in m.flags}
        ]
        if not found or found[0].size > LARGEST:
            return False
        raw = next((raw for _, raw in self.bodies(found)), b"")
        return hashlib.sha256(raw).hexdigest() == sha256

    def file(self, name: str, message: bytes, message_id: MessageId) -> None:
        """APPEND a message that was sent, as read, where it is not filed already. Raises AppendUnknown if the answer never came."""
        if self.copies(name, message_id):
            return
        with self._append_errors(name), Effect.SENT_FILED:
            self._imap.append(self._sent_as(name), message, flags=(b"\\Seen",))

    def set_answered(self, name: str, uidvalidity: int, uid: int) -> bool:
        """Say of a message that it was answered, by `\\Answered` and no other flag (RFC 3501 2.3.2). False if it is not there."""
        with self._errors(f"could not mark the mail in {shown(name)} as answered"):
            answer = self._imap.select_folder(self._sent_as(name))
            try:
                if number(answer.get(b"UIDVALIDITY")) != uidvalidity:
                    return False
                with Effect.FLAG_STORED:
                    return bool(self._imap.add_flags([uid], [b"\\Answered"]))
            finally:
                if self._client is not None:
                    self._imap.select_folder(self._sent_as(name), readonly=True)
                    self._open = self._last_open = name

    def _trash(self) -> str | None:
        """Gmail's Trash, None on any other server."""
        if not self._imap.has_capability("X-GM-EXT-1"):
            return None
        return special_use("trash", self.mailboxes(), personal=self.personal_namespace())


def _body(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()
