"""mailbot watch"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.cli.logfile import log_to
from mailbot.cli.run_report import print_report
from mailbot.config import state_folder


@click.command(epilog="Example: mailbot watch --account work")
@console.account_option
@click.pass_context
@console.handled
def watch(context: click.Context, accounts: tuple[str, ...]) -> None:
    """Do what `mailbot sync` does, as soon as there is something to do, until it is stopped.

    New mail is noticed within seconds (IDLE), and so is a draft that you edit or approve in its note. Everything is looked at
    every few minutes in any case. Stop it with Ctrl-C or SIGTERM. `mailbot schedule` makes a service of it.
    """
    from mailbot.sync.commands import watch as watching

    settings = console.settings(context)
    log_to(state_folder())
    console.say("watching; press Ctrl-C to stop")
    watching.watch(settings, accounts, lambda report: print_report(report, dry_run=False))
