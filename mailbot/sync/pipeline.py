"""The story, top to bottom: unread mail becomes notes, notes that want an answer become drafts.

unread mail ─▶ Message ─▶ email note ─▶ triage ─▶ context ─▶ Draft ─▶ draft note ─▶ Drafts
`fetch.py`: up to the email note       `answer.py`: from triage on       `deliver.py`: APPEND
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.credentials import secret
from mailbot.errors import ConfigError, MailbotError, TryAgain
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Account, Llm, Secret, Settings
from mailbot.sync.acquaint import acquaint
from mailbot.sync.answer import answer
from mailbot.sync.deliver import settle
from mailbot.sync.fetch import fetch
from mailbot.sync.journal import Journal, now
from mailbot.sync.lock import locked
from mailbot.sync.reopen import reopen, second_thoughts
from mailbot.sync.run import Options, Progress, Report, Run, log, login, silent, vault_state
from mailbot.sync.sent import remember_sent
from mailbot.vault.index import Index, index_path

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


def fetch_all(
    settings: Settings, options: Options, names: Sequence[str] = (), progress: Progress = silent
) -> list[Report]:
    """One run over the named accounts, or all. An account that fails does not stop the others.

    Raises ConfigError for an unknown name or a vault that is not there.
    """
    check_vault(settings.vault)
    return [_account(settings, account, options, progress) for account in chosen(settings, names)]


def chosen(settings: Settings, names: Sequence[str]) -> list[Account]:
    """The accounts of these names, all for none. Raises ConfigError for a name that is not there."""
    known = {a.name: a for a in settings.accounts}
    for name in names:
        if name not in known:
            raise ConfigError(f"there is no account {name!r} in the settings; there are: {', '.join(known)}")
    return [known[n] for n in names] or list(settings.accounts)


def check_vault(vault: Path) -> None:
    """Raises ConfigError where the vault is no folder: mailbot never makes one up, it may only not be mounted."""
    if not vault.is_dir():
        raise ConfigError(
            f"the vault {vault} is not a folder; create it, or mend `vault` in accounts.yaml (is the disk mounted?)"
        )


def _account(settings: Settings, account: Account, options: Options, progress: Progress) -> Report:
    report = Report(account.name)
    state = vault_state(settings.vault)
    try:
        with locked(state, account.name), Journal(state / "journal.sqlite") as journal:
            run = Run(settings, account, journal, state, options, report, progress)
            if pause := journal.paused(account.name, now()):
                raise TryAgain(
                    f"account {account.name}: left alone until {pause[0][:16].replace('T', ' ')} UTC, as its server asked: {pause[1]}"
                )
            try:
                _story(run)
            except TryAgain as error:
                if error.retry_after and not options.dry_run:
                    journal.pause(account.name, now() + timedelta(seconds=error.retry_after), str(error))
                raise
    except MailbotError as error:
        _ended(report, str(error), error.exit_code)
    except OSError as error:
        what = f"{error.filename or 'the disk'}: {error.strerror or error}"
        _ended(report, f"account {account.name}: {what}; nothing was lost, run again when it is mended", 75)
    except sqlite3.Error as error:
        _ended(
            report, f"account {account.name}: the journal or the index cannot be used just now ({error})", 75
        )
    except Exception as error:  # noqa: BLE001 - one account never stops the others (DESIGN 7.7)
        log.exception("account %s", account.name)
        _ended(
            report,
            f"account {account.name}: a bug of mailbot ({type(error).__name__}); its log has the details",
            70,
        )
    return report


def _ended(report: Report, error: str, code: int) -> None:
    report.error, report.exit_code = error, code
    log.error("%s", error)


def _story(run: Run) -> None:
    with ImapAccount(login(run.account)) as server:
        drafting = not run.options.dry_run and not run.options.no_drafts
        if drafting:
            settle(run, server)
        fetch(run, server)
        if drafting and (thoughts := second_thoughts(run)):
            reopen(run, server, thoughts)
        waiting = drafting and bool(run.journal.waiting(run.account.name, now()))
        if not waiting and (run.options.dry_run or not run.report.notes):
            return
        remember_sent(run, server)
        with Index(index_path(run.state.parent, run.vault), run.vault) as index:
            index.refresh(run.settings.exclude)
            acquaint(run, index)
            if waiting:
                with models_of(run.settings.llm, spent_today(run)) as models:
                    answer(run, server, models, index)


@contextmanager
def models_of(settings: Llm | None, today: tuple[int, float] = (0, 0.0)) -> Iterator[Models | None]:
    """The configured models, None where none is configured. The client is imported here, where it is first needed.
    `today` is what was spent since midnight: (tokens, money)."""
    if settings is None:
        yield None
        return
    from mailbot.assistant.llm import Endpoint, Model
    from mailbot.assistant.models import Budget, Models, Served

    def served(base_url: str, key: Secret | None, draft: str, triage: str) -> Served:
        # A local server asks for no key, the client for some text.
        called = (lambda: secret(key, "llm.api_key")) if key else (lambda: "none")
        endpoint = Endpoint(base_url, called, settings.timeout, settings.retries, settings.max_output_tokens)
        return Served(Model(endpoint), {"draft": draft, "triage": triage or draft})

    every = [served(settings.base_url, settings.api_key, settings.model, settings.triage_model)]
    every += [served(f.base_url.rstrip("/"), f.api_key, f.model, f.triage_model) for f in settings.fallbacks]
    models = Models(every, settings.prices, Budget(settings.budget.per_run, settings.budget.per_day, today))
    try:
        yield models
    finally:
        models.close()


def spent_today(run: Run) -> tuple[int, float]:
    """(tokens, money) that were spent on models since midnight, for all accounts of the vault."""
    return run.journal.spent_since(run.clock().replace(hour=0, minute=0, second=0, microsecond=0))


def exit_code(reports: Sequence[Report]) -> int:
    """0 all is well; the error's own code where every account failed alike; 1 where some mails or accounts failed."""
    codes = {r.exit_code for r in reports}
    if len(codes) == 1 and (code := codes.pop()):
        return code
    return 1 if any(r.exit_code or r.failed for r in reports) else 0
