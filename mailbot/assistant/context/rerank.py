"""Query and passages -> how well each answers it, by a model that reads both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """A model that says how well a passage answers a query."""

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """One score from 0 to 1 for each passage, in their order."""
        ...
