"""mailbot rebuild"""

from __future__ import annotations

from dataclasses import asdict

import click

from mailbot.cli import console


@click.command(epilog="Example: mailbot rebuild --dry-run")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--dry-run", is_flag=True, help="Count the notes that would be read; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def rebuild(context: click.Context, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Make a lost or damaged journal anew, from your notes, Drafts and Sent.

    The journal is what mailbot remembers. Its notes know the same: which mail they are of, and which draft. No mail is kept twice
    afterwards and no draft made twice. Approvals are taken back, so nothing is sent before you approve it again. The old journal
    is kept beside the new one.
    """
    from mailbot.sync.commands import rebuild as making

    settings = console.settings(context)
    found = making.foreseen(settings)
    if dry_run:
        if as_json:
            console.emit(
                {"dry_run": True, "accounts": {n: {"mails": m, "drafts": d} for n, (m, d) in found.items()}}
            )
            return
        for name, (mails, drafts) in found.items():
            console.show(f"{name}: {mails} email notes and {drafts} draft notes would be read")
        return
    if not yes:
        if not console.answers():
            raise click.UsageError("cannot ask for confirmation here; use --yes, or --dry-run to look")
        total = sum(mails for mails, _ in found.values())
        if not click.confirm(f"Make the journal anew from {total} email notes? Approvals are taken back"):
            console.show("Nothing was changed.")
            return
    with console.progress() as progress:
        rebuilt = making.rebuild(settings, progress)
    if as_json:
        console.emit({"dry_run": False, "accounts": [asdict(each) for each in rebuilt]})
        return
    for each in rebuilt:
        done = each.restored
        console.show(
            f"{each.account}: {done.mails} mails ({done.waiting} still to be looked at) and {done.drafts} drafts"
        )
        for path in done.notes:
            console.show(f"  approve it again: {path}")
        for remark in each.remarks:
            console.show(f"  note: {remark}")
    if rebuilt and rebuilt[0].kept:
        console.show(f"The old journal is kept: {rebuilt[0].kept}")
