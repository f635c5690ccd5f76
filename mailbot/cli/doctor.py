"""mailbot doctor"""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from mailbot import config
from mailbot.cli import console
from mailbot.errors import ConfigError
from mailbot.hearsay import one_line
from mailbot.sync.checks.check import Check, failed

MARKS = {"ok": "ok     ", "warning": "warning", "wrong": "WRONG  "}
COLOURS = {"ok": "green", "warning": "yellow", "wrong": "red"}


@click.command(epilog="Example: mailbot doctor --account work")
@console.account_option
@click.option("--offline", is_flag=True, help="Ask no server: only what lies on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def doctor(context: click.Context, accounts: tuple[str, ...], offline: bool, as_json: bool) -> None:
    """Check settings, secrets, vault, mail servers and model, a line each, with what to do.

    A test draft is put into Drafts and taken out again; the model is asked one short question. The exit code says the worst: 0 all is
    well, 1 something is worth a look, otherwise the code of what is wrong (see docs/commands.md).
    """
    from mailbot.sync.commands import doctor as checking

    tell = _silent if as_json else show_check
    try:
        path = config.find(context.find_root().params.get("config_path"))
        settings = config.load(path)
    except ConfigError as error:
        found = [failed("settings", "", error)]
        tell(found[0])
    else:
        found = checking.watched(checking.examine(path, settings, accounts, offline=offline), tell)
    code = checking.exit_code(found)
    if as_json:
        console.emit({"exit_code": code, "checks": [asdict(check) for check in found]})
    else:
        show_sum(found)
    raise SystemExit(code)


def show_check(check: Check) -> None:
    """One line, and below it what to do."""
    mark = MARKS[check.level]
    if sys.stdout.isatty():
        mark = click.style(mark, fg=COLOURS[check.level])
    about = f" ({one_line(check.about)})" if check.about else ""
    click.echo(
        f"{mark} {check.name}{about}: {one_line(check.found) if check.name != 'settings' else check.found}"
    )
    if check.advice:
        click.echo(f"        -> {one_line(check.advice)}")


def _silent(_: Check) -> None:
    """In JSON all checks come at the end."""


def show_sum(found: list[Check]) -> None:
    """How many of each."""
    wrong, warnings = (sum(c.level == level for c in found) for level in ("wrong", "warning"))
    if not wrong and not warnings:
        console.show("All is well.")
    else:
        console.show(f"{wrong} wrong, {warnings} worth a look, {len(found) - wrong - warnings} ok.")
