"""The programs that start others by themselves: cron, systemd and launchd. Asked, and told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from mailbot import private
from mailbot.effect import Effect
from mailbot.errors import TryAgain
from mailbot.hearsay import confidence, one_line

Keeper = Literal["cron", "systemd", "launchd"]
KEEPERS: tuple[Keeper, ...] = ("cron", "systemd", "launchd")
TIMEOUT = 30.0
"""Seconds that a program of the system may take."""


def folder(keeper: Keeper) -> Path:
    """Where a user's units or agents lie."""
    if keeper == "launchd":
        return Path.home() / "Library" / "LaunchAgents"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def started(keeper: Keeper, files: Sequence[str]) -> list[str]:
    """Start what was written; what the user has to do where that cannot be done from here."""
    if keeper == "launchd":
        command = ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(folder(keeper) / files[0])]
        _tried(
            ["launchctl", "bootout", f"gui/{os.getuid()}/{files[0].removesuffix('.plist')}"]
        )  # an earlier one
        return [] if _tried(command) else [f"start it with `{' '.join(command)}`"]
    enable = ["systemctl", "--user", "enable", "--now", files[-1]]
    again = ["systemctl", "--user", "restart", files[-1]]  # one that ran already may have changed
    if _tried(["systemctl", "--user", "daemon-reload"]) and _tried(enable) and _tried(again):
        return ["it runs while you are logged in; `loginctl enable-linger` keeps it running after that"]
    return [f"start it with `systemctl --user daemon-reload` and `{' '.join(enable)}`"]


def ended(keeper: Keeper, paths: Iterable[Path]) -> list[str]:
    """Stop these and take their files away, where they are there."""
    gone = []
    for path in paths:
        if not path.exists():
            continue
        if keeper == "systemd":
            _tried(["systemctl", "--user", "disable", "--now", path.name])
        else:
            _tried(["launchctl", "bootout", f"gui/{os.getuid()}/{path.stem}"])
        private.remove(path)
        gone.append(str(path))
    if gone and keeper == "systemd":
        _tried(["systemctl", "--user", "daemon-reload"])
    return gone


def crontab() -> str:
    """The user's crontab, empty if there is none; octets that are no UTF-8 as surrogates. Raises TryAgain if cron cannot be asked."""
    try:
        done = subprocess.run(["crontab", "-l"], capture_output=True, timeout=TIMEOUT, check=False)  # noqa: S607 - the system's own
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TryAgain(
            "cron is not installed here (there is no `crontab`); choose systemd or launchd"
        ) from error
    none = (b"no crontab", b"can't open")  # the latter is BusyBox's
    if done.returncode and not any(said in done.stderr for said in none):
        raise TryAgain("`crontab -l` failed; run it in a terminal to see what it says")
    return done.stdout.decode("utf-8", "surrogateescape") if not done.returncode else ""


def set_crontab(text: str) -> None:
    """Raises TryAgain if the program of the system fails."""
    _run(["crontab", "-"], text)


def _run(command: list[str], text: str) -> None:
    """Raises TryAgain if a program of the system fails."""
    try:
        with Effect.SCHEDULE_SET:
            done = subprocess.run(
                command,
                input=text.encode("utf-8", "surrogateescape"),
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode:
        said = (
            confidence.cleaned(one_line(done.stderr.decode("utf-8", "replace")))
            if done
            else "it did not answer"
        )
        raise TryAgain(f"cron did not take the new crontab ({said}); the old one stands as it was")


def _tried(command: list[str]) -> bool:
    try:
        with Effect.SCHEDULE_SET:
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
        return not done.returncode
    except (OSError, subprocess.TimeoutExpired):
        return False
