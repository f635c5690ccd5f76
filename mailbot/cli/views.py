"""mailbot views"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.vault.bases import DRAFTS, MAIL


@click.command(epilog="Example: mailbot views")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def views(context: click.Context, as_json: bool) -> None:
    """Make the views for Obsidian: Mailbot/Mail.base and Mailbot/Drafts.base.

    Each is written once, and never again: change it as you like, or delete it and run this again to have it anew.
    """
    from mailbot.sync.commands.views import make_views

    made = make_views(console.settings(context))
    if as_json:
        console.emit({"made": made})
    else:
        console.show(f"made: {', '.join(made)}" if made else f"there already: {MAIL}, {DRAFTS}")
