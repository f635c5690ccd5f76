"""mailbot index"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import click

from mailbot.cli import console
from mailbot.errors import ConfigError
from mailbot.settings import Disclosure, Embeddings, Llm, Settings
from mailbot.sync.session.opening import check_vault
from mailbot.sync.session.search import fill, index_of, opened_vectors
from mailbot.sync.session.state import State


@dataclass(frozen=True, slots=True)
class Asked:
    """Which vault, what of it is left out, and where vectors come from."""

    folder: Path
    exclude: tuple[str, ...] = ()
    embeddings: Embeddings | None = None
    llm: Llm | None = None
    rules: Disclosure = field(default_factory=Disclosure)


def asked(context: click.Context, vault: Path | None, embeddings: str | None) -> Asked:
    """The folder given, which needs no settings, or the configured vault; the same for vectors."""
    settings: Settings | None = None if vault else console.settings(context)
    folder = vault or (settings.vault if settings else Path())
    check_vault(folder)
    wanted = settings.embeddings if settings else None
    if embeddings == "none":
        wanted = None
    elif embeddings:
        try:
            wanted = Embeddings(local=True if embeddings == "local" else Path(embeddings))
        except ValueError as error:
            raise click.BadParameter(
                "write local, none, or a folder with model.onnx and tokenizer.json in it",
                param_hint="--embeddings",
            ) from error
    exclude, rules = _rules(context, folder)
    return Asked(folder, exclude, wanted, settings.llm if settings else None, rules)


def _rules(context: click.Context, folder: Path) -> tuple[tuple[str, ...], Disclosure]:
    """What the settings leave out of a folder, and keep back of it, where it is the vault that they are about."""
    try:
        settings = console.settings(context)
    except ConfigError:
        return (), Disclosure()
    if settings.vault.resolve() != folder.resolve():
        return (), Disclosure()
    return settings.exclude, settings.disclosure


embeddings_option = click.option(
    "--embeddings",
    metavar="local|none|FOLDER",
    help="Where vectors come from: local (an installed model), a FOLDER with a model, or none (search by words only).",
)


@click.command(epilog="Example: mailbot index --vault ~/Notes")
@click.option(
    "--vault",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of Markdown notes; needs no settings.",
)
@embeddings_option
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def index(context: click.Context, vault: Path | None, embeddings: str | None, as_json: bool) -> None:
    """Bring the search index of the vault up to date.

    Only notes that changed are read, and vectors are made only for what is new. The index is a cache in the state folder;
    you may delete it at any time. If indexing is stopped, the next run continues where it left off.
    """
    of = asked(context, vault, embeddings)
    with (
        console.progress() as progress,
        index_of(
            of.folder,
            State(of.folder).index,
            of.exclude,
            lambda at, total: progress("index", at, total),
        ) as (opened, done),
        opened_vectors(opened, of.embeddings, of.llm) as vectors,
    ):
        count = opened.count()
        made = fill(opened, vectors, of.rules, lambda at, total: progress("vectors", at, total))
    if as_json:
        console.emit(
            {
                "notes": count,
                "added": done.added,
                "changed": done.changed,
                "removed": done.removed,
                "vectors": made,
                "skipped": dict(done.skipped),
            }
        )
    else:
        also = f", {made} vectors made" if made else ""
        console.say(
            f"{count} notes: {done.added} added, {done.changed} changed, {done.removed} removed{also}"
        )
    for path, why in done.skipped:
        console.complain(f"mailbot: {path} was skipped: {why}")
