"""mailbot index"""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.cli import console
from mailbot.config import Settings, state_folder
from mailbot.sync.pipeline import check_vault
from mailbot.vault.index import Index, index_path


def vault_of(context: click.Context, vault: Path | None) -> tuple[Path, tuple[str, ...]]:
    """(the vault, what of it is left out): the folder given, which needs no settings, or the configured one."""
    settings: Settings | None = None if vault else console.settings(context)
    folder = vault or (settings.vault if settings else Path())
    check_vault(folder)
    return folder, settings.exclude if settings else ()


@click.command(epilog="Example: mailbot index --vault ~/Notes")
@click.option(
    "--vault",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of Markdown notes; needs no settings.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def index(context: click.Context, vault: Path | None, as_json: bool) -> None:
    """Bring the search index of the vault up to date.

    Only notes that changed are read. The index is a cache in the state folder: it can be deleted at any time, and a
    run that is stopped goes on where it was.
    """
    folder, exclude = vault_of(context, vault)
    with console.progress() as progress, Index(index_path(state_folder(), folder), folder) as opened:
        done = opened.refresh(exclude, lambda at, total: progress("index", at, total))
        count = opened.count()
    if as_json:
        console.emit(
            {
                "notes": count,
                "added": done.added,
                "changed": done.changed,
                "removed": done.removed,
                "skipped": dict(done.skipped),
            }
        )
    else:
        console.say(f"{count} notes: {done.added} added, {done.changed} changed, {done.removed} removed")
    for path, why in done.skipped:
        console.complain(f"mailbot: {path} was skipped: {why}")
