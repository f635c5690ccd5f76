"""mailbot fetch"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from mailbot.cli import console
from mailbot.config import state_folder
from mailbot.sync.pipeline import exit_code, fetch_all
from mailbot.sync.run import Options, Report


@click.command(epilog="Example: mailbot fetch --account work --since 2026-11-01 --max-drafts 5")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Only this account (may be given more than once).",
)
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only mail that arrived on or after this day."
)
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="At most N mails from each mailbox in this run."
)
@click.option("--max-drafts", type=click.IntRange(min=0), metavar="N", help="At most N drafts in this run.")
@click.option("--no-drafts", is_flag=True, help="Keep the mails as notes, draft nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing anywhere.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def fetch(
    context: click.Context, accounts: tuple[str, ...], since: datetime | None, limit: int | None, max_drafts: int | None,
    no_drafts: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """New mail -> notes -> drafts, once.

    Every unread mail becomes a note in the vault; each that wants an answer gets a draft note, and the same draft in
    the account's Drafts. The inbox is opened read-only. Running it again changes nothing.
    """
    settings = console.settings(context)
    console.log_to(state_folder())
    options = Options(since.date() if since else None, limit, max_drafts, no_drafts, dry_run)
    with console.progress() as progress:
        reports = fetch_all(settings, options, accounts, progress)
    code = exit_code(reports)
    if as_json:
        console.emit({"exit_code": code, "dry_run": dry_run, "accounts": [_as_json(r) for r in reports]})
    else:
        for report in reports:
            _print(report, dry_run)
    raise SystemExit(code)


def _as_json(report: Report) -> dict[str, object]:
    data = asdict(report)
    return {key: value for key, value in data.items() if key != "would" or value}


def _print(report: Report, dry_run: bool) -> None:
    if dry_run:
        rows = [(w["mailbox"], w["uid"], w["disposition"], w["reason"], w["subject"]) for w in report.would]
        console.table(
            ("Mailbox", "UID", "Disposition", "Why", "Subject"),
            rows,
            f"{report.account}: would be kept ({len(rows)})",
        )
    else:
        said = ", ".join(f"{count} to {what}" for what, count in sorted(report.dispositions.items()))
        console.say(
            f"{report.account}: {len(report.notes)} new mail(s) kept{f' ({said})' if said else ''}, {len(report.drafts)} draft(s) written"
        )
        for path in report.drafts:
            console.say(f"  draft: {path}")
        if report.waiting:
            console.say(f"  {report.waiting} more want a draft; the next run goes on (drafts.max_per_run)")
    for remark in report.remarks:
        console.say(f"  note: {remark}")
    for failure in report.failed:
        about = "" if failure.startswith("account ") else f"account {report.account}: "
        console.complain(f"mailbot: {about}{failure}")
    if report.error:
        console.complain(f"mailbot: {report.error}")
