"""Email notes -> journal. A mail is known by its hash, and a place on the server only where the mail that lies there has the same
Message-ID."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Opened
from mailbot.settings import Account
from mailbot.sync.decide.mailbox import Wish, search_for
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, Location
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.vault import note as notes
from mailbot.vault.catalogue import every_mail
from mailbot.vault.files import content_hash
from mailbot.vault.index import Index
from mailbot.vault.note import Properties
from mailbot.vault.read_back import Identity, date_in, identity_in
from mailbot.vault.verdict import disposition_of

LOST = "it has no note, and the journal that would know why was lost: the next run makes one"
Places = dict[str, list[tuple[Location, str]]]
"""sha256 -> where the mail lies on the server, as its note says and the server confirms, and its Message-ID there."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """An email note of the account."""

    path: str
    hash: str
    identity: Identity
    said: Properties


@dataclass(frozen=True, slots=True)
class RestoreMails:
    """Restores the mails of one account. Every call may raise MailbotError if the server as a whole fails."""

    account: Account
    server: ImapAccount
    journal: Journal
    notes: NoteFiles
    index: Index
    spool: Spool
    wish: Wish
    clock: Callable[[], datetime]

    def mails(self) -> tuple[int, int]:
        """Write down the mail of each email note that the journal does not know; returns how many, and how many of them still want a
        look or a draft. All of it is in the journal, or none."""
        found = [
            note
            for path, sha256, _ in every_mail(self.index)
            if sha256 and not self.journal.mails.by_content(self.account.name, sha256)
            for note in self._note(path, sha256)
        ]
        places = self._places(found)
        raw = {
            each.identity.sha256: self._raw(each.identity, places.get(each.identity.sha256, []))
            for each in found
            if self._waits(each)
        }
        count = waiting = 0
        for sha256, octets in raw.items():
            if octets is not None:
                self.spool.keep_mail(sha256, octets)
        with self.journal.together():
            for each in found:
                sha256 = each.identity.sha256
                if self.journal.mails.by_content(self.account.name, sha256):
                    continue  # a copy of the note
                waits = raw.get(sha256) is not None
                self._mail(each, places.get(sha256, []), waits=waits)
                count, waiting = count + 1, waiting + waits
        return count, waiting

    def cursors(self) -> None:
        """How far each mailbox was read: up to the last mail that is a note. Where a run looks only beyond that (`fetch: new`), the
        unread mails before it that are no note are to be tried."""
        for name in self.account.mailboxes:
            opened = self._examined(name)
            if opened is None or not opened.uidvalidity:
                continue
            known = self.journal.locations.known_uids(self.account.name, name, opened.uidvalidity)
            if not known:
                continue
            last = max(known)
            self.journal.cursors.move(self.account.name, name, Cursor(opened.uidvalidity, last))
            if self.account.fetch != "new":
                continue
            failed = self.journal.failures.due(self.account.name, name, opened.uidvalidity)
            given_up = self.journal.failures.given_up(self.account.name, name, opened.uidvalidity)
            wanted = search_for(replace(self.wish, fetch="unseen"), None, opened.uidvalidity)
            unread = self.server.search(list(wanted.criteria), last=last)
            for uid in set(unread) - known - failed.keys() - given_up:
                at = Location(name, opened.uidvalidity, uid)
                self.journal.failures.record(self.account.name, at, LOST, 0, datetime.now(UTC))

    def _note(self, path: str, sha256: str) -> list[_Noted]:
        """An email note as it lies there, if it is one of the account; none if it is not, or cannot be read."""
        try:
            found = self.notes.read(path)
        except BadData:
            return []
        identity = identity_in(found[0]) if found else Identity()
        if found is None or (identity.sha256, identity.account) != (sha256, self.account.name):
            return []
        return [_Noted(path, found[1], identity, self.notes.properties(path) or {})]

    def _places(self, found: Iterable[_Noted]) -> Places:
        noted_at: dict[str, dict[int, Identity]] = {}
        validity: dict[str, int | None] = {}
        for each in found:
            name, uid = str(each.said.get("mailbox") or ""), each.said.get("uid")
            if name and name not in validity:
                opened = self._examined(name)
                validity[name] = opened.uidvalidity if opened else None
            if isinstance(uid, int) and uid > 0 and name and validity[name] == each.said.get("uidvalidity"):
                noted_at.setdefault(name, {})[uid] = each.identity
        places: Places = {}
        for name, there in noted_at.items():
            self.server.examine(name)
            for listing in self.server.listings(there):
                identity = there[listing.uid]
                if (
                    not identity.message_id
                    or notes.property_text(listing.message_id or "") != identity.message_id
                ):
                    continue
                at = Location(name, validity[name] or 0, listing.uid)
                places.setdefault(identity.sha256, []).append((at, listing.message_id or ""))
        return places

    def _waits(self, each: _Noted) -> bool:
        """Whether a mail still wants a look or a draft, as its note says."""
        drafted = bool(each.identity.draft) or any(
            (self.notes.properties(path) or {}).get("account") == self.account.name
            for path in self.index.draft_notes(each.identity.message_id)
            if each.identity.message_id
        )
        return not drafted and (disposition_of(each.said.get("disposition")) or "") in ("", "reply")

    def _mail(self, each: _Noted, places: list[tuple[Location, str]], *, waits: bool) -> None:
        # A note may have to write the id otherwise than the mail.
        message_id = next((id_ for _, id_ in places), each.identity.message_id)
        disposition = disposition_of(each.said.get("disposition")) or ""
        mail_id = self.journal.mails.add(
            self.account.name,
            message_id,
            each.identity.sha256,
            each.path,
            each.hash,
            moment(date_in(each.said)) or self.clock(),
            "triage" if waits else "done",
            "" if waits else disposition,
            datetime.now(UTC),
        )
        for at, _ in places:
            self.journal.locations.add(mail_id, self.account.name, at)

    def _raw(self, identity: Identity, places: list[tuple[Location, str]]) -> bytes | None:
        """A mail as it came, where it still lies on the server."""
        for at, _ in places:
            raw = self.server.message(at.mailbox, at.uid, self.wish.max_size)
            if raw and content_hash(raw) == identity.sha256:
                return raw
        return None

    def _examined(self, name: str) -> Opened | None:
        try:
            return self.server.examine(name)
        except ServerUnavailable:
            self.server.ensure()
            return None


def moment(text: str) -> datetime | None:
    """A time as a property has it; None for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except (ValueError, OverflowError):
        return None
