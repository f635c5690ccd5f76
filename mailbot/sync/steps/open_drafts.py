"""The drafts that lie in Drafts untouched while new mail comes into their threads: one answer for a thread, and what is no longer wanted
is withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from mailbot.mail.mail import Mail, read_mail
from mailbot.sync.memory.rows import DraftRow, MailRow
from mailbot.sync.steps.circumstances import TOUCHED
from mailbot.sync.steps.take_back import TakeBack
from mailbot.sync.steps.waiting import TriageRecord, Waiting, remembered
from mailbot.vault import note as notes
from mailbot.vault.index import Index
from mailbot.vault.read_back import newest_text, sender_in
from mailbot.vault.stand_ins import unescape
from mailbot.vault.verdict import BEGUN

MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class OpenDrafts:
    """The open drafts of an account, beside the mails that came after them."""

    account: str
    taking: TakeBack
    record: TriageRecord
    index: Index

    def beside(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """The mails of the threads of these that have an untouched draft, with what they ask. They are read from their notes: on the
        server they may be gone."""
        mine = {each.row.id for each in waiting}
        found = []
        for draft, row in self._in_threads([each.row for each in waiting], ("draft",)):
            by_user = (self.record.notes.properties(row.note) or {}).get("decided_by") == "user"
            if not draft.ours or row.id in mine or by_user:
                continue
            if mail := self._noted(row):
                verdict = remembered(Waiting(row, mail), self.record.notes, self.record.journal)
                found.append(Waiting(row, mail, replace(verdict, disposition="reply")))
        return found

    def withdraw(self, mail_id: int, reason: str) -> None:
        """Take the draft of a mail back that is not wanted any more. One that was touched meanwhile stays, and its note says so."""
        draft = self.record.journal.drafts.of(mail_id)[-1]
        self.taking.take_back(draft, f"Withdrawn: {reason[0].lower()}{reason[1:]}.", reason)

    def announce(self, mail_ids: Iterable[int], newer: str) -> None:
        """Write down which draft is about to take the place of these: a run that is killed in between is finished by a later one."""
        for mail_id in mail_ids:
            draft = self.record.journal.drafts.of(mail_id)[-1]
            self.record.journal.drafts.save(replace(draft, thread_note=newer))

    def more_to_answer(self, paths: Iterable[str]) -> None:
        """Say in the notes of the user's own drafts that newer mail came into their threads, and in the notes of these mails which
        draft that is."""
        journal, files = self.record.journal, self.record.notes
        for path in paths:
            row = journal.mails.by_note(path)
            if row is None or (files.properties(path) or {}).get("reason") != BEGUN:
                continue
            for draft, _ in self._in_threads([row], (*TOUCHED, "draft", "unknown")):
                if draft.status == "draft" and draft.ours:
                    continue
                link = f"[[{draft.note.removesuffix('.md')}]]"
                note_hash = files.change(path, row.note_hash, {"draft": link})
                journal.mails.update(
                    row.id, stage=row.stage, disposition=row.disposition, note_hash=note_hash
                )
                line = "A newer mail came into the thread, and there may be more to answer:"
                self.taking.telling.tell(draft, draft.status, line, link=path, lenient=True)

    def _in_threads(self, rows: Sequence[MailRow], statuses: Sequence[str]) -> list[tuple[DraftRow, MailRow]]:
        """The open drafts in the threads of these mails, each with its mail."""
        journal = self.record.journal
        open_ = [
            d
            for d in journal.drafts.watched(self.account, self.taking.telling.clock() - MONTH)
            if d.status in statuses
        ]
        if not open_:
            return []
        mails = {d.id: journal.mails.get(d.mail_id) for d in open_}
        thread_of = self.index.threads_of([*(row.note for row in rows), *(m.note for m in mails.values())])
        threads = {thread_of[row.note] for row in rows if thread_of.get(row.note)}
        return [(d, mails[d.id]) for d in open_ if thread_of.get(mails[d.id].note) in threads]

    def _noted(self, row: MailRow) -> Mail | None:
        """A mail as its note has it: who wrote it, in which thread, and its newest text."""
        found = self.record.notes.read(row.note)
        if found is None:
            return None
        note = notes.read(found[0], row.note)
        said = note.properties
        thread = str(said.get("thread") or "")
        head = [
            ("From", str(sender_in(said))),
            ("Subject", said.get("title")),
            ("Message-ID", row.message_id),
        ]
        head.append(("References", thread if thread != row.message_id else ""))
        head.append(("Date", f"{row.date:%a, %d %b %Y %H:%M:%S} +0000"))
        lines = [f"{name}: {' '.join(str(value).split())}" for name, value in head if value]
        lines.append("Content-Type: text/plain; charset=utf-8")
        text = unescape(newest_text(note.body))
        return read_mail("\r\n".join([*lines, "", text]).encode("utf-8", "replace"))
