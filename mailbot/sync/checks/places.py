"""What lies on this machine: the settings, the secrets, the vault, the index, the journal, the disk."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from mailbot import __version__, private
from mailbot.config import state_folder
from mailbot.credentials import secret
from mailbot.errors import MailbotError
from mailbot.settings import Account, Secret, Settings
from mailbot.sync.checks.check import Check, failed, looked_at, ok, warning, wrong
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.session.login import access_of
from mailbot.sync.session.state import State
from mailbot.vault.walk import walk

LOW, LOWEST = 1_000_000_000, 100_000_000
"""Octets that are free on a disk: below the first it is said, below the second nothing can be kept for long."""
SOON = 300.0
CONFLICT = re.compile(
    r"\.sync-conflict-\d{8}-|\(conflicted copy|\bconflicted copy \d|\(Conflict(?:ed)?\b|\.conflict\b| conflict-\d{8}",
    re.IGNORECASE,
)
"""How Syncthing, Dropbox, Obsidian Sync, ownCloud and iCloud call the copy that they keep of a note that two machines changed."""
SHOWN = 3


def program() -> Check:
    """Which mailbot this is, and on what."""
    return ok("version", "", f"mailbot {__version__} on Python {sys.version.split()[0]}")


def settings_file(path: Path, settings: Settings) -> Check:
    """That the settings are right was seen when they were read."""
    count = len(settings.accounts)
    return ok("settings", str(path), f"{count} account{'s' if count > 1 else ''}, no mistakes")


def secrets(settings: Settings, accounts: Sequence[Account]) -> Iterator[Check]:
    """Every secret of these accounts and of the models: whether it can be had, and nobody else can read it."""
    for about, source in _named(settings, accounts):
        if source is not None:
            yield looked_at("secret", about, lambda source=source, about=about: _secret(source, about))  # type: ignore[misc]
    yield looked_at("state folder", str(state_folder()), _state)


def _named(settings: Settings, accounts: Sequence[Account]) -> Iterator[tuple[str, Secret | None]]:
    """(what it is for, where it is kept) of every secret that the settings may name."""
    for account in accounts:
        yield f"account {account.name}", account.password
        if account.oauth:
            yield f"account {account.name}: oauth.client_secret", account.oauth.client_secret
    if settings.llm:
        yield "llm.api_key", settings.llm.api_key
        yield from ((f"llm.fallbacks[{n}]", f.api_key) for n, f in enumerate(settings.llm.fallbacks))
    if settings.embeddings:
        yield "embeddings.api_key", settings.embeddings.api_key
    if settings.rerank:
        yield "rerank.api_key", settings.rerank.api_key


def _secret(source: Secret, about: str) -> Check:
    (kind,) = source.model_fields_set
    if not secret(source, about):
        return wrong(
            "secret", about, f"the {kind} gives nothing", "an empty secret is refused by every server", 77
        )
    if source.env:
        return warning(
            "secret",
            about,
            f"the environment variable {source.env} is set here",
            "a run that cron or systemd starts does not have it; a command, a file or the keyring is safer",
        )
    return ok(
        "secret", about, f"there ({kind}), and nobody else can read it" if source.file else f"there ({kind})"
    )


def _state() -> Check:
    folder = state_folder()
    if not folder.exists():
        return ok("state folder", str(folder), "not there yet; the first run makes it")
    open_ = [p for p in (folder, *folder.rglob("*")) if not p.is_symlink() and p.stat().st_mode & 0o077]
    ours = [
        p
        for p in open_
        if p.name.endswith((".sqlite", ".log", ".json", ".lock")) or p == folder or p.is_dir()
    ]
    if ours:
        return wrong(
            "state folder", str(folder), f"{ours[0]} can be read by others", f"run `chmod -R go= {folder}`"
        )
    return ok("state folder", str(folder), "nobody else can read it")


def tokens(account: Account) -> Check | None:
    """How long an OAuth login is good; None for an account with a password."""
    if account.oauth is None:
        return None
    try:
        found = access_of(account).store.read()
    except MailbotError as error:
        return failed("token", account.name, error)
    again = f"run `mailbot auth login {account.name}`"
    if found is None:
        return wrong("token", account.name, "nobody has logged in yet", again, 77)
    if found.dead:
        return wrong("token", account.name, f"the login has ended ({found.dead})", again, 77)
    if not found.refresh:
        return warning(
            "token", account.name, "there is no refresh token, so the login ends within the hour", again
        )
    left = found.expires - time.time()
    if left < SOON:
        return ok("token", account.name, "it is refreshed in the next run")
    return ok("token", account.name, f"good for {int(left // 60)} minutes, and refreshed by itself")


def vault(settings: Settings) -> Iterator[Check]:
    """The vault: there, writable, and no sync program has left a conflict in what mailbot reads."""
    folder = settings.vault
    if not folder.is_dir():
        yield wrong(
            "vault",
            str(folder),
            "it is not a folder",
            "create it, or correct `vault`; is the disk mounted?",
            78,
        )
        return
    yield looked_at("vault", str(folder), lambda: _writable(folder))
    yield conflicts(settings)


def conflicts(settings: Settings) -> Check:
    """Whether a sync program has left notes twice in what mailbot reads."""
    folder = settings.vault
    copies = [p for p, _ in walk(folder, settings.exclude) if CONFLICT.search(p.rpartition("/")[2])]
    if copies:
        named = ", ".join(sorted(copies)[:SHOWN]) + (" and more" if len(copies) > SHOWN else "")
        return warning(
            "sync conflicts",
            str(folder),
            f"{len(copies)} note{'s' if len(copies) > 1 else ''} that a sync program has kept twice: {named}",
            "decide in Obsidian which one is right, and delete the other: both are searched",
        )
    return ok("sync conflicts", str(folder), "none")


def _writable(folder: Path) -> Check:
    test = folder / f".mailbot-{os.getpid()}"
    try:
        private.create(test, b"x")
    except OSError as error:
        return wrong(
            "vault", str(folder), f"it cannot be written to ({error.strerror})", "correct its permissions", 75
        )
    finally:
        private.remove(test)
    return ok("vault", str(folder), "there, and it can be written to")


def index(settings: Settings) -> Check:
    """The search index: a cache, but a run that must make it anew takes longer."""
    path = State(settings.vault).index
    if not path.exists():
        return ok("index", str(path), "not there yet; the first search makes it")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            (count,) = database.execute("SELECT count(*) FROM note").fetchone()
            return ok("index", str(path), f"{count} notes")
    except sqlite3.Error:
        return warning("index", str(path), "it is damaged", "nothing is lost: the next run makes it anew")


def journal(settings: Settings) -> Iterator[Check]:
    """The journal, and what in it waits for the user."""
    path = State(settings.vault).journal
    if not path.exists():
        yield ok("journal", str(path), "not there yet; the first run makes it")
        return
    try:
        with opened_journal(path) as opened:
            yield ok("journal", str(path), "can be read")
            for account in settings.accounts:
                held = [f for f in opened.failures.all(account.name) if not f.given_up]
                count = len(held) + len(opened.mails.failing(account.name))
                if count:
                    yield warning(
                        "failing mails",
                        account.name,
                        f"{count} could not be dealt with yet, and {'is' if count == 1 else 'are'} tried again",
                        "`mailbot status` names them, `mailbot quarantine` shows them",
                    )
    except MailbotError as error:
        yield failed("journal", str(path), error)


def disk(settings: Settings) -> Iterator[Check]:
    """Room on the disks of the vault and of the state."""
    places = {f.stat().st_dev: f for f in (state_folder(), settings.vault) if f.is_dir()}
    for folder in places.values():
        free = shutil.disk_usage(folder).free
        said = f"{free / 1e9:.1f} GB free"
        if free < LOWEST:
            yield wrong("disk", str(folder), said, "make room: mail cannot be kept for long", 75)
        elif free < LOW:
            yield warning("disk", str(folder), said, "make room soon")
        else:
            yield ok("disk", str(folder), said)
