"""How much of what is asked a note has, by the weight of its words (idf): a measure that stays the same from search to search."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from mailbot.assistant.context.find import Find
from mailbot.assistant.context.queries import Query
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.search import Hit
from mailbot.vault.words import query_terms

PASSAGE_FAR_BELOW = 0.45
"""The share of the best passage's words below which another of the note is left out."""
STEM = 5
"""Letters by which two forms of a word are taken for one."""
RANK, WORDS = 0.4, 0.6
"""How much the score of a search counts, and how much the share of its words that a note has; each beside the best."""
ENOUGH = 0.12
"""The share of a query's words from which a note is taken to speak of it; with less it is worth less."""


class Relevance:
    """The words of a mail's queries and what each tells in this vault."""

    def __init__(self, index: Index, texts: Iterable[str]) -> None:
        self._index = index
        self._count = max(1, index.count())
        self._idf: dict[str, float] = {}
        self._whole = _stems(" ".join(texts))

    def of(self, note: NoteRow) -> float:
        """The share of what the whole mail asks that a note has, 0 to 1."""
        return self.share(self._whole, _whole(note))

    def in_text(self, text: str) -> float:
        """The same of a text."""
        return self.share(self._whole, text)

    def share(self, wanted: set[str], text: str) -> float:
        """The share of the wanted words' weight that a text has."""
        there = _stems(text)
        total = sum(self._weight(w) for w in wanted)
        return sum(self._weight(w) for w in wanted & there) / total if total else 0.0

    def best_passages(self, note: NoteRow, query: str = "") -> list[int]:
        """The passages of a note that have most of what a query, or the whole mail, asks, best first; those far below the best are
        left out."""
        wanted = _stems(query) if query else self._whole
        every = self._index.passages_of(note.id)
        scored = sorted(((self.share(wanted, f"{heading} {text}"), id_) for id_, heading, text in every), key=lambda s: (-s[0], s[1]))  # fmt: skip
        best = scored[0][0] if scored else 0.0
        return [id_ for share, id_ in scored if share >= PASSAGE_FAR_BELOW * best]

    def scores(self, query: Query, found: Sequence[tuple[Find, Hit]]) -> list[float]:
        """What each note that a search found is worth, 0 to 1: by its score and its words."""
        wanted = _stems(query.text)
        shares = [self.share(wanted, _whole(find.note)) for find, _ in found]
        best, most = max((h.score for _, h in found), default=0.0), max(shares, default=0.0) or 1.0
        # In a small vault every note may have the words: then the search tells none from another.
        ranks = [hit.score / best if best else 1.0 for _, hit in found]
        return [
            (RANK * rank + WORDS * share / most) * min(1.0, share / ENOUGH)
            for rank, share in zip(ranks, shares, strict=True)
        ]

    def _weight(self, stem: str) -> float:
        if stem not in self._idf:
            count = self._index.frequency(f'"{stem}"*', self._count) if re.fullmatch(r"\w+", stem) else 0
            self._idf[stem] = math.log(1 + self._count / (1 + count))
        return self._idf[stem]


def _whole(note: NoteRow) -> str:
    return f"{note.title} {note.path} {note.aliases} {note.body}"


def _stems(text: str) -> set[str]:
    return {term[:STEM] for term in query_terms(text)}
