"""Server, journal and vault, laid side by side: what is gathered here, `decide/verified_mails.py` and `verified_drafts.py` judge. Nothing changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot.errors import BadData, NoSuchMailbox, ServerUnavailable
from mailbot.mail.discovery.providers import files_sent_itself
from mailbot.mail.message import MessageId
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
from mailbot.sync.memory.rows import DraftRow, MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.steps.deliver import MOST
from mailbot.vault.catalogue import every_draft, every_mail
from mailbot.vault.files import content_hash
from mailbot.vault.index import Index
from mailbot.vault.read_back import Identity, identity_in
from mailbot.vault.unfinished import left

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
        """The notes of the account's mails. A note is read only where the number of notes of a hash is not that of its mails."""
        paths: dict[str, list[str]] = defaultdict(list)
        for path, sha256, _ in every_mail(self.index):
            paths[sha256].append(path)
        known, mine = self.journal.mails.known(), {m.sha256 for m in rows}
        several, unknown = [], []
        for sha256, there in paths.items():
            if not sha256 or len(there) == known.get(sha256, 0):
                continue
            of_account = [path for path in there if self._identity(path).account == self.account.name]
            if sha256 not in mine:
                unknown += of_account
            elif len(of_account) > 1:
                several.append(of_account)
        gone = [m.note for m in rows if m.sha256 not in paths and not self.notes.exists(m.note)]
        return NotesSeen(len(rows), gone, several, unknown)

    def _identity(self, path: str) -> Identity:
        try:
            found = self.notes.read(path)
        except BadData:
            return Identity()
        return identity_in(found[0]) if found else Identity()

    def _drafts(self) -> Iterator[Finding]:
        rows = self.journal.drafts.of_account(self.account.name)
        newest = {row.mail_id: row.id for row in rows}
        there: dict[str, dict[str, list[int]]] = {}
        marked: dict[str, dict[str, list[int]]] = {}
        for name in {row.mailbox for row in rows if row.mailbox}:
            try:
                there[name] = self.server.by_id(name)
                if any(
                    self.journal.drafts.leaving(row.id) for row in rows
                ):  # a repair was killed in the middle
                    marked[name] = self.server.by_id(name, marked=True)
            except ServerUnavailable:  # it was renamed or removed: then nothing is there
                self.server.ensure()
        found = []
        for row in rows:
            uids = there.get(row.mailbox, {}).get(row.message_id, [])
            if self.journal.drafts.leaving(row.id):
                uids = [*uids, *marked.get(row.mailbox, {}).get(row.message_id, [])]
            found += of_draft(self._seen(row, newest[row.mail_id] == row.id, uids))
        found += of_draft_notes(*self._draft_notes({row.message_id for row in rows}))
        yield from found or [
            Finding("drafts", "ok", f"each of {len(newest)} drafts is where its note says, once")
        ]

    def _seen(self, row: DraftRow, newest: bool, uids: list[int]) -> DraftSeen:
        looked = len(uids) > 1 or (uids and not newest) or row.status in ("sent", "superseded")
        same = [uid for uid in uids if self._is_ours(row, uid)] if looked else []
        return DraftSeen(
            row.id,
            row.note,
            row.status,
            row.why,
            bool(row.mailbox),
            row.uid,
            tuple(uids),
            tuple(same),
            newest,
        )

    def _is_ours(self, row: DraftRow, uid: int) -> bool:
        raw = self.server.message(row.mailbox, uid, MOST)
        return bool(raw) and content_hash(raw or b"") == row.sha256

    def _draft_notes(self, known: set[str]) -> tuple[list[str], list[list[str]]]:
        """(draft notes of the account that the journal does not know, notes that are of one draft)."""
        by_id: dict[str, list[str]] = defaultdict(list)
        for path in every_draft(self.index):
            said = self.notes.properties(path) or {}
            if said.get("account") == self.account.name and said.get("draft_message_id"):
                by_id[str(said["draft_message_id"])].append(path)
        twins = [paths for paths in by_id.values() if len(paths) > 1]
        return [paths[0] for id_, paths in by_id.items() if id_ not in known], twins

    def _in_sent(self) -> dict[str, int]:
        """The note of each draft that mailbot has sent lately -> how often it lies in Sent."""
        rows = [
            d
            for d in self.journal.drafts.of_account(self.account.name)
            if d.status == "sent" and d.sent_at and d.sent_at > self.now - LATELY
        ]
        if not rows:
            return {}
        try:
            name = self.server.find("sent", self.account.sent_mailbox)
        except NoSuchMailbox:
            return {row.note: 0 for row in rows}
        return {row.note: len(self.server.copies(name, MessageId(row.message_id))) for row in rows}

    def _files_itself(self) -> bool:
        smtp = self.account.smtp
        return bool(smtp and files_sent_itself(smtp.host, smtp.port))
