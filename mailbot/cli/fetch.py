"""mailbot fetch"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_nowhere, log_to
from mailbot.config import state_folder
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, Report, exit_code


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
    code = exit_code(reports)
    if as_json:
        console.emit({"exit_code": code, "dry_run": dry_run, "accounts": [_as_json(r) for r in reports]})
    else:
        for report in reports:
            _print(report, dry_run)
    raise SystemExit(code)


def _as_json(report: Report) -> dict[str, object]:
    data = asdict(report)
    return {
        key: value for key, value in data.items() if not key.startswith("_") and (key != "would" or value)
    }


def _print(report: Report, dry_run: bool) -> None:
    if dry_run:
        rows = [_foreseen(w) for w in report.would]
        columns = ("Action", "Mailbox", "UID", "Disposition", "Draft", "Why", "Mail")
        console.table(columns, rows, f"{report.account}: a run would do this ({len(rows)})")
    else:
        said = ", ".join(f"{count} to {what}" for what, count in sorted(report.dispositions.items()))
        console.say(
            f"{report.account}: {len(report.notes)} new mail(s) kept{f' ({said})' if said else ''}, {len(report.drafts)} draft(s) written"
        )
        for path in report.drafts:
            console.say(f"  draft: {path}")
        if report.waiting:
            console.say(f"  {report.waiting} more mail(s) want a draft; a later run will write them")
    for remark in report.remarks:
        console.say(f"  note: {remark}")
    for failure in (*report.failed, *filter(None, [report.error])):
        about = "" if failure.startswith("account ") else f"account {report.account}: "
        console.complain(f"mailbot: {about}{failure}")


def _foreseen(would: dict[str, Any]) -> tuple[str, ...]:
    """One line of a dry run."""
    draft = "" if "draft" not in would else "yes" if would["draft"] else "later"
    why = would.get("reason") or would.get("why") or ""
    cells = (would["action"], would.get("mailbox", ""), would.get("uid", ""), would.get("disposition", ""))
    return *map(str, cells), draft, str(why), str(would.get("subject") or would.get("note") or "")
