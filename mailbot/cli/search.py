"""mailbot search"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mailbot.cli import console
from mailbot.cli.index import Asked, asked, embeddings_option
from mailbot.sync.session.search import IndexDamaged, fill, index_of, opened_vectors
from mailbot.sync.session.state import State
from mailbot.vault.search import Hit
from mailbot.vault.search import search as ask


@click.command(epilog="Example: mailbot search 'when does the storage contract end?' -k 5")
@click.argument("query")
@click.option(
    "-k", "limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many notes."
)
@click.option(
    "--vault",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of Markdown notes; needs no settings.",
)
@embeddings_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object per line: {query, hits: [{note, heading, score, text}]}.",
)
@click.pass_context
@console.handled
def search(
    context: click.Context, query: str, limit: int, vault: Path | None, embeddings: str | None, as_json: bool
) -> None:
    """Ask the vault what it knows. The best notes come first, each with its best passage.

    If QUERY is -, each line of standard input is a query.
    """
    of = asked(context, vault, embeddings)
    queries = (line.rstrip("\r\n") for line in sys.stdin) if query == "-" else iter([query])
    found = _found(of, queries, limit)
    hits: list[Hit] = []
    for text, hits in found:
        if as_json:
            console.emit({"query": text, "hits": [_as_json(h) for h in hits]})
        else:
            rows = [(f"{h.score:.2f}", h.note, h.heading, " ".join(h.text.split())[:160]) for h in hits]
            console.table(("Score", "Note", "Heading", "Passage"), rows, text)
    if not as_json and sys.stdout.isatty() and query != "-" and not hits:
        console.show("No note in the vault has any of these words.")


def _found(of: Asked, queries: Iterator[str], limit: int) -> Iterator[tuple[str, list[Hit]]]:
    """Each query with its hits. Where the index turns out to be damaged it is made anew, once, and the query asked again."""
    waiting: list[str] = []
    for last in (False, True):
        try:
            with (
                index_of(of.folder, State(of.folder).index, of.exclude) as (index, _),
                opened_vectors(index, of.embeddings, of.llm) as vectors,
            ):
                fill(index, vectors, of.rules)
                for text in itertools.chain(waiting, queries):
                    waiting = [text]
                    yield text, ask(index, text, limit, vectors)
                return
        except IndexDamaged:
            if last:
                raise


def _as_json(hit: Hit) -> dict[str, object]:
    return {"note": hit.note, "heading": hit.heading, "score": hit.score, "text": hit.text}
