"""The vectors of a vault, as the settings want them: opened, and brought up to date with the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mailbot.assistant.disclosure import kept_back
from mailbot.credentials import secret
from mailbot.errors import ConfigError
from mailbot.settings import Disclosure, Embeddings, Llm
from mailbot.vault.index import Index
from mailbot.vault.vectors import Vectors, vectors_path


@contextmanager
def vectors_of(index: Index, wanted: Embeddings | None, llm: Llm | None) -> Iterator[Vectors | None]:
    """The vectors beside an index, None where none are wanted. Raises ConfigError where they cannot be had."""
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
    from mailbot.assistant.llm import Endpoint, Model

    base_url = wanted.base_url or (llm.base_url if llm else "")
    if not base_url:
        raise ConfigError(
            "embeddings.base_url: is missing, and there is no llm.base_url to take in its place"
        )
    source = wanted.api_key or (llm.api_key if llm and not wanted.base_url else None)
    model = Model(Endpoint(base_url, lambda: secret(source, "embeddings.api_key") if source else "none"))
    try:
        with Vectors(
            vectors_path(index.path), embedding.EndpointEmbedder(model, wanted.model, *prefixes)
        ) as vectors:
            yield vectors
    finally:
        model.close()


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
