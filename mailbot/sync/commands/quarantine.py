"""The mails that could not become notes: shown as they came, tried again at once, given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailbot.errors import BadData
from mailbot.settings import Account, Settings
from mailbot.sync.memory.failures import Failures
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.rows import Failure
from mailbot.sync.session.opening import chosen, opened, utc_time
from mailbot.sync.session.report import Report
from mailbot.sync.session.state import State

LARGEST = 200_000_000
"""Octets of a mail that is shown."""


@dataclass(frozen=True, slots=True)
class Held:
    """A mail in quarantine. `name` is what the user calls it by: account, mailbox and UID, with colons between."""

    account: str
    failure: Failure

    @property
    def name(self) -> str:
        at = self.failure.location
        return f"{self.account}:{at.mailbox}:{at.uid}"

    @property
    def next_try(self) -> datetime | None:
        """None for one that was given up."""
        return None if self.failure.given_up else self.failure.next_try


def held(settings: Settings) -> list[Held]:
    """Every mail in quarantine. Raises what opening the journal raises."""
    path = State(settings.vault).journal
    if not path.exists():
        return []
    with opened_journal(path) as journal:
        return [Held(a.name, f) for a in settings.accounts for f in journal.failures.all(a.name)]


def as_it_came(settings: Settings, name: str) -> bytes:
    """The raw bytes of a mail in quarantine, read from the server without a mark. Raises BadData if no such mail is held, or it is not
    there any more, and what the server raises."""
    of = _named(settings, name)
    account, at = _account(settings, of), of.failure.location
    with opened(settings, account, Report(account.name)) as session:
        raw = None
        if session.server.examine(at.mailbox).uidvalidity == at.uidvalidity:
            raw = session.server.message(at.mailbox, at.uid, LARGEST)
    if raw is None:
        raise BadData(f"{name}: it is not in {at.mailbox} any more; the next run forgets it")
    if not raw:
        raise BadData(f"{name}: it is larger than {LARGEST // 1_000_000} MB; look at it in your mail client")
    return raw


def try_again(settings: Settings, names: Sequence[str]) -> list[str]:
    """Let the next run try mails again, those that were given up too; all for no name. Returns their names. Raises BadData for a name
    that is not held."""
    wanted = [_named(settings, name) for name in names] or held(settings)
    _change(settings, wanted, given_up=False)
    return [each.name for each in wanted]


def give_up(settings: Settings, names: Sequence[str]) -> list[str]:
    """Try mails no more; they stay on the server as they are. Returns their names. Raises BadData for a name that is not held."""
    wanted = [_named(settings, name) for name in names]
    _change(settings, wanted, given_up=True)
    return [each.name for each in wanted]


def _change(settings: Settings, wanted: Sequence[Held], *, given_up: bool) -> None:
    for name in dict.fromkeys(each.account for each in wanted):
        (account,) = chosen(settings, [name])
        with opened(settings, account, Report(name)) as session, session.journal.together():
            held_still = {f.location for f in session.journal.failures.all(name)}
            for each in wanted:
                if (
                    each.account == name and each.failure.location in held_still
                ):  # a run may have kept it meanwhile
                    _changed(session.journal.failures, name, each.failure, given_up=given_up)


def _changed(failures: Failures, account: str, failure: Failure, *, given_up: bool) -> None:
    if not given_up:
        failures.record(account, failure.location, failure.error, failure.attempts, utc_time())
    failures.give_up(account, failure.location, given_up)


def _named(settings: Settings, name: str) -> Held:
    """The mail of a name. Raises BadData if there is none, with the names that there are."""
    every = held(settings)
    found = next((each for each in every if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in every[:10]) or "none"
        raise BadData(f"{name}: no such mail is in quarantine; there are: {known}")
    return found


def _account(settings: Settings, of: Held) -> Account:
    return next(a for a in settings.accounts if a.name == of.account)
