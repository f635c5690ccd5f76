"""What runs mailbot by itself: a crontab line, units for systemd, an agent for launchd. Pure: texts out of values."""

from __future__ import annotations

import plistlib
import shlex
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError

MARK = "# mailbot: written by `mailbot schedule`"
LABEL = "mailbot"
LONGEST = 900
"""Letters of a command that every cron takes."""


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

    def __post_init__(self) -> None:
        """Raises ValueError for a word that no crontab and no unit can hold."""
        words = (*self.program, self.config, *self.environment.values())
        if broken := next((word for word in words if set(word) & set("\r\n\0")), None):
            raise ValueError(f"{broken!r} has a line break in it, which neither cron nor systemd can hold")


def cron_times(minutes: int) -> str:
    """The first five fields of a crontab line (crontab(5)). Raises ValueError for an interval that cron cannot keep."""
    if minutes < 60 and 60 % minutes == 0:
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    hours, rest = divmod(minutes, 60)
    if rest or (hours < 24 and 24 % hours) or hours > 24:
        raise ValueError(
            "cron can only do intervals that divide an hour or a day, such as 1, 5, 10, 15 or 30 minutes, or 1, 2, 3, 4, 6, 8, 12 or 24 hours"
        )
    return f"0 {'0' if hours == 24 else '*' if hours == 1 else f'*/{hours}'} * * *"


def crontab_with(crontab: str, job: Job) -> str:
    """A crontab with our line in the place of an earlier one for the same settings; all other lines stay as they are. In cron a `%` is
    a line end, unless escaped."""
    environment = [f"{name}={shlex.quote(value)}" for name, value in sorted(job.environment.items())]
    command = " ".join([*environment, shlex.join(job.command)]).replace("%", "\\%")
    if len(command) > LONGEST:  # what it runs is a whole path: without PATH it still starts
        environment = [each for each in environment if not each.startswith("PATH=")]
        command = " ".join([*environment, shlex.join(job.command)]).replace("%", "\\%")
    others = crontab_without(crontab, job.config)
    ended = others if not others or others.endswith("\n") else f"{others}\n"
    return f"{ended}{MARK}\n{cron_times(job.minutes)} {command}\n"


def crontab_without(crontab: str, config: str) -> str:
    """A crontab without our line for these settings."""
    mine = {at for at, line in jobs_in(crontab) if _runs(line, config)}
    lines = crontab.split("\n")
    return "\n".join(line for at, line in enumerate(lines) if at not in mine and at + 1 not in mine)


def jobs_in(crontab: str) -> list[tuple[int, str]]:
    """(index, text) of each line of a crontab that is ours. It stands below its mark."""
    lines = crontab.split("\n")
    marked = [(at + 1, lines[at + 1]) for at, line in enumerate(lines[:-1]) if line.strip() == MARK]
    return [(at, line) for at, line in marked if line.endswith(" sync") and " --config " in line]


def configs_in(crontab: str) -> list[str]:
    """The settings files with which it runs mailbot."""
    return [shlex.split(line.replace("\\%", "%"))[-2] for _, line in jobs_in(crontab)]


def _runs(line: str, config: str) -> bool:
    return line.endswith(f" {shlex.join(('--config', config))} sync".replace("%", "\\%"))


def units(job: Job, name: str) -> dict[str, str]:
    """File name -> content of the systemd units (systemd.service(5), systemd.timer(5)), the one to be started last. Another run that has
    an account at the moment ends a run with 75, which is no failure."""
    environment = "".join(f"Environment={_quoted(f'{k}={v}')}\n" for k, v in sorted(job.environment.items()))
    if set(job.command[0]) & set("'\"\\"):
        raise ValueError(
            f"{job.command[0]}: systemd starts no program with a quote or a backslash in its path"
        )
    start = " ".join([_quoted(job.command[0]), *map(_argument, job.command[1:])])
    harden = "NoNewPrivileges=true\nPrivateTmp=true\nRestrictSUIDSGID=true\nLockPersonality=true\n"
    if job.watch:
        service = (
            f"[Unit]\nDescription=mailbot, as soon as there is something to do\n\n[Service]\nType=notify\nExecStart={start}\n{environment}"
            f"Restart=on-failure\nRestartSec=30\nWatchdogSec=3600\n{harden}\n[Install]\nWantedBy=default.target\n"
        )
        return {f"{name}-watch.service": service}
    service = f"[Unit]\nDescription=mailbot, once\n\n[Service]\nType=oneshot\nExecStart={start}\n{environment}SuccessExitStatus=75\n{harden}"
    every = "minute" if job.minutes == 1 else f"{job.minutes} minutes"
    timer = (
        f"[Unit]\nDescription=mailbot, every {every}\n\n[Timer]\nOnBootSec=2min\nOnUnitActiveSec={job.minutes}min\n"
        "RandomizedDelaySec=30\n\n[Install]\nWantedBy=timers.target\n"
    )
    return {f"{name}.service": service, f"{name}.timer": timer}


def agent(job: Job, name: str) -> bytes:
    """The property list of a launchd agent (launchd.plist(5))."""
    made: dict[str, object] = {
        "Label": name,
        "ProgramArguments": list(job.command),
        "EnvironmentVariables": dict(sorted(job.environment.items())),
        "RunAtLoad": True,
    }
    made |= {"KeepAlive": True} if job.watch else {"StartInterval": job.minutes * 60}
    return plistlib.dumps(made)


def names(text: bytes, config: str) -> bool:
    """Whether a unit or a property list runs mailbot with these settings."""
    if text.lstrip().startswith(b"<?xml"):
        try:
            arguments = plistlib.loads(text).get("ProgramArguments", [])
        except (plistlib.InvalidFileException, ExpatError, ValueError, AttributeError):
            return False
        return config in arguments
    return f" --config {_argument(config)} ".encode() in text


def _argument(word: str) -> str:
    """An argument in ExecStart, where `$` has a meaning too."""
    return _quoted(word.replace("$", "$$"))


def _quoted(word: str) -> str:
    """A word as systemd reads it, where `%` has a meaning (systemd.syntax(7))."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{word}"' if not word or any(c in word for c in " \t'\";") or "\\" in word else word
