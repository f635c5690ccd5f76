"""Every check, in the order in which one rests on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mailbot.settings import Account, Settings
from mailbot.sync.checks import mail_server, model, places
from mailbot.sync.checks.check import Check, ok, warning
from mailbot.sync.commands.keeper import KEEPERS
from mailbot.sync.commands.schedule import installed
from mailbot.sync.session.login import login, smtp_login
from mailbot.sync.session.opening import chosen


def examine(
    path: Path, settings: Settings, names: Sequence[str] = (), *, offline: bool = False
) -> Iterator[Check]:
    """Look at everything; with `offline` at nothing that another machine must answer. Raises ConfigError for an unknown account."""
    accounts = chosen(settings, names)
    yield places.program()
    yield places.settings_file(path, settings)
    yield from places.secrets(settings, accounts)
    yield from places.vault(settings)
    yield places.index(settings)
    yield from places.journal(settings)
    yield from places.disk(settings)
    yield schedule()
    for account in accounts:
        yield from of_account(account, offline=offline)
    if not offline:
        yield from model.models(settings)


def of_account(account: Account, *, offline: bool = False) -> Iterator[Check]:
    """An account's login and servers."""
    if token := places.tokens(account):
        yield token
    if offline:
        return
    yield from mail_server.imap(account, login(account))
    if account.smtp:
        yield mail_server.smtp(account, smtp_login(account))
    else:
        yield warning(
            "smtp",
            account.name,
            "not configured, so mailbot sends nothing",
            "drafts can be sent from your mail client; to send what you approve, add `smtp`",
        )


def schedule() -> Check:
    """Whether something runs mailbot by itself."""
    there = [keeper for keeper in KEEPERS if installed(keeper)]
    if there:
        return ok("schedule", "", f"{', '.join(there)} runs mailbot")
    return warning(
        "schedule", "", "nothing runs mailbot by itself", "run `mailbot schedule cron` (or systemd, launchd)"
    )


def exit_code(found: Sequence[Check]) -> int:
    """What the worst of the checks says: 0 all is well, 1 something is worth a look, else the code of the first thing that is wrong."""
    wrong = [c.code or 1 for c in found if c.level == "wrong"]
    if wrong:
        return wrong[0]
    return 1 if any(c.level == "warning" for c in found) else 0


def watched(checks: Iterator[Check], tell: Callable[[Check], None]) -> list[Check]:
    """Every check, each told as soon as it is made."""
    found = []
    for check in checks:
        tell(check)
        found.append(check)
    return found
