"""Have mailbot run by itself: by cron, systemd or launchd, whichever the user chooses."""

from __future__ import annotations

import hashlib
import os
import re
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
    MARK,
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
    environment = {
        name: _whole(name, value)
        for name in _PASSED
        if (value := os.environ.get(name)) and not _has_password(value)
    }
    try:
        return Job(_program(), os.path.realpath(config), environment, minutes, watch)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _has_password(value: str) -> bool:
    """Whether it is the address of a proxy with a password in it."""
    return re.search(r"://[^/@]*@", value) is not None


def _whole(name: str, value: str) -> str:
    """A variable as it is to be written down: a path is whole, and each folder of PATH stands once."""
    if name == "MAILBOT_STATE":
        return str(Path(value).absolute())
    return ":".join(dict.fromkeys(value.split(":"))) if name == "PATH" else value


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
    models = [settings.llm, *(settings.llm.fallbacks if settings.llm else ()), settings.embeddings]
    sources += [key for each in models if each and (key := getattr(each, "api_key", None))]
    return tuple(dict.fromkeys(s.env for s in sources if s and s.env))


def install(settings: Settings, job: Job, keeper: Keeper, *, dry_run: bool = False) -> Scheduled:
    """Have `job` run by itself; with `dry_run` only say what would be written. Raises ConfigError for what the keeper cannot do, TryAgain
    if its program fails."""
    remarks = (
        [
            f"a scheduled run does not see the environment variable {name}, which holds a secret:"
            " keep the secret in a file or behind a command (see docs/settings.md)"
            for name in secrets_in_environment(settings)
        ]
        + _also(keeper, job.config)
        + [
            f"{name} has a password in it, so it was not written down: a scheduled run goes without that proxy"
            for name in _PASSED
            if _has_password(os.environ.get(name, ""))
        ]
    )
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
    try:
        files = units(job, name) if keeper == "systemd" else {f"{name}.plist": agent(job, name).decode()}
    except ValueError as error:
        raise ConfigError(str(error)) from error
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
    others: list[Keeper] = [each for each in KEEPERS if each != keeper and ours(each, config)]
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
    return keeping.ended(keeper, map(Path, ours(keeper, config)))


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


def ours(keeper: Keeper, config: str) -> list[str]:
    """What is there of ours for these settings, or, with none, for any."""
    if not config and keeper != "cron":
        return installed(keeper)
    if keeper == "cron":
        try:
            crontab = keeping.crontab()
        except TryAgain:
            return []
        lines = [line for _, line in jobs_in(crontab)]
        mine = lines if not config else [x for x in lines if crontab_without(f"{MARK}\n{x}\n", config) == ""]
        return ["crontab"] if mine else []
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
