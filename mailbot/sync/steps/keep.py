"""Arrivals -> durable notes: note, then journal, then cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.assistant.steering import attempts
from mailbot.errors import MailbotError
from mailbot.mail.mail import Mail
from mailbot.mail.message import Message
from mailbot.mail.server.listing import Opened
from mailbot.sync.decide.correspondent import why_no_person
from mailbot.sync.decide.mailbox import (
    Fetch,
    ForgetFailure,
    ForgetRenumbered,
    KeepHeader,
    MoveCursor,
    Quarantine,
)
from mailbot.sync.decide.retry import backoff
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, Location
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.kept_notes import KeptNotes
from mailbot.sync.session.note_files import Kept
from mailbot.sync.session.report import Progress, Report, bug, log
from mailbot.sync.steps.fetch import Arrival, Look
from mailbot.sync.steps.reading import ReadMails
from mailbot.vault.email_note import Filing, stem, to_note
from mailbot.vault.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Keeper:
    """Makes a plan true: notes first, then the journal, then the cursor."""

    account: str
    journal: Journal
    kept_notes: KeptNotes
    spool: Spool
    mails: ReadMails
    folder: str
    """For email notes, relative to the vault."""
    own: frozenset[str]
    report: Report
    progress: Progress

    def run(self, look: Look, arrivals: Iterable[tuple[Fetch | KeepHeader, Arrival | MailbotError]]) -> None:
        """Do every action of a plan, the mails as they arrive. Raises OSError if the disk fails."""
        opened = look.opened
        for first in look.actions:
            match first:
                case ForgetRenumbered(before):
                    self.report.remark(
                        f"{opened.name}: the server renumbered its mails (UIDVALIDITY {before} became {opened.uidvalidity});"
                        " mails that you already have are not saved twice"
                    )
                    self.journal.failures.forget_renumbered(self.account, opened.name, opened.uidvalidity)
                case ForgetFailure(uid):
                    self.journal.failures.forget(self.account, _at(opened, uid))
                case Quarantine(uid, reason, moves):
                    self._failed(opened, uid, reason, moves)
        total = sum(isinstance(a, Fetch | KeepHeader) for a in look.actions)
        for done, (action, arrival) in enumerate(arrivals, 1):
            self._keep_or_record(opened, action, arrival)
            self.progress(f"{self.account}: {opened.name}", done, total)
        for last in look.actions:
            if isinstance(last, MoveCursor):
                reached = Cursor(opened.uidvalidity, last.uid)
                self.journal.cursors.move(self.account, opened.name, reached)

    def _keep_or_record(
        self, opened: Opened, action: Fetch | KeepHeader, arrival: Arrival | MailbotError
    ) -> None:
        uid = action.listing.uid
        if isinstance(arrival, MailbotError):
            self._failed(opened, uid, str(arrival), action.moves)
            return
        try:
            self._keep(opened, arrival)
        except OSError:
            raise
        except MailbotError as error:
            self._failed(opened, uid, str(error), action.moves)
        except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
            log.exception("account %s: %s uid %d", self.account, opened.name, uid)
            self._failed(opened, uid, str(bug(error)), action.moves)

    def _failed(self, opened: Opened, uid: int, reason: str, moves: bool) -> None:
        self.report.failed.append(f"{opened.name}, UID {uid}: {reason}; it is tried again later")
        at = _at(opened, uid)
        attempts = self.journal.failures.attempts(self.account, at) + 1
        with self.journal.together():
            self.journal.failures.record(
                self.account, at, reason, attempts, datetime.now(UTC) + backoff(attempts)
            )
            if moves:
                self.journal.cursors.move(self.account, opened.name, Cursor(opened.uidvalidity, uid))

    def _keep(self, opened: Opened, arrival: Arrival) -> None:
        uid = arrival.listing.uid
        if arrival.known:
            self.report.recognised += 1
            with self.journal.together():
                self._located(arrival.known.id, opened, uid, arrival.moves)
            return
        message, verdict = arrival.mail.message, arrival.verdict
        filing = Filing(self.account, opened.name, uid, opened.uidvalidity)
        note = write_email_note(self.kept_notes, arrival.mail, filing, verdict, self.folder, arrival.twins)
        stage, disposition = arrival.stage, verdict.disposition
        if note.adopted:  # what it says was decided by the run that was killed: triage believes it
            stage, disposition = "triage", ""
        if stage != "done":
            self.spool.keep_mail(message.sha256, arrival.raw)
            self.mails.hold(arrival.mail)
        date = message.date or datetime.now(UTC)
        with self.journal.together():
            mail_id = self.journal.mails.add(
                self.account,
                message.message_id or "",
                message.sha256,
                note.path,
                note.hash,
                date,
                stage,
                disposition,
                datetime.now(UTC),
            )
            if verdict.asks:
                self.journal.mails.set_asks(mail_id, verdict.asks)
            self._remember_stranger(mail_id, message)
            self._located(mail_id, opened, uid, arrival.moves)
        self.report.notes.append(note.path)
        if disposition:
            self.report.count(mail_id, disposition)
        log.info("account %s: %s uid %d kept as mail %d", self.account, opened.name, uid, mail_id)

    def _located(self, mail_id: int, opened: Opened, uid: int, moves: bool) -> None:
        """The mail lies there, and its failure there, if there was one, is over."""
        at = _at(opened, uid)
        if opened.uidvalidity:  # without one the UID may be another mail's tomorrow
            self.journal.locations.add(mail_id, self.account, at)
        self.journal.failures.forget(self.account, at)
        if moves:
            self.journal.cursors.move(self.account, opened.name, Cursor(opened.uidvalidity, uid))

    def _remember_stranger(self, mail_id: int, message: Message) -> None:
        sender = message.sender
        if sender and sender.key not in self.own and not why_no_person(message):
            parents = (*message.in_reply_to, *message.references)
            self.journal.strangers.add(mail_id, self.account, datetime.now(UTC), sender.key, parents)


def _at(opened: Opened, uid: int) -> Location:
    return Location(opened.name, opened.uidvalidity, uid)


def write_email_note(
    kept_notes: KeptNotes,
    mail: Mail,
    filing: Filing,
    verdict: Verdict,
    folder: str,
    twins: Sequence[str] = (),
) -> Kept:
    """The mail's note, made durable; under another name if another mail's note has the usual one. One that is in the vault
    already is adopted as it is."""
    if found := kept_notes.of(mail.message):
        return found
    number, name = 1, ""
    suspicious = attempts(mail.message)
    while True:
        email = to_note(mail, filing, verdict, folder=folder, name=name, suspicious=suspicious, twins=twins)
        if kept := kept_notes.notes.keep(email, mail.message.sha256, filing.account):
            return kept
        number += 1
        name = f"{stem(mail.message, filing.uid)}_{number}"
