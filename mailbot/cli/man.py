"""mailbot man"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from mailbot import __version__
from mailbot.cli import console
from mailbot.cli.main import COMMANDS, mailbot

FILES = (
    (
        "./accounts.yaml, ~/.config/mailbot/accounts.yaml",
        "the settings; --config or $MAILBOT_CONFIG names another file",
    ),
    (
        "~/.local/state/mailbot",
        "journal, index, locks, log, OAuth tokens; $MAILBOT_STATE names another folder",
    ),
)
EXIT = (
    ("0", "all is well"), ("1", "some mails or accounts failed, and will be tried again; for doctor: something is worth a look"),
    ("2", "wrong usage"), ("65", "bad data"), ("69", "a server is not available"), ("70", "a bug"), ("74", "the output cannot be written"),
    ("75", "try again later"), ("77", "a login was refused"), ("78", "the settings are wrong"), ("130, 143", "ended by Ctrl-C or SIGTERM"),
)  # fmt: skip


@click.command(epilog="Example: mailbot man | man -l -")
@console.handled
def man() -> None:
    """Print the manual page, as roff. An installed mailbot has it too: `man mailbot`."""
    console.show(page())


def page() -> str:
    """mailbot(1), made of the commands' own help."""
    lines = [
        f'.TH MAILBOT 1 "" "mailbot {__version__}" "User Commands"',
        ".SH NAME",
        "mailbot \\- keeps mail as Markdown notes and drafts the answers from what the notes say",
        ".SH SYNOPSIS",
        ".B mailbot",
        "[\\fB\\-\\-config\\fR \\fIFILE\\fR] \\fICOMMAND\\fR [\\fIOPTION\\fR]...",
        ".SH DESCRIPTION",
        *_prose(mailbot.help or ""),
        ".SH COMMANDS",
    ]
    context = mailbot.make_context("mailbot", [], resilient_parsing=True)
    for name in COMMANDS:
        command = mailbot.get_command(context, name)
        if command:
            lines += _command(command, f"mailbot {name}", context)
    lines += [".SH FILES", *_terms(FILES), ".SH EXIT STATUS", *_terms(EXIT)]
    return "\n".join(lines)


def _command(command: click.Command, name: str, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=above)
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_roff(f'{name} {pieces}')}"
    yield from _prose(command.help or "")
    options = [record for p in command.get_params(context) if (record := p.get_help_record(context))]
    yield from _terms(options)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            if found := command.get_command(context, inner):
                yield from _command(found, f"{name} {inner}", context)
    elif command.epilog:
        yield ".PP"
        yield _roff(command.epilog)


def _terms(rows: object) -> Iterator[str]:
    for term, means in rows:  # type: ignore[attr-defined]
        yield ".TP"
        yield f"\\fB{_roff(term)}\\fR"
        yield _roff(means)


def _prose(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        literal = paragraph.lstrip().startswith("\b")
        words = paragraph.replace("\b", "").strip("\n")
        yield ".PP"
        if literal:
            yield from (".nf", *(_roff(line) for line in words.split("\n")), ".fi")
        else:
            yield _roff(" ".join(words.split()))


def _roff(text: str) -> str:
    """Text as roff reads it: nothing in it is a command."""
    text = re.sub(r"[“”]", '"', text.replace("\\", "\\e").replace("-", "\\-")).replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text
