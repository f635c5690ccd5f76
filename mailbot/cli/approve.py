"""mailbot approve"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_to
from mailbot.config import state_folder
from mailbot.sync.commands import approve as approving


@click.command(epilog="Example: mailbot approve 2026-11-20_091500_17_Re-Offer.draft")
@click.argument("which", metavar="NOTE...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Say what can be approved; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def approve(context: click.Context, which: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Approve drafts, so that they may be sent.

    `status: approved` in the properties of a draft note says the same. What you approve is the text, the recipients, the
    subject and the files as the note has them now: if any of them changes, the draft is not sent until you approve it again. To take it back, set the status
    to draft.
    """
    settings = console.settings(context)
    log_to(state_folder())
    told = approving.approve(settings, which, dry_run=dry_run)
    if not any(account.smtp for account in settings.accounts):
        console.complain(
            "mailbot: no account has `smtp` in accounts.yaml, so nothing can be sent; send it from your mail client"
        )
    report_on(told, as_json)


def report_on(told: approving.Told, as_json: bool) -> None:
    """Print what became of drafts at the user's word, and end the command."""
    failed = any(each["error"] for each in told)
    if as_json:
        console.emit({"exit_code": int(failed), "drafts": told})
    for each in told if not as_json else ():
        if each["error"]:
            console.complain(f"mailbot: {each['error']}")
        else:
            console.show(f"{each['note']}: {each['status']}")
    raise SystemExit(int(failed))
