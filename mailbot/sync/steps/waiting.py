"""Mails that wait for triage or a draft, and where what is decided of them is written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.assistant.detector import asks_of
from mailbot.errors import BadData
from mailbot.mail.mail import Mail
from mailbot.sync.decide.retry import backoff
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report
from mailbot.sync.steps.reading import ReadMails
from mailbot.vault.verdict import UNDECIDED, Verdict, verdict_in


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that waits: as remembered, as read, and what was decided."""

    row: MailRow
    mail: Mail
    verdict: Verdict = UNDECIDED


@dataclass(frozen=True, slots=True)
class TriageRecord:
    """Where verdicts are written down: the mail's note, then the journal."""

    journal: Journal
    notes: NoteFiles
    spool: Spool
    report: Report
    named: Callable[[Sequence[str]], list[str]] = list
    """People's names as properties have them: with a link where there is a note."""

    def done(self, row: MailRow, verdict: Verdict | None) -> None:
        """Nothing more is wanted of a mail. Without a verdict the user has removed its note."""
        note_hash, decided = row.note_hash, row.disposition
        if verdict:
            decided = verdict.disposition
            note_hash = self._told(row, verdict)
        self.journal.mails.update(row.id, stage="done", disposition=decided, note_hash=note_hash)
        self.spool.drop_mail(row.sha256)
        self.report.count(row.id, decided if verdict else "removed")

    def failed(self, row: MailRow, reason: str) -> None:
        """A mail cannot be worked on now; a later run tries again."""
        attempts = row.attempts + 1
        self.journal.mails.failed(row.id, reason, attempts, datetime.now(UTC) + backoff(attempts))
        self.report.failed.append(reason if reason.startswith(row.note) else f"{row.note}: {reason}")

    def wants_reply(self, row: MailRow, verdict: Verdict) -> MailRow:
        """A mail waits for its draft now; returns its row."""
        note_hash = self._told(row, verdict)
        with self.journal.together():
            self.journal.mails.set_asks(row.id, verdict.asks)
            self.journal.mails.update(row.id, stage="draft", disposition="reply", note_hash=note_hash)
        self.report.count(row.id, "reply")
        return self.journal.mails.get(row.id)

    def _told(self, row: MailRow, verdict: Verdict) -> str:
        said = verdict.properties()
        return self.notes.change(row.note, row.note_hash, {**said, "people": self.named(said["people"])})


def read_waiting(rows: Sequence[MailRow], mails: ReadMails, record: TriageRecord) -> list[Waiting]:
    """The mails of these rows, read. One whose note the user has removed is done with: that is an answer too. One that is no
    longer in the spool is reported."""
    found = []
    for row in rows:
        mail = mails.get(row)
        if mail is None:
            record.failed(row, f"its copy in the spool is gone; run `mailbot draft '{row.note}'`")
            continue
        try:
            gone = record.notes.read(row.note) is None
        except BadData as error:  # a link, a folder or a pipe lies in its place: it costs this mail alone
            record.failed(row, str(error))
            continue
        if gone:
            record.done(row, None)
        else:
            found.append(Waiting(row, mail))
    return found


def remembered(waiting: Waiting, notes: NoteFiles, journal: Journal) -> Verdict:
    """The verdict that an earlier run wrote into the note. Where it remembers no asks they are found anew."""
    properties = notes.properties(waiting.row.note) or {}
    asks = journal.mails.asks(waiting.row.id) or asks_of(waiting.mail)
    return verdict_in(properties, asks) or Verdict("reply", "model", asks=asks)
