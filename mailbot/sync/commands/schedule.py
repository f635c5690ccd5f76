"""Have mailbot run by itself: by cron, systemd or launchd, whichever the user chooses."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from mailbot.errors import ConfigError, TryAgain
from mailbot.settings import Settings
from mailbot.sync.commands import keeper as keeping
from mailbot.sync.commands.keeper import KEEPERS, Keeper
from mailbot.sync.decide.schedule import (
    LABEL,
    Job,
    agent,
    configs_in,
    crontab_with,
    crontab_without,
    jobs_in,
    names,
    units,
)
from mailbot.vault.durable import write_atomic
from mailbot.vault.unfinished import make_folder

_PASSED = (
    "PATH", "MAILBOT_STATE", "XDG_STATE_HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy",
    "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
"""What a run under cron would lack, and needs: where programs and the state are, the user's time, the way out, the keyring."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What was written where, as text, what it says, and what is left for the user to do or to know."""

    keeper: Keeper
    written: dict[str, str]
    remarks: tuple[str, ...] = ()


def job_of(config: Path, minutes: int, *, watch: bool) -> Job:
    """What is to be run: this very program, with this settings file. A proxy's address with a password in it is not written down.
    Raises ConfigError for a path that cannot be written down."""
    environment = {name: value for name in _PASSED if (value := os.environ.get(name)) and "@" not in value}
    try:
        return Job(_program(), os.path.realpath(config), environment, minutes, watch)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _program() -> tuple[str, ...]:
    """This very mailbot, by the name that stays the same when it is installed anew."""
    beside = Path(sys.executable).parent / "mailbot"
    found = shutil.which("mailbot")
    if found and (not beside.exists() or Path(found).samefile(beside)):
        return (str(Path(found).absolute()),)
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "mailbot")


def secrets_in_environment(settings: Settings) -> tuple[str, ...]:
    """The environment variables that hold a secret: nothing that runs by itself has them."""
    sources = [a.password or (a.oauth and a.oauth.client_secret) for a in settings.accounts]
    sources += [settings.llm.api_key] if settings.llm else []
    return tuple(dict.fromkeys(s.env for s in sources if s and s.env))


def install(settings: Settings, job: Job, keeper: Keeper, *, dry_run: bool = False) -> Scheduled:
    """Have `job` run by itself; with `dry_run` only say what would be written. Raises ConfigError for what the keeper cannot do, TryAgain
    if its program fails."""
    remarks = [
        f"{name} holds a secret, and no run that starts by itself has it: keep the secret in a file or behind a command (see docs/settings.md)"
        for name in secrets_in_environment(settings)
    ] + _also(keeper, job.config)
    if keeper == "cron":
        if job.watch:
            raise ConfigError("cron cannot keep a process running; use systemd or launchd for --watch")
        try:
            text = crontab_with(keeping.crontab(), job)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        if not dry_run:
            keeping.set_crontab(text)
        return Scheduled(keeper, {"crontab": "\n".join(text.split("\n")[-3:])}, tuple(remarks))
    name = _name(keeper, job.config)
    files = units(job, name) if keeper == "systemd" else {f"{name}.plist": agent(job, name).decode()}
    folder = keeping.folder(keeper)
    written = {str(folder / file): text for file, text in files.items()}
    if not dry_run:
        make_folder(folder)
        keeping.ended(keeper, [path for path in _files(keeper, name) if str(path) not in written])
        for path, text in written.items():
            write_atomic(Path(path), text.encode("utf-8", "surrogateescape"))
        remarks += keeping.started(keeper, list(files))
    return Scheduled(keeper, written, tuple(remarks))


def _also(keeper: Keeper, config: str) -> list[str]:
    """What else runs mailbot with these settings."""
    others: list[Keeper] = [each for each in KEEPERS if each != keeper and _ours(each, config)]
    return [
        f"{each} runs it with these settings too; `mailbot schedule {each} --remove` ends that"
        for each in others
    ]


def remove(keeper: Keeper, config: str) -> list[str]:
    """Take away what `install` wrote for these settings, or, with none, for any; says what that was."""
    if keeper == "cron":
        before = after = keeping.crontab()
        for each in [config] if config else configs_in(before):
            after = crontab_without(after, each)
        if after == before:
            return []
        keeping.set_crontab(after)
        return ["crontab"]
    return keeping.ended(keeper, map(Path, _ours(keeper, config) if config else installed(keeper)))


def installed(keeper: Keeper) -> list[str]:
    """What is there of ours, for whichever settings: lines of a crontab, or paths."""
    if keeper == "cron":
        try:
            return [line for _, line in jobs_in(keeping.crontab())]
        except TryAgain:
            return []
    folder = keeping.folder(keeper)
    kinds = ("service", "timer") if keeper == "systemd" else ("plist",)
    return [str(path) for kind in kinds for path in sorted(folder.glob(f"{LABEL}*.{kind}"))]


def _ours(keeper: Keeper, config: str) -> list[str]:
    """What is there of ours for these settings."""
    if keeper == "cron":
        try:
            crontab = keeping.crontab()
        except TryAgain:
            return []
        return [] if crontab_without(crontab, config) == crontab else ["crontab"]
    name = _name(keeper, config)
    paths = [path for path in _files(keeper, name) if path.exists()]
    return [str(path) for path in paths] if any(_names(path, config) for path in paths) else []


def _name(keeper: Keeper, config: str) -> str:
    """The name of the job of these settings: the plain one, unless other settings have it."""
    of_others = [p for p in _files(keeper, LABEL) if p.exists() and p.suffix != ".timer"]
    free = not of_others or any(_names(path, config) for path in of_others)
    return (
        LABEL
        if free
        else f"{LABEL}-{hashlib.sha256(config.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"
    )


def _names(path: Path, config: str) -> bool:
    try:
        return names(path.read_bytes(), config)
    except OSError:
        return False


def _files(keeper: Keeper, name: str) -> list[Path]:
    """Where the files of a job of this name are, if they are there."""
    kinds = ("-watch.service", ".timer", ".service") if keeper == "systemd" else (".plist",)
    return [keeping.folder(keeper) / f"{name}{kind}" for kind in kinds]
