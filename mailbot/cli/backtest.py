"""mailbot backtest"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailbot.cli import console

if TYPE_CHECKING:
    from mailbot.settings import Settings


@click.command(epilog="Example: mailbot backtest --last 20")
@click.argument("account", default="")
@click.option(
    "--last", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many answered mails."
)
@click.option(
    "--trust-dates",
    is_flag=True,
    help="Take a note's `date` as the time of everything in it, even if the file was changed later.",
)
@click.option(
    "--rubric",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Score drafts for the mails of a scenario folder (evals/README.md) instead; your mail is not touched.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def backtest(
    context: click.Context, account: str, last: int, trust_dates: bool, rubric: Path | None, as_json: bool
) -> None:
    """Draft mails that you have answered already, and compare with what you wrote.

    Each is drafted as on the day it came, from the notes and mails of that time. Nothing is stored on the server. A report
    with both texts side by side is saved in Mailbot/ in the vault.
    """
    from mailbot.sync.commands.backtest import backtest as run

    settings = console.settings(context)
    if rubric:
        _scored(settings, rubric, as_json)
        return
    with console.progress() as progress:
        done = run(settings, account, last, trust_dates=trust_dates, progress=progress)
    failed = [r.error for r in done.results if r.error]
    if as_json:
        console.emit({"account": done.account, "note": done.note, **dict(done.summary), "failed": failed})
    else:
        console.table(("What", "Figure"), done.summary, f"Backtest of {done.account}")
        console.show(f"The report: {done.note}")
    for error in dict.fromkeys(failed):
        console.complain(f"mailbot: {error}")
    if failed:
        raise SystemExit(1)


def _scored(settings: Settings, folder: Path, as_json: bool) -> None:
    """Draft the mails of a scenario and show how the drafts do by its rubrics."""
    from mailbot.sync.commands.rubric import figures, rubric
    from mailbot.sync.commands.scenario import worlds

    with console.progress() as progress:
        found = rubric(settings, worlds(folder), progress)
    if as_json:
        console.emit({**dict(figures(found)), "mails": [asdict(s) for s in found]})
    else:
        rows = [
            (s.world, s.case, s.lane or "-", f"{s.needed[0]} of {s.needed[1]}", "; ".join(s.told))
            for s in found
        ]
        console.table(
            ("World", "Mail", "Lane", "Needed facts", "Forbidden facts"), rows, "Drafts by the rubrics"
        )
        console.table(("What", "Figure"), figures(found), "All")
    for error in dict.fromkeys(s.error for s in found if s.error):
        console.complain(f"mailbot: {error}")
    if any(s.error for s in found):
        raise SystemExit(1)
