"""mailbot send"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_to
from mailbot.config import state_folder
from mailbot.hearsay import visible
from mailbot.sync.commands import send as sending
from mailbot.sync.session.report import exit_code
from mailbot.sync.steps.send import Preview


@click.command(epilog="Example: mailbot send 2026-11-20_091500_17_Re-Offer.draft")
@click.argument("which", metavar="[NOTE...]", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask before each mail.")
@click.option("--again", is_flag=True, help="Also send a draft whose fate is unknown.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def send(
    context: click.Context, which: tuple[str, ...], yes: bool, again: bool, dry_run: bool, as_json: bool
) -> None:
    """Send approved drafts: those in the notes you name, or all.

    Each is shown first: to whom it goes, from which address, its subject, text and files, and whether the thread has a newer
    mail. Only what you approved is sent, and only if it has not changed since.
    """
    if again and not which:
        raise click.UsageError("--again needs a NOTE: say which draft you have asked about")
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json cannot ask; use it with --yes to send, or with --dry-run to look")
    if not (yes or dry_run or console.answers()):
        raise click.UsageError(
            "cannot ask for confirmation here; use --yes to send without asking, or --dry-run to look"
        )
    settings = console.settings(context)
    log_to(state_folder())
    shown: list[dict[str, Any]] = []

    def ask(preview: Preview) -> bool:
        shown.append(_as_json(preview))
        if not as_json:
            _show(preview)
        try:
            return dry_run or yes or click.confirm("Send it?")
        except click.Abort:
            raise KeyboardInterrupt from None  # Ctrl-C, or the end of the input: nothing was sent

    reports = sending.send(settings, which, ask, again=again, dry_run=dry_run)
    code = exit_code(reports)
    sent = [each for report in reports for each in report.sent]
    failed = [each for report in reports for each in (*report.failed, *filter(None, [report.error]))]
    remarks = [each for report in reports for each in report.remarks]
    if as_json:
        console.emit(
            {
                "exit_code": code,
                "dry_run": dry_run,
                "shown": shown,
                "sent": sent,
                "failed": failed,
                "remarks": remarks,
            }
        )
    else:
        for mail in sent:
            console.show(f"{mail['note']}: sent to {', '.join(mail['to'])}")
        if not shown and not failed:
            console.show("nothing is approved")
        for each in remarks:
            console.show(f"note: {each}")
        for each in failed:
            console.complain(f"mailbot: {each}")
    raise SystemExit(code)


def _as_json(preview: Preview) -> dict[str, Any]:
    data = asdict(preview)
    people = {key: [str(a) for a in getattr(preview, key)] for key in ("to", "cc", "bcc")}
    return {
        "note": data.pop("draft")["note"],
        **{k: v for k, v in data.items() if k not in ("noted", "hindrance")},
        **people,
    }


def _show(preview: Preview) -> None:
    console.show(f"{preview.draft.note}")
    rows = [("From", preview.sender)]
    rows += [
        (name, ", ".join(map(str, people)))
        for name, people in (("To", preview.to), ("Cc", preview.cc), ("Bcc", preview.bcc))
        if people
    ]
    rows.append(("Subject", preview.subject))
    rows += [("File", f"{name} ({octets} octets)") for name, octets in preview.files]
    for name, value in rows:
        console.show(f"  {name}: {' '.join(visible(value).split())}")
    lines = preview.text.rstrip("\n").split("\n")
    below = len(lines)
    while below and (lines[below - 1].startswith(">") or not lines[below - 1].strip()):
        below -= 1
    console.show("\n".join(f"  | {line}" for line in lines[:below]))
    if quoted := sum(line.startswith(">") for line in lines[below:]):
        console.show(f"  | (and {quoted} quoted lines)")
    for doubt in preview.doubts:
        console.show(f"  Note: {doubt}")
    if not preview.newer:
        console.show("  No newer mail is in this thread.")
