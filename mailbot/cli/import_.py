"""mailbot import"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_to
from mailbot.config import state_folder
from mailbot.sync.commands.import_mail import import_mail


@click.command("import", epilog="Example: mailbot import ~/.thunderbird/abc.default/Mail --account work")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--account", required=True, metavar="NAME", help="The account that the mail belongs to.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def import_(context: click.Context, paths: tuple[Path, ...], account: str, as_json: bool) -> None:
    """Save mail from files as notes; imported mail never gets a draft.

    PATHS are .eml files, mbox files, Maildirs, Thunderbird profiles, or folders of any of these. Mail that is already kept
    is recognised, so an import that was stopped continues where it left off.
    """
    settings = console.settings(context)
    log_to(state_folder())
    with console.progress() as progress:
        report = import_mail(settings, account, list(paths), progress)
    code = 1 if report.failed else 0
    if as_json:
        shown = ("account", "notes", "recognised", "dispositions", "failed")
        console.emit(
            {"exit_code": code, **{key: value for key, value in asdict(report).items() if key in shown}}
        )
    else:
        console.say(f"{account}: {len(report.notes)} mail(s) kept, {report.recognised} already known")
    for failure in report.failed:
        console.complain(f"mailbot: {failure}")
    raise SystemExit(code)
