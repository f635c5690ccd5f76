"""A lost or broken journal made anew, from the notes' properties, Drafts and Sent."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailbot import private
from mailbot.effect import Effect
from mailbot.errors import BadData, MailbotError, ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Account, Settings
from mailbot.sync.memory.database import copy_database, refuse_newer
from mailbot.sync.memory.journal import Journal, opened_journal
from mailbot.sync.memory.lock import locked
from mailbot.sync.session.login import login
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.opening import Session, check_mounted, check_vault, local_time
from mailbot.sync.session.report import Progress, Report, silent
from mailbot.sync.session.search import opened_index
from mailbot.sync.session.state import State
from mailbot.sync.steps.restore import Restored
from mailbot.sync.steps.restore_wiring import restorer
from mailbot.sync.steps.sent import read_sent
from mailbot.vault.catalogue import every_draft, every_mail
from mailbot.vault.index import Index
from mailbot.vault.read_back import identity_in

BEFORE = "before-rebuild"
"""What stands behind the name of the old journal, and before the time, beside the new one."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found for one account; `kept` is where the old journal lies now, empty if there was none."""

    account: str
    restored: Restored
    remarks: tuple[str, ...]
    kept: str = ""


def foreseen(settings: Settings) -> dict[str, tuple[int, int]]:
    """Account -> (email notes, draft notes) that a rebuild would read, changing nothing. Raises what opening the index raises."""
    check_vault(settings.vault)
    notes, index_file = NoteFiles(settings.vault), State(settings.vault).index
    with ExitStack() as stack:
        copy = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailbot-"))) / index_file.name
        if index_file.exists():
            with suppress(MailbotError):  # a cache that is damaged or locked is made anew
                copy_database(index_file, copy)
        index = stack.enter_context(opened_index(settings, copy))
        mails, drafts = [path for path, *_ in every_mail(index)], every_draft(index)
    count = {account.name: [0, 0] for account in settings.accounts}
    for which, paths in enumerate((mails, drafts)):
        for path in paths:
            with suppress(MailbotError):
                found = notes.read(path)
                if found and (of := identity_in(found[0]).account) in count:
                    count[of][which] += 1
    return {name: (mails, drafts) for name, (mails, drafts) in count.items()}


def rebuild(settings: Settings, progress: Progress = silent) -> list[Rebuilt]:
    """Rebuild the journal of a vault, for all accounts at once, and keep the old one beside it. No mail and no note is made, nothing
    is stored on a server, and what was approved must be approved again.

    The new journal takes the old one's place in one step, once it is whole: a rebuild that fails or is killed has changed nothing but
    the status of approved drafts. Raises TryAgain if another run is at work, BadData if a newer mailbot made the old one, ConfigError if the
    vault is empty and was not, and what the servers raise: without them nobody knows which
    drafts lie there.
    """
    check_vault(settings.vault)
    state = State(settings.vault)
    with ExitStack() as stack:
        for account in settings.accounts:
            stack.enter_context(locked(state.folder, account.name))
        new = state.journal.with_name(f"{state.journal.name}.new")
        _away(new)
        if state.journal.exists():
            refuse_newer(state.journal)
            with suppress(BadData), opened_journal(state.journal) as before:
                for account in settings.accounts:
                    check_mounted(state, before, account.name)
        try:
            rebuilt = _made(settings, state, new, progress)
        except ServerUnavailable as error:
            _away(new)
            raise ServerUnavailable(
                f"{error}. Nothing was changed; every account's server must answer"
            ) from error
        except BaseException:
            _away(new)
            raise
        finally:
            NoteFiles(settings.vault).sweep()
        kept = _in_place(new, state.journal)
    return [Rebuilt(each.account, each.restored, each.remarks, kept) for each in rebuilt]


def _made(settings: Settings, state: State, new: Path, progress: Progress) -> list[Rebuilt]:
    """A new journal, whole."""
    rebuilt: list[Rebuilt] = []
    with opened_journal(new) as journal, opened_index(settings) as index:
        _carried(state.journal, journal, settings)
        for number, account in enumerate(settings.accounts, 1):
            rebuilt.append(_of_account(settings, account, state, journal, index))
            progress("accounts", number, len(settings.accounts))
    return rebuilt


def _of_account(
    settings: Settings, account: Account, state: State, journal: Journal, index: Index
) -> Rebuilt:
    report = Report(account.name)
    ends = time.monotonic() + account.time_limit.total_seconds()
    with closing(ImapAccount(login(account, ends))) as server:
        session = Session(
            settings, account, journal, NoteFiles(settings.vault), state.spool(account.name), server, report, state.index, ends=ends
        )  # fmt: skip
        server.connect()
        read_sent(server, account, journal)
        done = restorer(session, index).everything()
    return Rebuilt(account.name, done, tuple(report.remarks))


def _carried(old: Path, journal: Journal, settings: Settings) -> None:
    """What only the old journal knows, as far as it can be read: quarantined mails, and what models have cost today."""
    if not old.exists():
        return
    with suppress(MailbotError), opened_journal(old) as before:
        for account in settings.accounts:
            for failure in before.failures.all(account.name):
                journal.failures.record(
                    account.name, failure.location, failure.error, failure.attempts, failure.next_try
                )
                if failure.given_up:
                    journal.failures.give_up(account.name, failure.location, True)
        now: datetime = local_time()
        tokens, money = before.costs.since(now.replace(hour=0, minute=0, second=0, microsecond=0))
        if tokens or money:
            journal.costs.add(settings.accounts[0].name, "before the rebuild", "", tokens, 0, now, money)


def _in_place(new: Path, journal: Path) -> str:
    """The new journal takes the place of the old one, which is kept under another name. Where SQLite has left something beside the old
    one (a transaction that was cut off), it goes with it: beside the new one it would be taken for its own."""
    kept = ""
    if journal.exists():
        before = journal.with_name(f"{journal.name}.{BEFORE}-{local_time():%Y%m%d-%H%M%S-%f}")
        with Effect.FILE_NAMED:
            os.link(journal, before)
        for part in _parts(journal):
            with Effect.FILE_NAMED:
                part.replace(part.with_name(part.name.replace(journal.name, before.name, 1)))
        kept = str(before)
    with Effect.FILE_NAMED:
        new.replace(journal)
    return kept


def _away(path: Path) -> None:
    for each in (path, *_parts(path)):
        private.remove(each)


def _parts(path: Path) -> Iterator[Path]:
    """What SQLite keeps beside a file."""
    for ending in ("-journal", "-wal", "-shm"):
        if (part := path.with_name(f"{path.name}{ending}")).exists():
            yield part
