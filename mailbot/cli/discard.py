"""mailbot discard"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.cli.approve import report_on
from mailbot.cli.logfile import log_to
from mailbot.config import state_folder
from mailbot.sync.commands import approve as approving


@click.command(epilog="Example: mailbot discard 2026-11-20_091500_17_Re-Offer.draft")
@click.argument("which", metavar="NOTE...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Say what can be discarded; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def discard(context: click.Context, which: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Discard drafts: they leave Drafts, and are not made again.

    `status: discarded` in the properties of a draft note says the same, and so does deleting the note. A draft that you
    edited in your mail client stays there.
    """
    settings = console.settings(context)
    log_to(state_folder())
    report_on(approving.discard(settings, which, dry_run=dry_run), as_json)
