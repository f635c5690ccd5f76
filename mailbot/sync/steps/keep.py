"""Arrivals -> durable notes: notes, then the journal, then the cursor, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.errors import MailbotError
from mailbot.mail.message import Message
from mailbot.mail.server.listing import Opened
from mailbot.sync.decide.correspondent import why_no_person
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, Stage
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.kept_notes import KeptNotes
from mailbot.sync.session.note_files import Kept
from mailbot.sync.session.report import Progress, Report, bug, log
from mailbot.sync.steps.fetch import Arrival, Step
from mailbot.sync.steps.ledger import Ledger, at
from mailbot.sync.steps.links import Links
from mailbot.sync.steps.look import Look
from mailbot.sync.steps.new_notes import NewNotes
from mailbot.sync.steps.reading import ReadMails


@dataclass(frozen=True, slots=True)
class Keeper:
    """Makes a plan true: notes first, then the journal, then the cursor."""

    account: str
    journal: Journal
    kept_notes: KeptNotes
    spool: Spool
    mails: ReadMails
    own: frozenset[str]
    ledger: Ledger
    report: Report
    progress: Progress

    def run(self, look: Look, batches: Iterable[Sequence[Step]]) -> None:
        """Do every action of a plan, the mails as they arrive. Raises OSError if the disk fails."""
        opened = look.opened
        self.ledger.begin(look)
        links = Links(self.kept_notes.index, self.kept_notes.notes, self.journal.mails)
        written = NewNotes(self.account, self.kept_notes, links)
        done = 0
        for batch in batches:
            self._keep(opened, batch, written)
            done += len(batch)
            self.progress(f"{self.account}: {opened.name}", done, look.wanted)
        self.ledger.end(look)

    def _keep(self, opened: Opened, batch: Sequence[Step], written: NewNotes) -> None:
        """Each mail as a note, or with its failure recorded: the notes durable first, then all of the journal at once."""
        arrivals = [arrival for _, arrival in batch if isinstance(arrival, Arrival) and not arrival.known]
        notes = dict(zip(map(id, arrivals), written.write(arrivals), strict=True))
        broken = next((found for found in notes.values() if isinstance(found, OSError)), None)
        for new in arrivals:
            self._spool(new, notes[id(new)])
        with self.journal.together():
            for action, arrival in batch:
                found = notes.get(id(arrival))
                if isinstance(found, OSError):
                    break  # the disk: the cursor stops here
                if isinstance(arrival, MailbotError) or isinstance(found, MailbotError):
                    reason = arrival if isinstance(arrival, MailbotError) else found
                    self.ledger.failed(opened, action.listing.uid, str(reason), action.moves)
                else:
                    self._told(opened, arrival, found)
        if broken:
            raise broken
        written.index()

    def _spool(self, arrival: Arrival, note: Kept | MailbotError | OSError) -> None:
        """What a mail that is not done with comes from, for the steps to come."""
        if isinstance(note, Kept) and self._stage(arrival, note)[0] != "done":
            self.spool.keep_mail(arrival.mail.message.sha256, arrival.given.raw)
            if not note.adopted:
                self.mails.hold(arrival.mail)

    def _told(self, opened: Opened, arrival: Arrival, note: Kept | None) -> None:
        """A mail in the journal; one that it cannot hold, for whatever reason, costs no other."""
        uid = arrival.listing.uid
        try:
            with self.journal.together():
                self._journalled(opened, arrival, note)
        except (MailbotError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
            log.exception("account %s: %s uid %d", self.account, opened.name, uid)
            self.ledger.failed(opened, uid, str(bug(error)), arrival.moves)

    def _stage(self, arrival: Arrival, note: Kept) -> tuple[Stage, str]:
        """What a mail waits for, and its disposition. What an adopted note says was decided by the run that was killed: triage
        believes it."""
        return ("triage", "") if note.adopted else (arrival.stage, arrival.verdict.disposition)

    def _journalled(self, opened: Opened, arrival: Arrival, note: Kept | None) -> None:
        uid = arrival.listing.uid
        if arrival.known or note is None:
            self.report.recognised += 1
            if arrival.known:
                self._located(arrival.known.id, opened, arrival)
            return
        message, verdict = arrival.mail.message, arrival.verdict
        stage, disposition = self._stage(arrival, note)
        mail_id = self.journal.mails.add(
            self.account,
            message.message_id or "",
            message.sha256,
            note.path,
            note.hash,
            message.date or datetime.now(UTC),
            stage,
            disposition,
            datetime.now(UTC),
        )
        if verdict.asks:
            self.journal.mails.set_asks(mail_id, verdict.asks)
        self._remember_stranger(mail_id, message)
        self._located(mail_id, opened, arrival)
        self.report.adopted += note.adopted
        self.report.notes.append(note.path)
        if disposition:
            self.report.count(mail_id, disposition)
        log.info("account %s: %s uid %d kept as mail %d", self.account, opened.name, uid, mail_id)

    def _located(self, mail_id: int, opened: Opened, arrival: Arrival) -> None:
        """The mail lies there, and its failure there, if there was one, is over."""
        here = at(opened, arrival.listing.uid)
        if opened.uidvalidity:  # without one the UID may be another mail's tomorrow
            self.journal.locations.add(mail_id, self.account, here)
        self.journal.failures.forget(self.account, here)
        if arrival.moves:
            self.journal.cursors.move(self.account, opened.name, Cursor(opened.uidvalidity, here.uid))

    def _remember_stranger(self, mail_id: int, message: Message) -> None:
        sender = message.sender
        if sender and sender.key not in self.own and not why_no_person(message):
            parents = (*message.in_reply_to, *message.references)
            self.journal.strangers.add(mail_id, self.account, datetime.now(UTC), sender.key, parents)
