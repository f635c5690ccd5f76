"""mailbot explain"""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from mailbot import config
from mailbot.cli import console
from mailbot.errors import ConfigError
from mailbot.settings import Settings
from mailbot.sync.commands.explain import Explainer, mail_files
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.session.models import opened_models
from mailbot.sync.session.opening import check_vault
from mailbot.sync.session.search import index_of
from mailbot.sync.session.state import State
from mailbot.vault import note as notes


@click.command(epilog="Example: mailbot explain ~/Downloads/question.eml --no-model")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--vault",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to look for context (default: the configured vault).",
)
@click.option(
    "--no-model", is_flag=True, help="Decide by facts and rules alone, even if a model is configured."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
@console.handled
def explain(
    context: click.Context, paths: tuple[Path, ...], vault: Path | None, no_model: bool, as_json: bool
) -> None:
    """Show what mailbot makes of mails, and why; changes no note and no mail.

    PATHS are .eml files or folders of them. You need no account. If there are settings, your addresses, vault and model are
    used. Damaged mail is explained too, with its defects.
    """
    settings = _settings(context)
    folder = vault or (settings.vault if settings and settings.vault.is_dir() else None)
    if folder:
        check_vault(folder)
    with contextlib.ExitStack() as stack:
        exclude = settings.exclude if settings else ()
        index = stack.enter_context(index_of(folder, State(folder).index, exclude))[0] if folder else None
        memory = State(folder).journal if settings and folder else None
        journal = stack.enter_context(opened_journal(memory)) if memory and memory.exists() else None
        models = stack.enter_context(opened_models(settings.llm if settings and not no_model else None))
        explainer = Explainer(settings, index, models, journal)
        if settings and index and not journal:
            console.complain(
                "mailbot: no run has read your Sent mail yet, so nobody is taken for a stranger here; run `mailbot fetch` first"
            )
        for path in mail_files(list(paths)):
            said = explainer.explain(path)
            if as_json:
                console.emit(said)
                continue
            console.show(f"{said['path']}: {said['subject'] or '(no subject)'}")
            console.show(
                f"  from {said['from']['name']} <{said['from']['address']}>, {said['date'] or 'no date'}"
            )
            console.show(f"  {said['disposition']}, decided by {said['decided_by']}: {said['reason']}")
            for why in notes.read(said["note"]).properties.get("suspicious") or ():
                console.show(f"  suspicious: {why}")
            for defect in said["defects"]:
                console.show(f"  defect: {defect}")
            for source in said["context"]:
                where = f"{source['note']}{' > ' + source['heading'] if source['heading'] else ''}"
                only = " (for you to know, not to be told)" if source["use"] == "know" else ""
                console.show(f"  context: {where}{only}")
            for kept in said["withheld"]:
                console.show(f"  withheld: {kept['note']}: {kept['reason']}")


def _settings(context: click.Context) -> Settings | None:
    """The settings, None if there are none; those that were named, or that have mistakes, must be corrected."""
    named = context.find_root().params.get("config_path")
    try:
        config.find(named)
    except ConfigError:
        if named:
            raise
        return None
    return config.load(named)
