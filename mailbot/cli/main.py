"""The command group. Each command lies in a module of its own, imported when it is called."""

from __future__ import annotations

import importlib
import keyword
from pathlib import Path

import click

from mailbot import __version__

COMMANDS = {
    "init": "Set mailbot up: from your address to the first draft.",
    "sync": "What cron runs: notice what became of drafts, fetch, draft, send what was approved.",
    "watch": "The same as soon as there is something to do, until it is stopped.",
    "fetch": "Turn new mail into notes and drafts, once.",
    "doctor": "Check settings, servers, vault and model, and say what to do.",
    "status": "Show what was kept and drafted, and what failed.",
    "quarantine": "The mails that could not become notes: list, show, retry, give up.",
    "draft": "Draft one mail, or draft it again.",
    "import": "Save mail from files as notes.",
    "index": "Bring the search index of the vault up to date.",
    "search": "Ask the vault what it knows.",
    "people": "Show person notes, or why somebody has none.",
    "explain": "Show what mailbot makes of a mail, and why; changes no note and no mail.",
    "backtest": "Draft mails you have answered, and compare with your answers.",
    "approve": "Approve drafts, so that they may be sent.",
    "discard": "Discard drafts: they leave Drafts, and are not made again.",
    "send": "Send approved drafts, each shown before it goes.",
    "auth": "Log an account in by browser (OAuth), or out.",
    "views": "Make the views (Bases) for Obsidian.",
    "schedule": "Have mailbot run by itself: cron, systemd or launchd.",
    "export": "Pack a bug report, without secrets and text of mails.",
    "verify": "Check every mail, note and draft against server and vault; fix what is unambiguous.",
    "rebuild": "Rebuild a lost or damaged journal from the notes, Drafts and Sent.",
    "completion": "Print what completes commands in bash, zsh or fish.",
    "man": "Print the manual page.",
    "demo": "See the whole job on a mail server and a vault of its own.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"mailbot.cli.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="mailbot")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The settings file (default: $MAILBOT_CONFIG if it is set, else ./accounts.yaml, then ~/.config/mailbot/accounts.yaml).",
)
def mailbot(config_path: Path | None) -> None:
    """Save your mail as Markdown notes, and get answers drafted from what your notes say.

    Nothing is sent that you have not approved. Your inbox is only read.

    \b
    Examples:
      mailbot init       set it up: an address, a login, and the first draft
      mailbot sync       turn new mail into notes and drafts, and notice what became of earlier drafts
      mailbot doctor     check everything, one line each, with what to do
    """
