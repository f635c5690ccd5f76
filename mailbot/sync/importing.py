"""Mail from files into the vault, under an account's name: the same notes, the same identity, never a draft."""

from __future__ import annotations

from pathlib import Path

from mailbot.assistant.triage import Circumstances, Triage, facts
from mailbot.mail.mime.mailfiles import mail_in
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.settings import Settings
from mailbot.sync.fetch import verdict_of, written
from mailbot.sync.journal import Journal
from mailbot.sync.lock import locked
from mailbot.sync.pipeline import check_vault, chosen
from mailbot.sync.run import Options, Progress, Report, Run, log, silent, vault_state
from mailbot.vault.email_note import Filing


def import_mail(settings: Settings, account: str, paths: list[Path], progress: Progress = silent) -> Report:
    """Keep every mail of the files as a note. What is kept already, from here or from the server, is recognised, so that
    an import that was stopped goes on where it was. A bad mail is reported and does not stop the others.

    Raises ConfigError for an unknown account, TryAgain where a run holds it, OSError where the disk fails.
    """
    check_vault(settings.vault)
    (chosen_account,) = chosen(settings, [account])
    state = vault_state(settings.vault)
    report = Report(account)
    with locked(state, account), Journal(state / "journal.sqlite") as journal:
        run = Run(settings, chosen_account, journal, state, Options(), report, progress)
        for number, mail in enumerate(mail_in(paths), 1):
            try:
                _one(run, mail.raw)
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - one mail never stops the others
                log.exception("import into account %s: mail %d", account, number)
                report.failed.append(
                    f"{mail.name}: a bug of mailbot ({type(error).__name__}); its log has the details"
                )
            progress("import", number, number)
    return report


def _one(run: Run, raw: bytes) -> None:
    message = parse(raw)
    if run.journal.by_content(run.account.name, message.sha256):
        run.report.recognised += 1
        return
    reply = split(message)
    own = Circumstances(frozenset(run.settings.own_addresses))
    triage = facts(message, reply, own) or Triage("read", "rule", "Imported: no draft is made for it")
    verdict = verdict_of(triage)
    twins = [m.note for m in run.journal.by_message_id(message.message_id or "")]
    path, note_hash = written(run, message, reply, Filing(run.account.name), verdict, twins)
    date = (message.date or run.clock()).isoformat()
    name, message_id = run.account.name, message.message_id or ""
    mail_id = run.journal.add_mail(
        name, message_id, message.sha256, path, note_hash, date, "done", verdict.disposition
    )
    run.report.notes.append(path)
    run.report.count(triage.disposition)
    log.info("account %s: imported as mail %d", run.account.name, mail_id)
