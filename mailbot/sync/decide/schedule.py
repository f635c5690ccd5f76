"""What runs mailbot by itself: a crontab line, units for systemd, an agent for launchd. Pure: texts out of values."""

from __future__ import annotations

import plistlib
import shlex
from dataclasses import dataclass, field

MARK = "# mailbot: written by `mailbot schedule`"
LABEL = "mailbot"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: the program and its arguments, whole paths, and the environment that it needs. `minutes` lie between two runs;
    with `watch` it runs all the time."""

    program: tuple[str, ...]
    config: str
    environment: dict[str, str] = field(default_factory=dict)
    minutes: int = 10
    watch: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        return (*self.program, "--config", self.config, "watch" if self.watch else "sync")


def cron_times(minutes: int) -> str:
    """The first five fields of a crontab line (crontab(5)). Raises ValueError for an interval that cron cannot keep."""
    if minutes < 60 and 60 % minutes == 0:
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    hours, rest = divmod(minutes, 60)
    if rest or (hours < 24 and 24 % hours) or hours > 24:
        raise ValueError(
            "cron keeps intervals that divide an hour or a day: 1, 5, 10, 15, 30 minutes, 1, 2, 3, 4, 6, 8, 12, 24 hours"
        )
    return f"0 {'0' if hours == 24 else '*' if hours == 1 else f'*/{hours}'} * * *"


def crontab_with(crontab: str, job: Job) -> str:
    """A crontab with our line in the place of an earlier one; all other lines stay. In cron a `%` is a line end, unless escaped."""
    environment = [f"{name}={shlex.quote(value)}" for name, value in sorted(job.environment.items())]
    command = " ".join([*environment, shlex.join(job.command)]).replace("%", "\\%")
    return f"{crontab_without(crontab)}{MARK}\n{cron_times(job.minutes)} {command}\n"


def crontab_without(crontab: str) -> str:
    """A crontab without our lines."""
    kept: list[str] = []
    lines = iter(crontab.splitlines())
    for line in lines:
        if line.strip() == MARK:
            next(lines, None)
        else:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def units(job: Job) -> dict[str, str]:
    """File name -> content of the systemd units (systemd.service(5), systemd.timer(5)). Another run that has an account at the moment
    ends a run with 75, which is no failure."""
    environment = "".join(f"Environment={_quoted(f'{k}={v}')}\n" for k, v in sorted(job.environment.items()))
    start = " ".join(map(_quoted, job.command))
    harden = "NoNewPrivileges=true\nPrivateTmp=true\nRestrictSUIDSGID=true\nLockPersonality=true\n"
    if job.watch:
        service = (
            f"[Unit]\nDescription=mailbot, as soon as there is something to do\n\n[Service]\nType=notify\nExecStart={start}\n{environment}"
            f"Restart=on-failure\nRestartSec=30\nWatchdogSec=3600\n{harden}\n[Install]\nWantedBy=default.target\n"
        )
        return {f"{LABEL}-watch.service": service}
    service = f"[Unit]\nDescription=mailbot, once\n\n[Service]\nType=oneshot\nExecStart={start}\n{environment}SuccessExitStatus=75\n{harden}"
    timer = (
        f"[Unit]\nDescription=mailbot, every {job.minutes} minutes\n\n[Timer]\nOnBootSec=2min\nOnUnitActiveSec={job.minutes}min\n"
        "RandomizedDelaySec=30\n\n[Install]\nWantedBy=timers.target\n"
    )
    return {f"{LABEL}.service": service, f"{LABEL}.timer": timer}


def agent(job: Job) -> bytes:
    """The property list of a launchd agent (launchd.plist(5))."""
    made: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": list(job.command),
        "EnvironmentVariables": dict(sorted(job.environment.items())),
        "RunAtLoad": True,
    }
    made |= {"KeepAlive": True} if job.watch else {"StartInterval": job.minutes * 60}
    return plistlib.dumps(made)


def _quoted(word: str) -> str:
    """A word as systemd reads it: `%` and `$` have a meaning there."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if not word or any(c in word for c in " \t'\";") or "\\" in word else word
