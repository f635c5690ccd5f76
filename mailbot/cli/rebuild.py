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
    """Rebuild a lost or damaged journal from your notes, Drafts and Sent.

    The journal is what mailbot remembers. Each note records which mail and which draft it belongs to, so all of it can be found again. No
    mail is kept twice afterwards and no draft made twice. Approvals are taken back: nothing is sent before you approve it again. The
    old journal is kept beside the new one.
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
        mails, drafts = (sum(each[n] for each in found.values()) for n in (0, 1))
        console.show("You will have to approve drafts again; the old journal is kept.")
        if not click.confirm(f"Rebuild the journal from {mails} email notes and {drafts} draft notes?"):
            console.show("Nothing was changed.")
            return
    with console.progress() as progress:
        rebuilt = making.rebuild(settings, progress)
    if as_json:
        console.emit({"dry_run": False, "accounts": [asdict(each) for each in rebuilt]})
        return
    for each in rebuilt:
        done = each.restored
        waiting = f" ({done.waiting} still wait for a look or a draft)" if done.waiting else ""
        console.show(f"{each.account}: rebuilt {done.mails} mails{waiting} and {done.drafts} drafts")
        for path in done.notes:
            console.show(f"  approve it again: {path}")
        for remark in each.remarks:
            console.show(f"  note: {remark}")
    if rebuilt and rebuilt[0].kept:
        console.show(f"The old journal is kept: {rebuilt[0].kept}")
