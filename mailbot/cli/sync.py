"""mailbot sync"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_nowhere, log_to
from mailbot.cli.run_report import giving_way, print_run
from mailbot.config import state_folder
from mailbot.sync.pipeline import sync_all
from mailbot.sync.session.report import Options


@click.command(epilog="Example: mailbot sync --account work")
@console.account_option
@click.option("--max-drafts", type=click.IntRange(min=0), metavar="N", help="At most N drafts in this run.")
@click.option("--dry-run", is_flag=True, help="Show what a run would do; write nothing and ask no model.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def sync(
    context: click.Context, accounts: tuple[str, ...], max_drafts: int | None, dry_run: bool, as_json: bool
) -> None:
    """What cron runs: notice what became of your drafts, fetch new mail, draft answers, send what you approved.

    A draft that you edited, sent or deleted, in your mail client or in its note, is noticed, and its note says so. Approved
    drafts are sent only where `send.allow` is true in accounts.yaml. If nothing is new, running it again changes nothing.
    """
    settings = console.settings(context)
    if dry_run:
        log_nowhere()
    else:
        log_to(state_folder())
    options = Options(max_drafts=max_drafts)
    with console.progress() as progress:
        if dry_run:
            from mailbot.sync.commands.foresee import foresee_all

            reports = foresee_all(settings, options, accounts, progress, whole=True)
        else:
            reports = sync_all(settings, options, accounts, progress)
    raise SystemExit(print_run(giving_way(reports, as_json=as_json), dry_run=dry_run, as_json=as_json))
