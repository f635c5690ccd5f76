"""mailbot schedule"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta

import click

from mailbot import config
from mailbot.cli import console
from mailbot.errors import ConfigError
from mailbot.sync.commands import schedule as scheduling
from mailbot.sync.commands.keeper import KEEPERS, Keeper


@click.command(epilog="Example: mailbot schedule systemd --every 10m")
@click.argument("keeper", metavar="[cron|systemd|launchd]", type=click.Choice(KEEPERS), required=False)
@click.option("--every", metavar="TIME", help="Time between two runs, such as 5m or 1h (default 10m).")
@click.option("--watch", is_flag=True, help="Run `mailbot watch` all the time instead (systemd and launchd).")
@click.option("--remove", is_flag=True, help="Take away what this command wrote.")
@click.option("--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def schedule(
    context: click.Context, keeper: Keeper | None, every: str | None, watch: bool, remove: bool, dry_run: bool, as_json: bool
) -> None:  # fmt: skip
    """Have mailbot run by itself: a crontab line, a systemd user timer or service, or a launchd agent.

    The paths and the environment that such runs lack are written with it. Without a name, this shows what is there.
    """
    if keeper is None and (remove or every or watch or dry_run):
        raise click.UsageError(
            "say which: `mailbot schedule cron`, `systemd` or `launchd`, with these options"
        )
    if keeper is None:
        found = {each: there for each in KEEPERS if (there := scheduling.installed(each))}
        if as_json:
            console.emit(found)
        for each, there in found.items() if not as_json else ():
            for line in there:
                console.show(f"{each}: {line}")
        if not found and not as_json:
            console.show("nothing is scheduled; `mailbot schedule cron`, `systemd` or `launchd` does it")
        return
    if remove and dry_run:
        there = scheduling.ours(keeper, _settings_file(context))
        if as_json:
            console.emit({"removed": there, "dry_run": True})
        else:
            console.show(
                f"would be removed: {', '.join(there)}" if there else f"there is no mailbot in {keeper}"
            )
        return
    if remove:
        where = _settings_file(context)
        gone = scheduling.remove(keeper, where)
        others = scheduling.installed(keeper)
        if as_json:
            console.emit({"removed": gone})
        elif gone:
            console.show(f"removed: {', '.join(gone)}")
        elif others:
            console.show(
                f"{keeper} runs no mailbot with {where}, but with other settings; name them with --config"
            )
        else:
            console.show(f"there is no mailbot in {keeper}")
        return
    if watch and every:
        raise click.UsageError("--watch runs all the time, so --every has no meaning with it")
    settings = console.settings(context)
    path = config.find(context.find_root().params.get("config_path"))
    job = scheduling.job_of(path, _minutes(every or "10m"), watch=watch)
    made = scheduling.install(settings, job, keeper, dry_run=dry_run)
    if as_json:
        console.emit({"keeper": keeper, "written": made.written, "remarks": made.remarks, "dry_run": dry_run})
        return
    for where, text in made.written.items():
        console.show(f"{where}:\n{text}")
    for remark in made.remarks:
        console.show(f"note: {remark}")


def _minutes(every: str) -> int:
    from mailbot.settings.kinds import duration

    try:
        length = duration(every)
    except ValueError as error:
        raise click.UsageError(f"--every: {error}") from error
    if length < timedelta(minutes=1) or length % timedelta(minutes=1):
        raise click.UsageError("--every: write whole minutes, such as 10m")
    return length // timedelta(minutes=1)


def _settings_file(context: click.Context) -> str:
    """The settings whose job is meant, also if the file is gone; empty if none is named and none is found."""
    named = context.find_root().params.get("config_path")
    with suppress(ConfigError):
        named = named or config.find(None)
    return os.path.realpath(named) if named else ""
