"""Mail from files into the vault, under an account's name: the same notes, the same identity, never a draft."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

from mailbot.errors import MailbotError
from mailbot.mail.mail import Mail
from mailbot.mail.mime.mailfiles import MailFile, mail_in
from mailbot.settings import Settings
from mailbot.sync.decide.disposition import Circumstances
from mailbot.sync.session.note_files import Kept
from mailbot.sync.session.opening import Session, chosen, opened
from mailbot.sync.session.report import Progress, Report, log, silent
from mailbot.sync.session.search import opened_index
from mailbot.sync.steps import wiring
from mailbot.sync.steps.convert import Converted, RawMail, convert
from mailbot.sync.steps.fetch import BATCH, MANY, PART, PART_OCTETS
from mailbot.sync.steps.links import Links
from mailbot.sync.steps.new_notes import NewNotes
from mailbot.sync.steps.processes import MOST, Processes, free, give_back, in_parts
from mailbot.vault.email_note import EmailNote, Filing
from mailbot.vault.entry import Entry, entry_of
from mailbot.vault.files import content_hash
from mailbot.vault.verdict import Verdict, verdict_in


@dataclass(frozen=True, slots=True)
class _Read:
    """A mail of a file, read."""

    file: MailFile
    given: RawMail
    found: Converted | MailbotError


@dataclass(frozen=True, slots=True)
class _New:
    """A mail that is not kept yet."""

    name: str
    mail: Mail
    given: RawMail
    verdict: Verdict
    note: EmailNote
    entry: Entry


def import_mail(settings: Settings, account: str, paths: list[Path], progress: Progress = silent) -> Report:
    """Keep every mail of the files as a note. What is kept already, from here or from the server, is recognised, so that
    an import that was stopped goes on where it was. A bad mail is reported and does not stop the others.

    Raises ConfigError for an unknown account, TryAgain if a run holds it, OSError if the disk fails.
    """
    (of,) = chosen(settings, [account])
    report = Report(account)
    with opened(settings, of, report, progress) as session, opened_index(settings, session.index) as index:
        links = Links(index, session.notes, session.journal.mails)
        written = NewNotes(account, wiring.kept_notes(session, index), links)
        batch: list[_Read] = []
        seen: set[str] = set()
        done = 0
        for each in _read(session, mail_in(paths)):
            names = frozenset() if isinstance(each.found, MailbotError) else each.found.names
            if len(batch) >= BATCH or not seen.isdisjoint(names):
                done += _keep(session, batch, written)
                batch, seen = [], set()
                progress("import", done, done)
            batch.append(each)
            seen |= names
        done += _keep(session, batch, written)
        progress("import", done, done)
    return report


def _read(session: Session, files: Iterator[MailFile]) -> Iterator[_Read]:
    """Every mail of the files, read, in order; read in other processes where that is faster."""
    account, folder = session.account.name, session.settings.email_folder
    known = Circumstances(own=frozenset(session.settings.own_addresses), imported=True)

    def raw_mails() -> Iterator[tuple[MailFile, RawMail]]:
        for file in files:
            if file.problem:
                session.report.failed.append(f"{file.name}: {file.problem}")
            else:
                yield file, RawMail(file.raw, Filing(account), known, folder, None, session.clock())

    mails = raw_mails()
    first = list(islice(mails, MANY))
    processes = free(MOST) if len(first) == MANY else 0
    try:
        with Processes(convert, processes) as pool:
            for file, given, found in pool.in_order(in_parts(chain(first, mails), PART, PART_OCTETS)):
                yield _Read(file, given, found)
    finally:
        give_back(processes)


def _keep(session: Session, batch: list[_Read], written: NewNotes) -> int:
    """The notes of a batch durable, then all of it in the journal; returns how many mails were looked at."""
    report = session.report
    new: list[_New] = []
    for each in batch:
        if isinstance(each.found, MailbotError):
            report.failed.append(f"{each.file.name}: {each.found}")
        elif found := _new(session, each.file, each.given, each.found):
            new.append(found)
    notes = written.write(new)
    with session.journal.together():
        for mail, kept in zip(new, notes, strict=True):
            if isinstance(kept, Kept):
                _journalled(session, mail, kept)
            elif isinstance(kept, MailbotError):
                report.failed.append(f"{mail.name}: {kept}")
    if broken := next((kept for kept in notes if isinstance(kept, OSError)), None):
        raise broken
    written.index()
    return len(batch)


def _new(session: Session, file: MailFile, given: RawMail, found: Converted) -> _New | None:
    """A mail with its note, None if it is kept already."""
    message, mails = found.mail.message, session.journal.mails
    account = session.account.name
    if mails.by_content(account, message.sha256) or (
        file.stored and mails.by_content(account, content_hash(file.stored))
    ):
        session.report.recognised += 1
        return None
    note, entry = found.note, found.entry
    if twins := [m.note for m in mails.by_message_id(message.message_id or "")]:
        note = note.decided(found.verdict, twins)
        entry = entry_of(note.path, note.note)
    return _New(file.name, found.mail, given, found.verdict, note, entry)


def _journalled(session: Session, mail: _New, note: Kept) -> None:
    account, message, verdict = session.account.name, mail.mail.message, mail.verdict
    if note.adopted:  # an import that was killed had written it
        verdict = verdict_in(session.notes.properties(note.path) or {}) or verdict
    mail_id = session.journal.mails.add(
        account,
        message.message_id or "",
        message.sha256,
        note.path,
        note.hash,
        message.date or datetime.now(UTC),
        "done",
        verdict.disposition,
        datetime.now(UTC),
    )
    session.report.notes.append(note.path)
    session.report.count(mail_id, verdict.disposition)
    log.info("account %s: imported as mail %d", account, mail_id)
