"""A bug report: what a developer needs to see, and nothing of what only the user should."""

from __future__ import annotations

import io
import json
import platform
import secrets
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from mailbot import __version__, private
from mailbot.config import state_folder
from mailbot.errors import ConfigError, MailbotError
from mailbot.mail.discovery.providers import providers
from mailbot.regular_file import read_file
from mailbot.settings import Settings
from mailbot.sync.commands.doctor import examine
from mailbot.sync.decide.redaction import Redaction, is_usual
from mailbot.sync.memory.database import tables_of
from mailbot.sync.session.state import State

PACKAGES = (
    "imapclient",
    "mail-parser",
    "openai",
    "pydantic",
    "httpx2",
    "selectolax",
    "click",
    "rich",
    "oauthlib",
    "dnspython",
)
_KNOWN_HOSTS = {"localhost", "127.0.0.1", "::1", "api.openai.com"} | {
    server.host for provider in providers() for server in (provider.imap, provider.smtp)
}
Tables = dict[str, list[dict[str, Any]]]
"""The rows of each table of the journal, by column."""
LOG = 5_000_000
"""Octets of a log file that are read."""


def export(config: Path, settings: Settings, to: Path) -> list[str]:
    """Write a ZIP that nobody else can read; returns the names of what is in it. Raises ConfigError if the file is there already."""
    said = yaml.safe_load(read_file(config).decode("utf-8"))
    journal = _journal(State(settings.vault).journal)
    names_of_ones_own = frozenset((*_own_hosts(said), *_own_mailboxes(journal)))
    redaction = Redaction(secrets.token_bytes(32), names_of_ones_own)
    packed = io.BytesIO()
    names = []
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _parts(config, settings, said, journal, redaction):
            archive.writestr(name, text)
            names.append(name)
    try:
        private.create(to, packed.getvalue())
    except FileExistsError as error:
        raise ConfigError(f"{to} is there already; name another file with --into") from error
    return names


def _own_hosts(said: Any) -> Iterator[str]:
    """The hosts in the settings that tell whose they are: neither this machine nor a well-known provider's."""
    if isinstance(said, dict):
        for key, value in said.items():
            if isinstance(value, (dict, list)):
                yield from _own_hosts(value)
            elif value and (key == "host" or "url" in str(key)):
                host = (urlsplit(str(value)).hostname or str(value)).casefold()
                if host not in _KNOWN_HOSTS:
                    yield host
    elif isinstance(said, list):
        for value in said:
            yield from _own_hosts(value)


def _parts(
    config: Path, settings: Settings, said: Any, journal: Tables, redaction: Redaction
) -> Iterator[tuple[str, str]]:
    """(name, text) of each part."""
    yield "versions.json", _json(_versions())
    yield "settings.yaml", yaml.safe_dump(redaction.settings(said), sort_keys=False, allow_unicode=True)
    yield "checks.json", _json([_check(check, redaction) for check in _checks(config, settings)])
    yield (
        "journal.json",
        _json({name: [redaction.row(row) for row in rows] for name, rows in journal.items()}),
    )
    for path in sorted(state_folder().glob("mailbot.log*")):
        text = read_file(path, LOG, head=True).decode("utf-8", "replace")
        yield path.name, "".join(f"{redaction.words(line)}\n" for line in text.splitlines())


def _checks(config: Path, settings: Settings) -> Iterator[Any]:
    """What `mailbot doctor --offline` finds; no server is asked."""
    try:
        yield from examine(config, settings, offline=True)
    except MailbotError:
        return


def _check(check: Any, redaction: Redaction) -> dict[str, Any]:
    found = asdict(check)
    return {**found, **{key: redaction.words(found[key]) for key in ("about", "found", "advice")}}


def _journal(path: Path) -> Tables:
    """The rows of each table, or the error that keeps them from being read."""
    try:
        return dict(tables_of(path)) if path.exists() else {}
    except MailbotError as error:
        return {"unreadable": [{"error": str(error)}]}


def _own_mailboxes(journal: Tables) -> set[str]:
    """The mailboxes that have a name of the user's own, such as that of a customer."""
    said = {row.get("mailbox") for rows in journal.values() for row in rows}
    return {mailbox for mailbox in said if mailbox and not is_usual(mailbox)}


def _versions() -> dict[str, str]:
    found = {
        "mailbot": __version__,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()}",
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)
