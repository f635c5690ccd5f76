"""mailbot backtest"""

from __future__ import annotations

import click

from mailbot.cli import console


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
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def backtest(context: click.Context, account: str, last: int, trust_dates: bool, as_json: bool) -> None:
    """Draft mails that you have answered already, and compare with what you wrote.

    Each is drafted as on the day it came, from the notes and mails of that time. Nothing is stored on the server. A report
    with both texts side by side is saved in Mailbot/ in the vault.
    """
    from mailbot.sync.commands.backtest import backtest as run

    settings = console.settings(context)
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
