"""mailbot draft"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_to
from mailbot.config import state_folder
from mailbot.hearsay import visible
from mailbot.sync.commands.redraft import redraft


@click.command(epilog="Example: mailbot draft 2026-11-20_091500_17_Re-Offer --instruct 'shorter, in German'")
@click.argument("which", metavar="NOTE|MESSAGE-ID")
@click.option(
    "--instruct",
    default="",
    metavar="TEXT",
    help="What the draft should do differently; only a model can follow it.",
)
@click.option("--again", is_flag=True, help="Make another draft even if the last one was sent or deleted.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def draft(context: click.Context, which: str, instruct: str, again: bool, as_json: bool) -> None:
    """Draft one mail, or draft it again, even if mailbot decided not to.

    Name the mail by its note or its Message-ID. The earlier draft is replaced only if it is still as mailbot wrote it. If
    you edited it, it stays, and the new draft is saved beside it. If it was sent or deleted, you are asked first.
    """
    settings = console.settings(context)
    log_to(state_folder())

    def wanted(what: str) -> bool:
        return again or (console.answers() and click.confirm(f"{visible(what)}. Make another?"))

    report = redraft(settings, which, instruct, again=wanted)
    if as_json:
        console.emit({"account": report.account, "drafts": report.drafts, "remarks": report.remarks})
        return
    for path in report.drafts:
        console.show(f"draft: {path}")
    for remark in report.remarks:
        console.show(f"note: {remark}")
