"""Mail from files into the vault, under an account's name: the same notes, the same identity, never a draft."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mailbot.mail.mail import read_mail
from mailbot.mail.mime.mailfiles import MailFile, mail_in
from mailbot.settings import Settings
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.sync.session.kept_notes import KeptNotes
from mailbot.sync.session.opening import Session, chosen, opened
from mailbot.sync.session.report import Progress, Report, bug, log, silent
from mailbot.sync.session.search import opened_index
from mailbot.sync.steps import wiring
from mailbot.sync.steps.keep import write_email_note
from mailbot.vault.email_note import Filing
from mailbot.vault.files import content_hash
from mailbot.vault.verdict import verdict_in


def import_mail(settings: Settings, account: str, paths: list[Path], progress: Progress = silent) -> Report:
    """Keep every mail of the files as a note. What is kept already, from here or from the server, is recognised, so that
    an import that was stopped goes on where it was. A bad mail is reported and does not stop the others.

    Raises ConfigError for an unknown account, TryAgain if a run holds it, OSError if the disk fails.
    """
    (of,) = chosen(settings, [account])
    report = Report(account)
    with opened(settings, of, report, progress) as session, opened_index(settings, session.index) as index:
        kept = wiring.kept_notes(session, index)
        for number, mail in enumerate(mail_in(paths), 1):
            if mail.problem:
                report.failed.append(f"{mail.name}: {mail.problem}")
                continue
            try:
                _keep(session, kept, mail)
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - one mail never stops the others
                log.exception("import into account %s: mail %d", account, number)
                report.failed.append(f"{mail.name}: {bug(error)}")
            progress("import", number, number)
    return report


def _keep(session: Session, kept: KeptNotes, file: MailFile) -> None:
    mail, account = read_mail(file.raw), session.account.name
    message, mails = mail.message, session.journal.mails
    if mails.by_content(account, message.sha256) or (
        file.stored and mails.by_content(account, content_hash(file.stored))
    ):
        session.report.recognised += 1
        return
    known = Circumstances(own=frozenset(session.settings.own_addresses), imported=True)
    verdict = disposition(mail, known)
    twins = tuple(m.note for m in mails.by_message_id(message.message_id or ""))
    note = write_email_note(kept, mail, Filing(account), verdict, session.settings.email_folder, twins)
    if note.adopted:  # an import that was killed had written it
        verdict = verdict_in(session.notes.properties(note.path) or {}) or verdict
    date = message.date or datetime.now(UTC)
    mail_id = mails.add(
        account,
        message.message_id or "",
        message.sha256,
        note.path,
        note.hash,
        date,
        "done",
        verdict.disposition,
        datetime.now(UTC),
    )
    session.report.notes.append(note.path)
    session.report.count(mail_id, verdict.disposition)
    log.info("account %s: imported as mail %d", account, mail_id)
