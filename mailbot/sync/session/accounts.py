"""A run over several accounts: one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

from mailbot.errors import MailbotError, TryAgain
from mailbot.settings import Account, Settings
from mailbot.sync.session.opening import Session, check_vault, chosen, opened, utc_time
from mailbot.sync.session.report import Progress, Report, bug, log

Open = Callable[[Settings, Account, Report, Progress], AbstractContextManager[Session]]


def each_account(
    settings: Settings,
    names: Sequence[str],
    progress: Progress,
    act: Callable[[Session], None],
    open_account: Open = opened,
) -> list[Report]:
    """Open each of the named accounts, or all, and `act` on it, unless its server has asked for patience. What goes wrong ends
    that account's run alone, and is in its report with the exit code. Raises ConfigError for an unknown name or a vault that
    is not there."""
    check_vault(settings.vault)
    return [_one(settings, account, progress, act, open_account) for account in chosen(settings, names)]


def _one(
    settings: Settings,
    account: Account,
    progress: Progress,
    act: Callable[[Session], None],
    open_account: Open,
) -> Report:
    report = Report(account.name)
    try:
        with open_account(settings, account, report, progress) as session:
            _unless_paused(session, act)
    except MailbotError as error:
        _ended(report, str(error), error.exit_code)
    except OSError as error:
        what = f"{error.filename or 'the disk'}: {error.strerror or error}"
        _ended(
            report, f"account {account.name}: {what}; nothing was lost; fix this and run mailbot again", 75
        )
    except Exception as error:  # noqa: BLE001 - one account never stops the others
        log.exception("account %s", account.name)
        _ended(report, f"account {account.name}: {bug(error)}", 70)
    return report


def _ended(report: Report, error: str, code: int) -> None:
    report.error, report.exit_code = error, code
    log.error("%s", error)


def _unless_paused(session: Session, act: Callable[[Session], None]) -> None:
    """Act, unless the server has asked for patience. If it asks now, that is remembered."""
    pauses, account = session.journal.pauses, session.account.name
    if pause := pauses.active(account, utc_time()):
        until = f"{pause.until:%Y-%m-%d %H:%M} UTC"
        raise TryAgain(
            f"account {account}: paused until {until} because its server asked mailbot to wait ({pause.reason})"
        )
    try:
        act(session)
    except TryAgain as error:
        if error.retry_after:
            pauses.set(account, utc_time() + timedelta(seconds=error.retry_after), str(error))
        raise
