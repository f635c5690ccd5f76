"""mailbot fetch"""

from __future__ import annotations

from datetime import datetime

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_nowhere, log_to
from mailbot.cli.run_report import giving_way, print_run
from mailbot.config import state_folder
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options


@click.command(epilog="Example: mailbot fetch --account work --since 2026-11-01 --max-drafts 5")
@console.account_option
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only mail that arrived on or after this day."
)
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="At most N mails from each mailbox in this run."
)
@click.option("--max-drafts", type=click.IntRange(min=0), metavar="N", help="At most N drafts in this run.")
@click.option("--no-drafts", is_flag=True, help="Save the mails as notes, but draft nothing.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what a run would do; write nothing and ask no model.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def fetch(
    context: click.Context, accounts: tuple[str, ...], since: datetime | None, limit: int | None, max_drafts: int | None,
    no_drafts: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Turn new mail into notes, and notes that want an answer into drafts, once.

    Every unread mail becomes a note in the vault. If it wants an answer, it gets a draft note, and the same draft in the
    account's Drafts. The inbox is opened read-only. If there is no new mail, running it again changes nothing.
    """
    settings = console.settings(context)
    if dry_run:
        log_nowhere()
    else:
        log_to(state_folder())
    options = Options(since.date() if since else None, limit, max_drafts, no_drafts)
    with console.progress() as progress:
        if dry_run:
            from mailbot.sync.commands.foresee import foresee_all

            reports = foresee_all(settings, options, accounts, progress)
        else:
            reports = fetch_all(settings, options, accounts, progress)
    raise SystemExit(print_run(giving_way(reports, as_json=as_json), dry_run=dry_run, as_json=as_json))
