"""Have mailbot run by itself: by cron, systemd or launchd, whichever the user chooses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mailbot import private
from mailbot.effect import Effect
from mailbot.errors import ConfigError, TryAgain
from mailbot.settings import Settings
from mailbot.sync.decide.schedule import LABEL, MARK, Job, agent, crontab_with, crontab_without, units
from mailbot.vault.durable import write_atomic
from mailbot.vault.unfinished import make_folder

Keeper = Literal["cron", "systemd", "launchd"]
KEEPERS: tuple[Keeper, ...] = ("cron", "systemd", "launchd")
TIMEOUT = 30.0
"""Seconds that a program of the system may take."""
_PASSED = ("PATH", "MAILBOT_STATE", "LANG", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
"""What a run under cron would lack, and needs: where programs and the state are."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What was written where, as text, what it says, and what is left for the user to do or to know."""

    keeper: Keeper
    written: dict[str, str]
    remarks: tuple[str, ...] = ()


def job_of(config: Path, minutes: int, *, watch: bool) -> Job:
    """What is to be run: this very program, with this settings file. A proxy's address with a password in it is not written down."""
    found = shutil.which("mailbot")
    program = (found,) if found else (sys.executable, "-m", "mailbot")
    environment = {name: value for name in _PASSED if (value := os.environ.get(name)) and "@" not in value}
    return Job(program, str(config.resolve()), environment, minutes, watch)


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
    ]
    if keeper == "cron":
        if job.watch:
            raise ConfigError("cron cannot keep a process running; use systemd or launchd for --watch")
        try:
            text = crontab_with(_crontab(), job)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        if not dry_run:
            _run(["crontab", "-"], text)
        return Scheduled(keeper, {"crontab": "\n".join(text.splitlines()[-2:]) + "\n"}, tuple(remarks))
    files = units(job) if keeper == "systemd" else {f"{LABEL}.plist": agent(job).decode()}
    folder = _folder(keeper)
    written = {str(folder / name): text for name, text in files.items()}
    if not dry_run:
        make_folder(folder)
        for path, text in written.items():
            write_atomic(Path(path), text.encode())
        remarks += _started(keeper, list(files))
    return Scheduled(keeper, written, tuple(remarks))


def remove(keeper: Keeper) -> list[str]:
    """Take away what `install` wrote; says what that was."""
    if keeper == "cron":
        crontab = _crontab()
        if MARK not in crontab:
            return []
        _run(["crontab", "-"], crontab_without(crontab))
        return ["crontab"]
    gone = []
    for path in installed(keeper):
        if keeper == "systemd":
            _tried(["systemctl", "--user", "disable", "--now", Path(path).name])
        else:
            _tried(["launchctl", "bootout", f"gui/{os.getuid()}/{LABEL}"])
        private.remove(Path(path))
        gone.append(path)
    if gone and keeper == "systemd":
        _tried(["systemctl", "--user", "daemon-reload"])
    return gone


def installed(keeper: Keeper) -> list[str]:
    """What is there of ours."""
    if keeper == "cron":
        try:
            lines = _crontab().splitlines()
        except TryAgain:
            return []
        return [lines[at + 1] for at, line in enumerate(lines[:-1]) if line.strip() == MARK]
    names = (
        (f"{LABEL}.service", f"{LABEL}.timer", f"{LABEL}-watch.service")
        if keeper == "systemd"
        else (f"{LABEL}.plist",)
    )
    return [str(path) for name in names if (path := _folder(keeper) / name).exists()]


def _folder(keeper: Keeper) -> Path:
    if keeper == "launchd":
        return Path.home() / "Library" / "LaunchAgents"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _started(keeper: Keeper, names: list[str]) -> list[str]:
    """Start what was written; what the user has to do where that cannot be done from here."""
    if keeper == "launchd":
        command = ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(_folder(keeper) / names[0])]
        return [] if _tried(command) else [f"start it with `{' '.join(command)}`"]
    enable = ["systemctl", "--user", "enable", "--now", names[-1]]
    if _tried(["systemctl", "--user", "daemon-reload"]) and _tried(enable):
        return ["it runs while you are logged in; `loginctl enable-linger` keeps it running after that"]
    return [f"start it with `systemctl --user daemon-reload` and `{' '.join(enable)}`"]


def _crontab() -> str:
    """The user's crontab, empty if there is none."""
    try:
        done = subprocess.run(["crontab", "-l"], capture_output=True, timeout=TIMEOUT, check=False)  # noqa: S607 - the system's own
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TryAgain(
            "cron is not installed here (there is no `crontab`); choose systemd or launchd"
        ) from error
    if done.returncode and b"no crontab" not in done.stderr:
        raise TryAgain("`crontab -l` failed; run it in a terminal to see what it says")
    return done.stdout.decode("utf-8", "replace") if not done.returncode else ""


def _run(command: list[str], text: str) -> None:
    """Raises TryAgain if a program of the system fails."""
    try:
        with Effect.SCHEDULE_SET:
            done = subprocess.run(
                command, input=text.encode(), capture_output=True, timeout=TIMEOUT, check=False
            )
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode:
        raise TryAgain(f"`{' '.join(command)}` failed; run it in a terminal to see what it says")


def _tried(command: list[str]) -> bool:
    try:
        with Effect.SCHEDULE_SET:
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
        return not done.returncode
    except (OSError, subprocess.TimeoutExpired):
        return False
