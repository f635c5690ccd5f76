"""One way to open an account: settings, lock, journal, server, in this order."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mailbot.assistant.budget import Day
from mailbot.errors import ConfigError, MailbotError
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Account, Settings
from mailbot.sync.memory.database import copy_database
from mailbot.sync.memory.journal import Journal, opened_journal
from mailbot.sync.memory.lock import locked
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.login import login
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Progress, Report, silent
from mailbot.sync.session.state import State

Clock = Callable[[], datetime]


def local_time() -> datetime:
    """Now, in the user's own zone."""
    return datetime.now().astimezone()


def utc_time() -> datetime:
    """Now, as the journal keeps it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """One account, opened. A step is not given the session but what it needs of it."""

    settings: Settings
    account: Account
    journal: Journal
    notes: NoteFiles
    spool: Spool
    server: ImapAccount
    report: Report
    index: Path
    """Where the search index is."""
    progress: Progress = silent
    today: Day = field(default_factory=Day)
    ends: float = math.inf
    """When the account's time is over, as `time.monotonic` counts."""
    clock: Clock = local_time

    def spent_today(self) -> Day:
        """What was spent on models since midnight, for all accounts of the vault, those of this run included."""
        midnight = self.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        self.today.begin(self.journal.costs.since(midnight))
        return self.today


def check_vault(vault: Path) -> None:
    """Raises ConfigError if the vault is no folder: mailbot never makes one up, it may only not be mounted."""
    if not vault.is_dir():
        raise ConfigError(
            f"the vault {vault} is not a folder; create it, or correct `vault` in accounts.yaml (is the disk mounted?)"
        )


def check_mounted(state: State, journal: Journal, account: str) -> None:
    """Raises ConfigError if mails were kept and the vault is empty: it is the folder on which its disk is not mounted."""
    scratch = NoteFiles(state.vault).scratch.name
    if all(path.name == scratch for path in state.vault.iterdir()) and journal.mails.counts(account):
        raise ConfigError(
            f"the vault {state.vault} is empty, and mailbot has kept mail there: is its disk mounted? If you have emptied it yourself,"
            f" move its journal away: {state.journal}"
        )


def chosen(settings: Settings, names: Sequence[str]) -> list[Account]:
    """The accounts of these names, all for none. Raises ConfigError for a name that is not there."""
    known = {a.name: a for a in settings.accounts}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"there is no account {name!r} in the settings; the accounts are: {', '.join(known)}"
            )
    return [known[n] for n in names] or list(settings.accounts)


@contextmanager
def opened(
    settings: Settings,
    account: Account,
    report: Report,
    progress: Progress = silent,
    today: Day | None = None,
) -> Iterator[Session]:
    """An account with its lock held and its journal open. The connection to its server is made when it is first used, and
    closed here. Raises ConfigError for a vault that is not there, TryAgain if another run holds the account."""
    check_vault(settings.vault)
    state, ends = State(settings.vault), _end(account)
    with (
        locked(state.folder, account.name),
        opened_journal(state.journal) as journal,
        closing(ImapAccount(login(account, ends))) as server,
    ):
        check_mounted(state, journal, account.name)
        notes = NoteFiles(settings.vault)
        try:
            yield Session(
                settings,
                account,
                journal,
                notes,
                state.spool(account.name),
                server,
                report,
                state.index,
                progress,
                today or Day(),
                ends,
            )
        finally:
            notes.sweep()


@contextmanager
def opened_on_a_copy(
    settings: Settings,
    account: Account,
    report: Report,
    progress: Progress = silent,
    today: Day | None = None,
) -> Iterator[Session]:
    """The same for a run that must leave no trace: journal and index are copies that end with it, and no lock is taken."""
    check_vault(settings.vault)
    state, ends = State(settings.vault), _end(account)
    with tempfile.TemporaryDirectory(prefix="mailbot-") as folder:
        journal_copy, index_copy = Path(folder) / state.journal.name, Path(folder) / state.index.name
        if state.journal.exists():
            copy_database(state.journal, journal_copy)
        if state.index.exists():
            with suppress(MailbotError):  # a cache that is damaged or locked is made anew
                copy_database(state.index, index_copy)
        with opened_journal(journal_copy) as journal, closing(ImapAccount(login(account, ends))) as server:
            yield Session(
                settings,
                account,
                journal,
                NoteFiles(settings.vault),
                state.spool(account.name),
                server,
                report,
                index_copy,
                progress,
                today or Day(),
                ends,
            )


def _end(account: Account) -> float:
    """When the time of an account is over that begins now."""
    return time.monotonic() + account.time_limit.total_seconds()
