"""A run over several accounts: one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailbot.errors import MailbotError
from mailbot.settings import Account, Settings
from mailbot.sync.session.opening import Session, check_vault, chosen, opened
from mailbot.sync.session.report import Progress, Report, bug, log


def each_account(
    settings: Settings, names: Sequence[str], progress: Progress, act: Callable[[Session], None]
) -> list[Report]:
    """Open each of the named accounts, or all, and `act` on it. What goes wrong ends that account's run alone, and stands in
    its report with the exit code. Raises ConfigError for an unknown name or a vault that is not there."""
    check_vault(settings.vault)
    return [_one(settings, account, progress, act) for account in chosen(settings, names)]


def _one(settings: Settings, account: Account, progress: Progress, act: Callable[[Session], None]) -> Report:
    report = Report(account.name)
    try:
        with opened(settings, account, report, progress) as session:
            act(session)
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
