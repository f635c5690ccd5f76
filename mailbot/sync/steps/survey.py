"""Server, journal and vault, laid side by side: what is gathered here, `decide/verified_mails.py` and `verified_drafts.py` judge. Nothing changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.discovery.providers import files_sent_itself
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Account
from mailbot.sync.decide.finding import Finding
from mailbot.sync.decide.mailbox import Wish, search_for
from mailbot.sync.decide.verified_drafts import DraftSeen, of_draft, of_draft_notes, of_sent
from mailbot.sync.decide.verified_mails import (
    NotesSeen,
    UnreadMails,
    of_files,
    of_mailbox,
    of_notes,
    of_spool,
)
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import OPEN, DraftRow, MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.steps.deliver import MOST
from mailbot.sync.steps.sent import read_sent
from mailbot.vault.catalogue import every_draft, every_mail
from mailbot.vault.files import content_hash
from mailbot.vault.index import Index
from mailbot.vault.read_back import Identity, identity_in
from mailbot.vault.unfinished import left

ACCEPTED = "removed"
"""The disposition of a mail whose note is gone, which the user has accepted."""
LATELY = timedelta(days=30)
"""How far back what was sent is looked for in Sent."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Looks at everything of one account. Raises MailbotError if the server as a whole fails."""

    account: Account
    server: ImapAccount
    journal: Journal
    notes: NoteFiles
    index: Index
    spool: Spool
    wish: Wish
    now: datetime

    def findings(self) -> Iterator[Finding]:
        """What is as it should be, and what is not."""
        for name in self.account.mailboxes:
            yield from self._mailbox(name)
        rows = self.journal.mails.of_account(self.account.name)
        yield from of_notes(self._notes(rows))
        yield from self._drafts()
        yield from of_sent(self._in_sent(), self._files_itself())
        waiting = ((m.id, m.note, m.sha256) for m in rows if m.stage != "done")
        yield from of_spool([(id_, note) for id_, note, sha256 in waiting if self.spool.mail(sha256) is None])
        unfinished = [*left(self.notes.scratch), *left(self.spool.folder)]
        yield from of_files([str(path) for path in unfinished])

    def accept(self) -> None:
        """The notes that are gone are gone because the user wants it so: nothing is said of them any more."""
        rows = self.journal.mails.of_account(self.account.name)
        gone = set(self._notes(rows).gone)
        for row in rows:
            if row.note in gone:
                self.journal.mails.update(row.id, stage="done", disposition=ACCEPTED, note_hash=row.note_hash)

    def _mailbox(self, name: str) -> list[Finding]:
        try:
            opened = self.server.examine(name)
        except ServerUnavailable as error:
            self.server.ensure()
            return [Finding("mails", "wrong", str(error), "correct `mailboxes` in accounts.yaml")]
        search = search_for(replace(self.wish, fetch="unseen"), None, opened.uidvalidity)
        unread = self.server.search(list(search.criteria), exists=opened.exists) if opened.exists else []
        of, cursor = self.account.name, self.journal.cursors.get(self.account.name, name)
        current = cursor if cursor and cursor.uidvalidity == opened.uidvalidity else None
        return of_mailbox(
            UnreadMails(
                name,
                frozenset(unread),
                frozenset(self.journal.locations.known_uids(of, name, opened.uidvalidity)),
                frozenset(self.journal.failures.due(of, name, opened.uidvalidity)),
                frozenset(self.journal.failures.given_up(of, name, opened.uidvalidity)),
                current.uid if current else 0,
                passed=self.account.fetch == "new",
            )
        )

    def _notes(self, rows: list[MailRow]) -> NotesSeen:
        """The notes of the account's mails. A note is read only where the number of notes of a hash is not that of its mails, or where
        the mail's own note is not at its place."""
        paths: dict[str, list[str]] = defaultdict(list)
        for path, sha256, _ in every_mail(self.index):
            paths[sha256].append(path)
        known, mine = self.journal.mails.known(), {m.sha256 for m in rows}
        several, unknown = [], []
        for sha256, there in paths.items():
            if not sha256 or len(there) == known.get(sha256, 0):
                continue
            of_account = self._of_account(there)
            if sha256 not in mine:
                unknown += of_account
            elif len(of_account) > 1:
                several.append(of_account)
        gone = [
            m.note
            for m in rows
            if m.disposition != ACCEPTED
            and m.note not in paths.get(m.sha256, [])
            and not self.notes.exists(m.note)
            and not self._of_account(paths.get(m.sha256, []))
        ]
        return NotesSeen(len(rows), gone, several, unknown)

    def _of_account(self, paths: list[str]) -> list[str]:
        """Those of the notes that are of this account."""
        return [path for path in paths if self._identity(path).account == self.account.name]

    def _identity(self, path: str) -> Identity:
        try:
            found = self.notes.read(path)
        except BadData:
            return Identity()
        return identity_in(found[0]) if found else Identity()

    def _drafts(self) -> Iterator[Finding]:
        rows = self.journal.drafts.of_account(self.account.name)
        newest = {row.mail_id: row.id for row in rows if row.status != "intent"}
        there: dict[str, tuple[dict[str, list[int]], dict[str, list[int]]]] = {}
        for name in {row.mailbox for row in rows if row.mailbox}:
            try:
                there[name] = self.server.by_id(name), self.server.by_id(name, marked=True)
            except ServerUnavailable:  # it was renamed or removed: then nothing is there
                self.server.ensure()
        found = []
        for row in rows:
            unmarked, marked = there.get(row.mailbox, ({}, {}))
            uids, left = unmarked.get(row.message_id, []), marked.get(row.message_id, [])
            found += of_draft(self._seen(row, row.id == newest.get(row.mail_id), uids, left))
        found += of_draft_notes(*self._draft_notes(rows))
        yield from found or [
            Finding("drafts", "ok", f"each draft is where its note says, once ({len(newest)})")
        ]

    def _seen(self, row: DraftRow, newest: bool, uids: list[int], marked: list[int]) -> DraftSeen:
        """A draft with what lies under its id; what is there is read only where it is not what it should be."""
        usual = newest and row.status in OPEN and len(uids) == 1 and not marked
        same = [uid for uid in (*uids, *marked) if not usual and row.ours and self._is_as_stored(row, uid)]
        return DraftSeen(
            row.id, row.note, row.status, bool(row.mailbox), row.uid, tuple(uids), tuple(marked), tuple(same), newest
        )  # fmt: skip

    def _is_as_stored(self, row: DraftRow, uid: int) -> bool:
        raw = self.server.message(row.mailbox, uid, MOST)
        return bool(raw) and content_hash(raw or b"") == row.sha256

    def _draft_notes(self, rows: list[DraftRow]) -> tuple[list[str], list[tuple[str, list[str]]]]:
        """(draft notes of mails for which the journal knows no draft, notes that mailbot follows with their copies). A note at the place of
        a known draft is that draft's, whatever id it names: a run was killed, and the next one goes on."""
        followed = {row.message_id: row.note for row in rows}
        places, drafted = set(followed.values()), {row.mail_id for row in rows}
        unknown: list[str] = []
        copies: dict[str, list[str]] = defaultdict(list)
        for path in every_draft(self.index):
            said = self.notes.properties(path) or {}
            id_ = str(said.get("draft_message_id") or "")
            if said.get("account") != self.account.name or not id_ or path in places:
                continue
            if id_ in followed:
                if self.notes.exists(followed[id_]):  # else it is the note itself, moved
                    copies[followed[id_]].append(path)
                continue
            of = [
                m
                for m in self.journal.mails.by_message_id(str(said.get("message_id") or ""))
                if m.account == self.account.name
            ]
            if not any(m.id in drafted for m in of):
                unknown.append(path)
                followed[id_] = path
        return unknown, list(copies.items())

    def _in_sent(self) -> dict[str, int]:
        """The note of each draft that mailbot has sent lately -> how often it lies in Sent."""
        rows = [
            d
            for d in self.journal.drafts.of_account(self.account.name)
            if d.status == "sent" and d.sent_at and d.sent_at > self.now - LATELY
        ]
        if rows:
            read_sent(self.server, self.account, self.journal)
        return {row.note: len(self.journal.sent.with_id(self.account.name, row.message_id)) for row in rows}

    def _files_itself(self) -> bool:
        smtp = self.account.smtp
        return bool(smtp and files_sent_itself(smtp.host, smtp.port))
