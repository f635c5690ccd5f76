"""mailbot verify"""

from __future__ import annotations

from dataclasses import asdict

import click

from mailbot.cli import console
from mailbot.cli.doctor import show_check, show_sum


@click.command(epilog="Example: mailbot verify --repair")
@console.account_option
@click.option("--repair", is_flag=True, help="Also fix what is unambiguous.")
@click.option(
    "--accept", is_flag=True, help="Notes that are gone were deleted by you: say nothing of them again."
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def verify(
    context: click.Context, accounts: tuple[str, ...], repair: bool, accept: bool, as_json: bool
) -> None:
    """Check that no mail is lost and nothing is there twice, against the mail server and the vault.

    Every unread mail is a note or in quarantine, every kept mail has one note, every draft is in Drafts once, what was sent went out
    once, and nobody else can read your secrets. Each problem has a line that says what to do. Without --repair and --accept nothing is
    changed. The exit code is 0 if all is well, 1 if there is a problem, and otherwise the code of what kept mailbot from looking.
    """
    from mailbot.sync.commands import verify as verifying

    found, code = verifying.verify(
        console.settings(context), accounts, _silent if as_json else show_check, repair=repair, accept=accept
    )
    if as_json:
        console.emit({"exit_code": code, "repair": repair, "findings": [asdict(check) for check in found]})
    else:
        show_sum(found)
    raise SystemExit(code)


def _silent(_: object) -> None:
    """In JSON all findings come at the end."""
