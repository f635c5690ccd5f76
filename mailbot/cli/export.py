"""mailbot export"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from mailbot import config
from mailbot.cli import console


@click.command(epilog="Example: mailbot export --into report.zip")
@click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to make (default: ./mailbot-report-DATE.zip).",
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def export(context: click.Context, into: Path | None, as_json: bool) -> None:
    """Pack a bug report: settings, journal, log and checks, without secrets, addresses, names or text of mails and notes.

    What could tell something of you is masked; the same value has the same mask, so that one can follow a mail through the report. Look at
    it before you send it to anybody. No server is asked, and nothing is sent.
    """
    from mailbot.sync.commands.export import export as pack

    path = config.find(context.find_root().params.get("config_path"))
    to = into or Path(f"mailbot-report-{date.today()}.zip")
    names = pack(path, config.load(path), to)
    if as_json:
        console.emit({"file": str(to), "parts": names})
    else:
        console.show(f"{to}: {', '.join(names)}. Look at it before you send it to anybody.")
