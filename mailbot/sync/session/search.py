"""What a search needs: the index of a vault and its vectors, opened and brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.assistant.disclosure.marks import kept_back
from mailbot.credentials import secret
from mailbot.errors import AuthenticationFailed, BadData, ConfigError, ServerUnavailable, TryAgain
from mailbot.settings import Disclosure, Embeddings, Llm, Rerank, Settings
from mailbot.sync.session.report import Report
from mailbot.sync.session.state import State
from mailbot.vault.index import Index
from mailbot.vault.index_file import is_damage, remove
from mailbot.vault.indexing import Refreshed, refresh
from mailbot.vault.vectors import Vectors, vectors_path

if TYPE_CHECKING:
    from mailbot.assistant.context.rerank import Reranker
    from mailbot.assistant.llm import Model


class IndexDamaged(TryAgain):
    """It showed in the middle of the work. The index is gone, and is made anew where it is opened next."""


@contextmanager
def opened_vectors(index: Index, wanted: Embeddings | None, llm: Llm | None) -> Iterator[Vectors | None]:
    """The vectors beside an index, None if none are wanted. Raises ConfigError if they cannot be had."""
    if wanted is None:
        yield None
        return
    from mailbot.assistant import embedding

    prefixes = wanted.query_prefix, wanted.passage_prefix
    if wanted.local:
        folder = wanted.local.expanduser() if isinstance(wanted.local, Path) else None
        with Vectors(vectors_path(index.path), embedding.local(folder, *prefixes)) as vectors:
            yield vectors
        return
    model = client_of(wanted, llm, "embeddings")
    try:
        with Vectors(
            vectors_path(index.path), embedding.EndpointEmbedder(model, wanted.model, *prefixes)
        ) as vectors:
            yield vectors
    finally:
        model.close()


@contextmanager
def opened_reranker(settings: Settings) -> Iterator[Reranker | None]:
    """The configured reranker, None if none is configured. Raises ConfigError if it cannot be had."""
    wanted, llm = settings.rerank, settings.llm
    if wanted is None:
        yield None
        return
    from mailbot.assistant.context import rerank

    if wanted.local:
        yield rerank.local_reranker(wanted.local.expanduser())
        return
    model = client_of(wanted, llm, "rerank")
    try:
        yield rerank.EndpointReranker(model, wanted.model)
    finally:
        model.close()


def client_of(wanted: Embeddings | Rerank, llm: Llm | None, setting: str) -> Model:
    """The client of the server that makes vectors or reranks; close it after use. Raises ConfigError if none is named."""
    from mailbot.assistant.llm import Endpoint, Model

    base_url = wanted.base_url or (llm.base_url if llm else "")
    if not base_url:
        raise ConfigError(
            f"{setting}.base_url is missing, and llm.base_url is not set either; set one of them"
        )
    source = wanted.api_key or (llm.api_key if llm and not wanted.base_url else None)
    return Model(
        Endpoint(base_url.rstrip("/"), lambda: secret(source, f"{setting}.api_key") if source else "none")
    )


@contextmanager
def opened_index(settings: Settings, path: Path | None = None, *, refreshed: bool = True) -> Iterator[Index]:
    """The index of the vault, up to date with its folder unless it need not be `refreshed`; at `path`, if that is not where it usually
    is. Raises what `index_of` raises."""
    path = path or State(settings.vault).index
    with index_of(settings.vault, path, settings.exclude, refreshed=refreshed) as (index, _):
        yield index


@contextmanager
def index_of(
    vault: Path,
    path: Path,
    exclude: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
    *,
    refreshed: bool = True,
) -> Iterator[tuple[Index, Refreshed]]:
    """(the index at a path, up to date with a folder unless it need not be `refreshed`, what that took). A damaged one is made anew at the first sign: it is a
    cache. Raises IndexDamaged where that shows later, TryAgain if it cannot be used just now, at whatever moment that shows."""
    try:
        with ExitStack() as stack:
            try:
                index = stack.enter_context(Index(path, vault))
                done = refresh(index, exclude, progress) if refreshed else Refreshed()
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                stack.close()
                remove(path)
                index = stack.enter_context(Index(path, vault))
                done = refresh(index, exclude, progress)
            yield index, done
    except sqlite3.Error as error:
        if is_damage(error):
            remove(path)
            raise IndexDamaged(f"{path}: the index was damaged; the next run makes it anew") from error
        raise TryAgain(
            f"{path}: the index cannot be used just now ({error}); is another program using it?"
        ) from error


@contextmanager
def filled_vectors(index: Index, settings: Settings, report: Report) -> Iterator[Vectors | None]:
    """The vectors of the vault, up to date with its index. Where the embedding model does not answer there are none, and the
    report says so: words must do."""
    with opened_vectors(index, settings.embeddings, settings.llm) as vectors:
        try:
            fill(index, vectors, settings.disclosure)
        except (ServerUnavailable, TryAgain, BadData, AuthenticationFailed) as error:
            report.remark(f"{error}; only the word search was used")
            vectors = None
        yield vectors


def fill(
    index: Index,
    vectors: Vectors | None,
    rules: Disclosure,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Make the vectors that are missing; returns how many were made. What `rules` keep back is sent to no server for its
    vectors: there it is found by its words alone."""
    if vectors is None:
        return 0
    wanted = index.hashes((lambda note: bool(kept_back(note, rules))) if vectors.remote else None)
    return vectors.fill(wanted, index.saying, progress)
