"""Notes -> journal: what the vault, Drafts and Sent say of mails and drafts, written down as if the runs that made them were
remembered. A mail is known by its hash, a place on the server only where the mail that lies there has the same Message-ID."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from mailbot.errors import BadData, NoSuchMailbox, ServerUnavailable
from mailbot.mail.mail import read_mail
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Opened
from mailbot.settings import Account, Settings
from mailbot.sync.decide.content import content_of
from mailbot.sync.decide.noted import agrees, noted
from mailbot.sync.decide.recovery import Recovered, quote_lines, recovered
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, DraftRow, Location, MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report
from mailbot.sync.steps.compose import plain_text, with_files
from mailbot.sync.steps.deliver import MOST
from mailbot.vault import draft_life, draft_note
from mailbot.vault import note as notes
from mailbot.vault.catalogue import every_draft, every_mail
from mailbot.vault.draft_note import ReadDraft
from mailbot.vault.files import content_hash
from mailbot.vault.index import Index
from mailbot.vault.read_back import Identity, date_in, identity_in
from mailbot.vault.verdict import disposition_of

LOST = "the journal was lost before it was said whether this mail was kept"


@dataclass(slots=True)
class Restored:
    """How many mails and drafts of an account are remembered again; `waiting` are the mails that still want a look or a draft."""

    mails: int = 0
    waiting: int = 0
    drafts: int = 0
    notes: list[str] = field(default_factory=list)
    """Draft notes that were changed: their approval is taken back."""


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores what a journal does not know of one account. Every call may raise MailbotError if the server as a whole fails."""

    settings: Settings
    account: Account
    server: ImapAccount
    journal: Journal
    notes: NoteFiles
    index: Index
    spool: Spool
    report: Report
    clock: Callable[[], datetime]
    done: Restored = field(default_factory=Restored)

    def mails(self) -> None:
        """Each email note of the account whose mail the journal does not know."""
        found = []
        for path, sha256, _ in every_mail(self.index):
            if sha256 and not self.journal.mails.by_content(self.account.name, sha256):
                found += self._note(path, sha256)
        places = self._places((identity, said) for _, _, identity, said in found)
        for path, text_hash, identity, said in found:
            if not self.journal.mails.by_content(self.account.name, identity.sha256):
                self._mail(path, text_hash, identity, said, places.get(identity.sha256, []))

    def cursors(self) -> None:
        """How far each mailbox was read: up to the last mail that is a note. Unread ones before it that are none are to be tried."""
        for name in self.account.mailboxes:
            opened = self._examined(name)
            if opened is None or not opened.uidvalidity:
                continue
            known = self.journal.locations.known_uids(self.account.name, name, opened.uidvalidity)
            if not known:
                continue
            last = max(known)
            self.journal.cursors.move(self.account.name, name, Cursor(opened.uidvalidity, last))
            failed = self.journal.failures.due(self.account.name, name, opened.uidvalidity)
            given_up = self.journal.failures.given_up(self.account.name, name, opened.uidvalidity)
            for uid in set(self.server.search(["UNSEEN"], last=last)) - known - failed.keys() - given_up:
                at = Location(name, opened.uidvalidity, uid)
                self.journal.failures.record(self.account.name, at, LOST, 0, datetime.now(UTC))

    def drafts(self) -> None:
        """Each draft note of the account whose draft the journal does not know, oldest first."""
        found = []
        for path in every_draft(self.index):
            if read := self._draft_note(path):
                found.append((str(read[1].get("created") or ""), path, *read))
        if not found:
            return
        mailbox, uids = self._in_drafts()
        for _, path, read_note, said in sorted(found, key=lambda each: each[:2]):
            if self.journal.drafts.known(read_note.draft_message_id):
                continue  # a copy of the note that a sync program has made
            row = self._mail_of(read_note, said)
            if row is None:
                self.report.remark(
                    f"{path}: the mail that it answers has no note any more; its draft is left alone"
                )
                continue
            self._draft(path, read_note, said, row, mailbox, uids.get(read_note.draft_message_id, []))

    # --- mails ---------------------------------------------------------------------------------------------------

    def _note(self, path: str, sha256: str) -> list[tuple[str, str, Identity, dict[str, Any]]]:
        """An email note as it lies there, if it is one of the account; none if it is not, or cannot be read."""
        try:
            found = self.notes.read(path)
        except BadData:
            return []
        identity = identity_in(found[0]) if found else Identity()
        if found is None or (identity.sha256, identity.account) != (sha256, self.account.name):
            return []
        return [(path, found[1], identity, dict(self.notes.properties(path) or {}))]

    def _places(
        self, found: Iterable[tuple[Identity, dict[str, Any]]]
    ) -> dict[str, list[tuple[Location, str]]]:
        """sha256 -> where the mail lies on the server, as its note says and the server confirms, and its Message-ID there."""
        noted_at: dict[str, dict[int, Identity]] = {}
        validity: dict[str, int] = {}
        for identity, said in found:
            name, uid = str(said.get("mailbox") or ""), said.get("uid")
            opened = self._examined(name) if name and name not in validity else None
            if opened:
                validity[name] = opened.uidvalidity
            if isinstance(uid, int) and uid > 0 and validity.get(name) == said.get("uidvalidity"):
                noted_at.setdefault(name, {})[uid] = identity
        places: dict[str, list[tuple[Location, str]]] = {}
        for name, there in noted_at.items():
            self.server.examine(name)
            for listing in self.server.listings(there):
                identity = there[listing.uid]
                if (
                    identity.message_id
                    and notes.property_text(listing.message_id or "") == identity.message_id
                ):
                    places.setdefault(identity.sha256, []).append(
                        (Location(name, validity[name], listing.uid), listing.message_id or "")
                    )
        return places

    def _mail(
        self,
        path: str,
        text_hash: str,
        identity: Identity,
        said: dict[str, Any],
        places: list[tuple[Location, str]],
    ) -> None:
        disposition = disposition_of(said.get("disposition")) or ""
        drafted = bool(identity.draft) or any(
            (self.notes.properties(p) or {}).get("account") == self.account.name
            for p in self.index.draft_notes(identity.message_id)
        )
        waits = not drafted and disposition in ("", "reply")
        raw = self._raw(identity, places) if waits else None
        if raw is not None:
            self.spool.keep_mail(identity.sha256, raw)
        message_id = next(
            (each for _, each in places), identity.message_id
        )  # a note may have to write it otherwise
        with self.journal.together():
            mail_id = self.journal.mails.add(
                self.account.name, message_id, identity.sha256, path, text_hash, _moment(date_in(said)) or self.clock(),
                "triage" if raw is not None else "done", "" if raw is not None else disposition, datetime.now(UTC),
            )  # fmt: skip
            for at, _ in places:
                self.journal.locations.add(mail_id, self.account.name, at)
        self.done.mails += 1
        self.done.waiting += raw is not None

    def _raw(self, identity: Identity, places: list[tuple[Location, str]]) -> bytes | None:
        """A mail as it came, where it still lies on the server."""
        for at, _ in places:
            raw = self.server.message(at.mailbox, at.uid, self.settings.max_mail_size * 1_000_000)
            if raw and content_hash(raw) == identity.sha256:
                return raw
        return None

    # --- drafts --------------------------------------------------------------------------------------------------

    def _draft_note(self, path: str) -> tuple[ReadDraft, dict[str, Any]] | None:
        try:
            found = self.notes.read(path)
            said = dict(notes.read(found[0], path).properties) if found else {}
            if said.get("account") != self.account.name or not said.get("draft_message_id"):
                return None
            return draft_note.parse(found[0] if found else "", path), said
        except BadData as error:
            self.report.remark(f"{error}; until then mailbot does not know this draft")
            return None

    def _in_drafts(self) -> tuple[str, dict[str, list[int]]]:
        """(the name of Drafts, Message-ID -> its UIDs there); nothing where there is no Drafts."""
        try:
            name = self.server.find("drafts", self.account.drafts_mailbox)
        except NoSuchMailbox:
            return "", {}
        return name, self.server.by_id(name)

    def _mail_of(self, read: ReadDraft, said: dict[str, Any]) -> MailRow | None:
        """The mail that a draft answers: by its Message-ID, and of several by the name of its note."""
        rows = [
            m
            for m in self.journal.mails.by_message_id(str(said.get("message_id") or ""))
            if m.account == self.account.name
        ]
        named = self.journal.mails.named(read.original.removesuffix(".md")) if read.original else None
        if named and named.account == self.account.name and (named in rows or not said.get("message_id")):
            return named
        return rows[0] if len(rows) == 1 else None

    def _draft(
        self, path: str, read: ReadDraft, said: dict[str, Any], mail: MailRow, mailbox: str, uids: list[int]
    ) -> None:
        outcome, created = recovered(read.status), _moment(str(said.get("created") or "")) or self.clock()
        message_id = MessageId(read.draft_message_id)
        note = with_files(noted(read), self.settings.vault)
        spooled = self.spool.draft(message_id) if not uids else None
        row = DraftRow(
            0, mail.id, message_id, outcome.status, outcome.why, path, "", "" if spooled is not None else mailbox, 0, 0, "", created,
            ours=False, note_base=note.hash, becomes="edited" if outcome.status == "edited" else "draft",
            ended_by="user" if outcome.status == "discarded" else "",
            sent_at=created if outcome.status == "unknown" else None, sent_mark=self._sent_before(mail, created),
        )  # fmt: skip
        raw = spooled
        if uids:
            opened = self.server.examine(mailbox)
            raw = self.server.message(mailbox, uids[-1], MOST)
            row = replace(row, uidvalidity=opened.uidvalidity, uid=uids[-1])
        if raw:
            row = _as_it_lies(row, raw, agrees(note, read_mail(raw), self.account.signature))
        if outcome.tells:
            self._tell(path, outcome)
        self.journal.drafts.add(row)
        self.done.drafts += 1

    def _sent_before(self, mail: MailRow, created: datetime) -> int:
        """The newest mail in Sent that answered the mail before the draft was made: such a one is not the draft."""
        if not mail.message_id:
            return self.journal.sent.newest_id()
        answers = self.journal.sent.answering(self.account.name, mail.message_id, 0)
        return max((row.id for row, _ in answers if row.date and row.date < created), default=0)

    def _tell(self, path: str, outcome: Recovered) -> None:
        """The note says what the journal does."""

        def changed(text: str) -> str:
            text = notes.with_properties(text, {"status": outcome.status})
            return draft_life.with_history(text, f"{self.clock():%Y-%m-%d %H:%M}", outcome.tells)

        self.notes.edit(path, changed)
        self.done.notes.append(path)

    def _examined(self, name: str) -> Opened | None:
        try:
            return self.server.examine(name)
        except ServerUnavailable:
            self.server.ensure()
            return None


def _as_it_lies(row: DraftRow, raw: bytes, agrees_with_note: bool) -> DraftRow:
    """A draft with what lies in Drafts. It is ours where it says what the note says: then the note loses nothing by replacing it.
    Else nobody knows which of the two was edited last, and the next sync shows both."""
    said = content_of(read_mail(raw)).hash
    return replace(
        row, sha256=content_hash(raw), server_base=said, ours=agrees_with_note, quote_lines=quote_lines(plain_text(raw)),
        note_base=row.note_base if agrees_with_note else "",
    )  # fmt: skip


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except (ValueError, OverflowError):
        return None
