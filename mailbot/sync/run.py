"""One run over one account: what it works with, and what it reports."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from mailbot.config import state_folder
from mailbot.credentials import secret
from mailbot.mail.server.connection import Login
from mailbot.settings import Account, Settings
from mailbot.sync.journal import Journal
from mailbot.vault.files import content_hash

log = logging.getLogger("mailbot")
"""Never given mail text or a secret: ids and counts only (a note's name has the subject in it)."""


class Progress(Protocol):
    """Told of long work: what it is, how much is done and of how much."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


def silent(what: str, done: int, total: int) -> None:
    """The progress of a run that nobody watches."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of this run."""

    since: date | None = None
    limit: int | None = None
    max_drafts: int | None = None
    no_drafts: bool = False
    dry_run: bool = False

    @property
    def since_time(self) -> datetime | None:
        """`since` as a time, in the user's zone."""
        return datetime.combine(self.since, datetime.min.time()).astimezone() if self.since else None


@dataclass
class Report:
    """What a run did to one account. `people` are the person notes that were made, `failed` mails that want another run, each
    with the reason; `error` ended the account's run early, with its exit code."""

    account: str
    notes: list[str] = field(default_factory=list)
    recognised: int = 0
    drafts: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    dispositions: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    would: list[dict[str, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    error: str = ""
    exit_code: int = 0

    def count(self, disposition: str) -> None:
        self.dispositions[disposition] = self.dispositions.get(disposition, 0) + 1


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one account's run needs."""

    settings: Settings
    account: Account
    journal: Journal
    state: Path
    options: Options
    report: Report
    progress: Progress = silent
    clock: Callable[[], datetime] = lambda: datetime.now().astimezone()

    @property
    def vault(self) -> Path:
        return self.settings.vault

    @property
    def spool(self) -> Path:
        """Where raw mails wait for their draft, and composed drafts for their APPEND."""
        return self.state / "spool"


def vault_state(vault: Path) -> Path:
    """The state folder of a vault: its journal, index, locks and spool."""
    return state_folder() / content_hash(str(vault.resolve()).encode())[:16]


def login(account: Account) -> Login:
    """How to log in to an account's IMAP server."""
    server = account.imap
    return Login(
        account=account.name,
        host=server.host,
        port=server.port,
        security=server.security,
        username=account.login_name,
        secret=lambda: secret(account.password, f"account {account.name}"),
        token=account.password.token_command is not None,
        ca_file=server.ca_file.expanduser() if server.ca_file else None,
    )
