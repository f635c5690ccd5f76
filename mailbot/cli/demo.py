"""mailbot demo"""

from __future__ import annotations

import shutil
import sys
from email import message_from_string
from email.policy import default
from pathlib import Path

import click

from mailbot import config
from mailbot.cli import console
from mailbot.errors import ConfigError
from mailbot.settings import Llm
from mailbot.sync.commands.demo import Demonstrated, demonstrate


@click.command(epilog="Example: mailbot demo --into /tmp/look")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to create (default: ./mailbot-demo).",
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def demo(context: click.Context, into: Path | None, as_json: bool) -> None:
    """See the whole job on a mail server and a vault of its own.

    You need no account and no key. A small IMAP server starts with six sample mails; mailbot turns them into notes, drafts
    answers and stores them in Drafts. If a model is configured, it writes the drafts. Otherwise they are outlines.
    """
    llm = _model(context)
    folder = _new_folder(into)
    with console.progress() as progress:
        done = demonstrate(folder, llm, progress)
    if as_json:
        second = {"notes": done.second.notes, "drafts": done.second.drafts}
        console.emit(
            {
                "vault": str(done.vault),
                "notes": done.first.notes,
                "drafts": done.first.drafts,
                "server_drafts": len(done.server_drafts),
                "second_run": second,
                "recorded": done.recorded,
                "error": done.first.error,
            }
        )
    else:
        _tell(done, llm)
    raise SystemExit(done.first.exit_code or done.second.exit_code or (1 if done.first.failed else 0))


def _model(context: click.Context) -> Llm | None:
    named = context.find_root().params.get("config_path")
    try:
        config.find(named)
    except ConfigError:
        if named:
            raise
        return None
    return config.load(named).llm


def _new_folder(into: Path | None) -> Path:
    folder = into or Path("mailbot-demo")
    number = 1
    while folder.exists() and any(folder.iterdir()):
        if into:
            raise ConfigError(f"{into} is not empty; name a new folder with --into")
        number += 1
        folder = Path(f"mailbot-demo-{number}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _tell(done: Demonstrated, llm: Llm | None) -> None:
    report = done.first
    program = "mailbot" if shutil.which("mailbot") else sys.argv[0]
    if report.error:
        console.complain(f"mailbot: {report.error}")
        return
    for failure in report.failed:
        console.complain(f"mailbot: {failure}")
    drafted_by = (
        f"the model {llm.model}" if llm else "the outline drafter (no model is configured, none was used)"
    )
    console.show(
        f"\n{len(report.notes)} unread mails are now notes. {len(report.drafts)} got a draft from {drafted_by}:\n"
    )
    rows = [(path.rpartition("/")[2],) for path in report.drafts]
    console.table(("Draft note",), rows)
    console.show(
        f"\nA second run found nothing new: {len(done.second.notes)} notes, {len(done.second.drafts)} drafts."
    )
    if done.server_drafts:
        console.show("\nOne of them, read back over IMAP from the server's Drafts:\n")
        _show_mail(done.server_drafts[0], 22)
    if done.recorded_draft:
        console.show(
            "\nThe same mail as a model drafts it. This is a RECORDING of a model's answer, played back: no model was asked. It went\n"
            "through the same checks as any draft, and its note names a source for each statement:\n"
        )
        _show_mail(done.recorded_draft, 12)
        console.show(f"\n    {done.vault / done.recorded}")
    console.show(
        f"\nOpen the vault in Obsidian or any editor:\n  {done.vault}\n"
        f"  {done.vault / 'Email' / 'Drafts'}   the drafts, with reasoning and sources\n"
        "\nTry next:\n"
        f"  {program} search --vault '{done.vault}' 'until when is the Birch offer valid?'\n"
        f"  {program} init      sets it up with your own mail: an address, a login, and the first draft\n"
    )


def _show_mail(raw: str, lines: int) -> None:
    """The beginning of a mail, its headers first."""
    message = message_from_string(raw, policy=default)
    for name in ("From", "To", "Cc", "Subject", "In-Reply-To", "References"):
        if message[name]:
            console.show(f"    {name}: {' '.join(str(message[name]).split())}")
    console.show("")
    for line in str(message.get_content()).splitlines()[:lines]:
        console.show(f"    {line}")
