"""Query and passages -> how well each answers it, by a model that reads both together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mailbot.assistant import onnx
from mailbot.errors import ConfigError

if TYPE_CHECKING:
    from mailbot.assistant.llm import Model

MAX_TOKENS = 512
"""Of a query and a passage together."""
BATCH = 16
LONGEST = 4000
"""Characters of a passage that are read."""


class Reranker(Protocol):
    """A model that says how well a passage answers a query."""

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """One score from 0 to 1 for each passage, in their order."""
        ...


class EndpointReranker:
    """The reranking model of a server, asked as Jina, Cohere, vLLM and llama.cpp are: POST /rerank."""

    def __init__(self, client: Model, model: str) -> None:
        self._client, self._model = client, model
        self._logits = False
        """Whether the server was seen to give logits: then what lies between 0 and 1 is one too."""

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """Raises what `Model.rerank` raises."""
        found = self._client.rerank(self._model, query, [p[:LONGEST] for p in passages])
        self._logits = self._logits or not all(0 <= s <= 1 for s in found)
        return [_sigmoid(s) for s in found] if self._logits else found


class OnnxReranker:
    """A cross-encoder as ONNX, loaded when first used."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        self._files = model, tokenizer
        self._loaded: tuple[Any, Any] | None = None

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """Raises ConfigError if the model cannot be loaded."""
        logits = [
            logit
            for start in range(0, len(passages), BATCH)
            for logit in self._logits([(query, p[:LONGEST]) for p in passages[start : start + BATCH]])
        ]
        return [_sigmoid(x) for x in logits]

    def _logits(self, pairs: list[tuple[str, str]]) -> list[float]:
        import numpy

        if self._loaded is None:
            self._loaded = onnx.load(*self._files, MAX_TOKENS, "reranking model")
        session, tokenizer = self._loaded
        encoded = tokenizer.encode_batch(pairs)
        every = {
            "input_ids": numpy.array([e.ids for e in encoded], dtype=numpy.int64),
            "attention_mask": numpy.array([e.attention_mask for e in encoded], dtype=numpy.int64),
            "token_type_ids": numpy.array([e.type_ids for e in encoded], dtype=numpy.int64),
        }
        (found, *_) = session.run(None, {i.name: every[i.name] for i in session.get_inputs()})
        # Of two classes the second says yes.
        return [float(row[-1] - row[0]) if len(row) > 1 else float(row[0]) for row in found]


def local_reranker(folder: Path) -> OnnxReranker:
    """The cross-encoder of a folder. Raises ConfigError, with what to do, where its files are not there."""
    model = next(iter(onnx.files_near(folder, "*.onnx")), None)
    tokenizer = next(iter(onnx.files_near(folder, "tokenizer.json")), None)
    if model is None or tokenizer is None:
        raise ConfigError(f"{folder}: there must be a model.onnx and a tokenizer.json in it (rerank.local)")
    return OnnxReranker(model, tokenizer)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, x))))
