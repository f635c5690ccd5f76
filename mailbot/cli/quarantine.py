"""mailbot quarantine"""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from mailbot.cli import console
from mailbot.hearsay import visible


@click.group(epilog="Example: mailbot quarantine list")
def quarantine() -> None:
    """The mails that could not become notes: list them, show one as it came, try them again, give one up.

    A mail that fails is kept out of the way, with its error, and tried again at growing intervals. It stays on the server as it is, and
    no other mail waits for it.
    """


@quarantine.command(name="list", epilog="Example: mailbot quarantine list --json")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def list_(context: click.Context, as_json: bool) -> None:
    """List the mails in quarantine, each with its error and when it is tried again."""
    from mailbot.sync.commands import quarantine as keeping

    held = keeping.held(console.settings(context))
    if as_json:
        console.emit(
            {"mails": [{"name": each.name, "account": each.account, **asdict(each.failure)} for each in held]}
        )
        return
    rows = [
        (
            each.name,
            each.failure.attempts,
            f"{each.next_try.astimezone():%Y-%m-%d %H:%M}" if each.next_try else "given up",
            each.failure.error,
        )
        for each in held
    ]
    console.table(("Mail", "Tried", "Next try", "Error"), rows, headed=True)
    if not rows:
        console.say("No mail is in quarantine.")


@quarantine.command(epilog="Example: mailbot quarantine show work:INBOX:123 | less")
@click.argument("mail")
@click.pass_context
@console.handled
def show(context: click.Context, mail: str) -> None:
    """Show MAIL as it came, read from the server. On a terminal nothing in it moves the cursor; elsewhere it is its very bytes."""
    from mailbot.sync.commands import quarantine as keeping

    raw = keeping.as_it_came(console.settings(context), mail)
    if sys.stdout.isatty():
        console.show(visible(raw.decode("utf-8", "replace").replace("\r\n", "\n")))
    else:
        sys.stdout.buffer.write(raw)


@quarantine.command(epilog="Example: mailbot quarantine retry work:INBOX:123")
@click.argument("mails", nargs=-1, metavar="[MAIL]...")
@click.pass_context
@console.handled
def retry(context: click.Context, mails: tuple[str, ...]) -> None:
    """Let the next run try MAIL again, or all of them, those that were given up too."""
    from mailbot.sync.commands import quarantine as keeping

    done = keeping.try_again(console.settings(context), mails)
    console.show(
        f"the next run tries again: {', '.join(done)}"
        if done
        else "nothing is in quarantine, so there is nothing to retry"
    )


@quarantine.command(name="give-up", epilog="Example: mailbot quarantine give-up work:INBOX:123")
@click.argument("mails", nargs=-1, required=True, metavar="MAIL...")
@click.pass_context
@console.handled
def give_up(context: click.Context, mails: tuple[str, ...]) -> None:
    """Try MAIL no more. It stays on the server as it is, and `mailbot quarantine retry` takes it up again."""
    from mailbot.sync.commands import quarantine as keeping

    done = keeping.give_up(console.settings(context), mails)
    console.show(f"given up: {', '.join(done)}")
