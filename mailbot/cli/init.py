"""mailbot init"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import click

from mailbot.cli import console
from mailbot.cli.asking import Terminal
from mailbot.errors import ConfigError
from mailbot.mail.discovery.discover import ISPDB, Sources

NEEDED = "--address, --vault, --password-file (or --password-command, --password-env), --model-url (or `--model-url none`) and --yes"


Command = TypeVar("Command", bound=Callable[..., object])


def _choice(name: str, help_: str, words: tuple[str, ...]) -> Callable[[Command], Command]:
    return click.option(name, type=click.Choice(words), help=help_)


def _option(name: str, help_: str, metavar: str = "TEXT") -> Callable[[Command], Command]:
    return click.option(name, metavar=metavar, help=help_)


@click.command(epilog="Example: mailbot init --address jo@example.com")
@_option("--address", "Your mail address.", "ADDRESS")
@_option("--name", "A name for the account, such as work.", "NAME")
@_option("--imap", "The IMAP server, instead of looking for it.", "HOST[:PORT[/SECURITY]]")
@_option("--smtp", "The SMTP server, or none.", "HOST[:PORT[/SECURITY]]")
@_option("--username", "The user name for the login, if it is not the address.", "NAME")
@_option("--ca-file", "The certificate of a server of your own.", "FILE")
@_choice(
    "--login",
    "How you log in.",
    ("password", "app-password", "oauth-google", "oauth-microsoft", "oauth-other"),
)
@_option("--password-file", "A file that has the password in it, and that nobody else can read.", "FILE")
@_option("--password-command", "A command that prints the password.", "COMMAND")
@_option("--password-env", "An environment variable that holds the password.", "NAME")
@_option("--client-id", "OAuth: the id of your own client.", "ID")
@_option("--client-secret-file", "OAuth: a file that has its secret in it.", "FILE")
@_option("--tenant", "OAuth with Microsoft: the id of your organisation.", "ID")
@_option("--authorize-url", "OAuth with another provider: its authorization endpoint.", "URL")
@_option("--token-url", "OAuth with another provider: its token endpoint.", "URL")
@_option("--scopes", "OAuth with another provider: the permissions to ask for.", "WORDS")
@_option("--vault", "Your vault, or any folder of Markdown notes.", "FOLDER")
@_choice("--make-vault", "Whether to make it if it is not there.", ("yes", "no"))
@_option("--email-folder", "The folder in it for mail.", "NAME")
@_option("--people-folder", "The folder in it for people.", "NAME")
@_option("--model-url", "The server of the model, or none.", "URL")
@_option("--model", "The name of the model.", "NAME")
@_option("--api-key-file", "A file that has the model's key in it.", "FILE")
@_option("--display-name", "Your name, as it stands in From.", "NAME")
@_choice("--since", "Which unread mail becomes notes.", ("all", "30d", "now"))
@_choice("--fetch", "Which mail after that.", ("unseen", "new"))
@_choice("--drafts-now", "Whether to make the first drafts.", ("yes", "no"))
@_choice("--schedule", "What runs mailbot by itself.", ("cron", "systemd", "launchd", "no"))
@_option("--ispdb", f"A database of mail settings to ask, or none (default: Mozilla's, {ISPDB}).", "URL")
@click.option("--yes", is_flag=True, help="Ask nothing: options and defaults answer.")
@click.pass_context
@console.handled
def init(context: click.Context, /, yes: bool, ispdb: str | None, **options: str | None) -> None:
    """Set mailbot up: from your address to the first draft, in one conversation.

    It finds your mail servers, tries the login at once, offers the vaults that Obsidian knows and the models on this machine, and shows
    what would become of your newest mails. Nothing is written before all of it works. Run it again to add an account.
    """
    from mailbot.sync.setup.conversation import converse

    if not yes and not console.answers():
        raise ConfigError(
            f"`mailbot init` asks questions, and nobody is at a terminal here. These options answer them: {NEEDED};"
            " `mailbot init --help` has the others"
        )
    sources = Sources() if ispdb is None else Sources(ispdb="" if ispdb == "none" else ispdb)
    given = {key.replace("_", "-"): value for key, value in options.items() if value is not None}
    context.meta["stopped"] = "no settings were saved, unless it says above that they were"
    path: Path | None = context.find_root().params.get("config_path")
    done = converse(Terminal(given, quiet=yes), path, sources, date.today(), console.progress)
    if yes:
        console.say(f"{done.account} is set up in {done.path}")
