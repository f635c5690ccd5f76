"""A run over several accounts, side by side: one that fails or is slow never keeps the others waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from mailbot import stopping
from mailbot.assistant.budget import Day
from mailbot.errors import Busy, LoginNeeded, MailbotError, TryAgain
from mailbot.settings import Account, Settings
from mailbot.sync.session.opening import Session, check_vault, chosen, opened, utc_time
from mailbot.sync.session.report import Progress, Report, bug, in_log, log

Open = Callable[[Settings, Account, Report, Progress, Day], AbstractContextManager[Session]]
GRACE = 1.0
"""Seconds that the accounts have to put down what they hold, when the user ends the run."""


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
    today = Day()
    runs = [
        _Run(Report(a.name), settings, a, progress, act, open_account, today) for a in chosen(settings, names)
    ]
    if len(runs) == 1:
        runs[0].run()
    else:
        _side_by_side(runs)
    return [run.report for run in runs]


def _side_by_side(runs: Sequence[_Run]) -> None:
    """Each in a thread of its own: a server that hangs holds up nobody else's mail."""
    for run in runs:
        threading.Thread(target=run.run, name=run.report.account, daemon=True).start()
    try:
        for run in runs:
            while not run.done.wait(stopping.POLL):
                pass
    except BaseException:
        stopping.ask()
        end = time.monotonic() + GRACE
        for run in runs:
            run.done.wait(max(0.0, end - time.monotonic()))
        raise


@dataclass(frozen=True, slots=True)
class _Run:
    """The run of one account."""

    report: Report
    settings: Settings
    account: Account
    progress: Progress
    act: Callable[[Session], None]
    open_account: Open
    today: Day
    done: threading.Event = field(default_factory=threading.Event)
    """Set when it is over. (A thread's own `join` is no proof of it once Ctrl-C has come in between.)"""

    def run(self) -> None:
        try:
            self._run()
        finally:
            self.done.set()

    def _run(self) -> None:
        report, name = self.report, self.account.name
        try:
            with self.open_account(self.settings, self.account, report, self.progress, self.today) as session:
                _unless_paused(session, self.act)
        except MailbotError as error:
            _ended(report, str(error), error.exit_code)
            report.busy = isinstance(error, Busy)
            report.told = isinstance(error, LoginNeeded) and error.told
            log.error("account %s: %s", name, in_log(error).removeprefix(f"account {name}: "))
        except OSError as error:
            what = f"{error.filename or 'the disk'}: {error.strerror or error}"
            _ended(report, f"account {name}: {what}; nothing was lost; fix this and run mailbot again", 75)
            log.error("account %s: %s, error %s", name, type(error).__name__, error.errno)
        except stopping.Stopped:
            _ended(report, f"account {name}: stopped", 75)
        except Exception as error:  # noqa: BLE001 - one account never stops the others
            log.exception("account %s", name)
            _ended(report, f"account {name}: {bug(error)}", 70)


def _ended(report: Report, error: str, code: int) -> None:
    report.error, report.exit_code = error, code


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
