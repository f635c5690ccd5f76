"""Query -> ranked Hits: BM25 over whole notes and over passages, fused by reciprocal rank."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.vault.index import Index
from mailbot.vault.words import fold, query_terms

FUSION = 60
"""The k of reciprocal-rank fusion (Cormack, Clarke and Büttcher 2009)."""
WEIGHTS = {"notes": 2.0, "passages": 1.0}
DEPTH = 100
"""Ranks of each list that are fused."""
MAX_TERMS = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """A note and its best passage. `note` is relative to the vault; a higher `score` is better, 1.0 is the top of
    every list."""

    note: str
    heading: str
    score: float
    text: str
    note_id: int


def search(index: Index, query: str, limit: int = 10) -> list[Hit]:
    """The best notes for a question, no note twice. A query without a word finds nothing."""
    match = fts_expression(query)
    if not match:
        return []
    by_note = index.notes_ranked(match, max(DEPTH, limit))
    by_passage = index.passages_ranked(match, max(DEPTH, limit) * 3)
    owner = index.notes_of([id_ for id_, _ in by_passage])
    best: dict[int, int] = {}
    for passage_id, _ in by_passage:
        best.setdefault(owner[passage_id], passage_id)
    scores: dict[int, float] = {}
    for name, ranking in (("notes", [n for n, _ in by_note]), ("passages", list(best))):
        for rank, note_id in enumerate(ranking):
            scores[note_id] = scores.get(note_id, 0.0) + WEIGHTS[name] / (FUSION + rank + 1)
    top = sum(WEIGHTS.values()) / (FUSION + 1)
    ranked = sorted(scores, key=lambda n: (-scores[n], n))[:limit]
    hits = []
    for note_id in ranked:
        heading, text = index.passage(best[note_id])[1:] if note_id in best else _first(index, note_id)
        hits.append(Hit(index.note(note_id).path, heading, round(scores[note_id] / top, 4), text, note_id))
    return hits


def _first(index: Index, note_id: int) -> tuple[str, str]:
    for _, heading, text in index.passages_of(note_id):
        return heading, text
    return "", ""


def fts_expression(query: str) -> str:
    """A question -> an FTS5 expression that asks for any of its words; empty where it has none."""
    terms = query_terms(query)[:MAX_TERMS]
    quoted = []
    for term in terms:
        folded = re.sub(r"\s+", " ", fold(term)).strip().replace('"', "")
        if folded:
            quoted.append(f'"{folded}"')
    return " OR ".join(quoted)
