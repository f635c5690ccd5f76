"""What was answered, written down at the end: secrets first, then the settings; and if that fails, nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import platformdirs

from mailbot import config, private
from mailbot.errors import ConfigError, MailbotError
from mailbot.mail.discovery.found import MailServer
from mailbot.settings import Settings
from mailbot.sync.setup.backlog import Reach
from mailbot.sync.setup.identity import Identity
from mailbot.sync.setup.keeping import Undo
from mailbot.sync.setup.logging_in import Way
from mailbot.sync.setup.model import Chosen
from mailbot.sync.setup.notes import Notes
from mailbot.sync.setup.servers import Servers
from mailbot.sync.setup.settings_text import new_file, with_account
from mailbot.vault.durable import write_atomic
from mailbot.vault.unfinished import make_folder


@dataclass(frozen=True, slots=True)
class Answers:
    """All that was asked. `notes` and `model` are None where an account is added to settings that are there."""

    name: str
    address: str
    servers: Servers
    way: Way
    identity: Identity
    reach: Reach
    notes: Notes | None = None
    model: Chosen | None = None


def place(given: Path | None) -> Path:
    """Where the settings are, or will be: the file that was named, the one that is found, or the usual one."""
    if given is not None:
        return given.absolute()
    if named := os.environ.get(config.ENVIRONMENT):
        return Path(named).absolute()
    try:
        return config.find(None).absolute()
    except ConfigError:
        return platformdirs.user_config_path("mailbot") / config.FILE


def account_of(answers: Answers) -> dict[str, Any]:
    """What accounts.yaml says of the account."""
    found, address = answers.servers.found, answers.address
    made: dict[str, Any] = {"name": answers.name, "address": address}
    if answers.identity.name:
        made["display_name"] = answers.identity.name
    made["imap"] = _server(found.imap, answers.servers.ca_file)
    if found.smtp:
        made["smtp"] = _server(found.smtp, answers.servers.ca_file)
    if answers.servers.username != address:
        made["username"] = answers.servers.username
    made |= {key: value for key, value in answers.way.setting.items() if not key.startswith("_")}
    made["fetch"] = answers.reach.fetch
    if answers.reach.since:
        made["since"] = answers.reach.since
    if answers.identity.signature:
        made["signature"] = answers.identity.signature
    return made


def _server(server: MailServer, ca_file: Path | None) -> dict[str, Any]:
    made: dict[str, Any] = {"host": server.host, "port": server.port, "security": server.security}
    return {**made, "ca_file": str(ca_file)} if ca_file else made


def write(path: Path, answers: Answers, today: date) -> Settings:
    """Keep the secrets and write the settings; returns them as they are read back. If anything fails, what was written is taken
    away again, and the file is as it was. Raises ConfigError, OSError, AuthenticationFailed."""
    before = path.read_bytes() if path.exists() else None
    if before is None:
        text = new_file(_top(answers), account_of(answers), today)
    else:
        text = with_account(before.decode("utf-8"), account_of(answers), path)
    undo: Undo = []
    try:
        _make_vault(answers, undo)
        answers.way.keep(undo)
        if answers.model and answers.model.kept:
            answers.model.kept.keep(undo)
        undo.append(lambda: _put(path, before) if before is not None else private.remove(path))
        _put(path, text.encode())
        return config.load(path)
    except BaseException:
        for back in reversed(undo):
            with suppress(OSError, MailbotError):  # what cannot be taken back must not keep the rest
                back()
        raise


def _make_vault(answers: Answers, undo: Undo) -> None:
    vault = answers.notes.vault if answers.notes else None
    if vault and not vault.exists():
        make_folder(vault)
        undo.append(vault.rmdir)


def _put(path: Path, data: bytes) -> None:
    """The settings are the user's file: where it is a link, what it leads to is changed, and its permissions stay."""
    write_atomic(path.resolve(), data, mode=None if path.exists() else 0o600)


def _top(answers: Answers) -> dict[str, Any]:
    notes, model = answers.notes, answers.model
    assert notes is not None
    made: dict[str, Any] = {"vault": str(notes.vault)}
    if notes.email_folder != "Email":
        made["email_folder"] = notes.email_folder
    if notes.people_folder != "People":
        made["people_folder"] = notes.people_folder
    return {**made, "llm": model.setting} if model and model.setting else made
