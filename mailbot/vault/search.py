"""Query -> ranked Hits: BM25 over whole notes, BM25 over passages with their neighbours, and the nearness of vectors.

The rankings are fused by a sum of their scores, each divided by its best (Bruch, Gai and Ingber 2023, "An Analysis of Fusion
Functions for Hybrid Retrieval": it keeps by how much one note is better, which ranks alone throw away).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailbot.vault.index import Index
from mailbot.vault.index_file import still
from mailbot.vault.read_back import newest_text
from mailbot.vault.vectors import Vectors
from mailbot.vault.words import fold, proper_names, query_terms

WEIGHTS = {"notes": 1.0, "passages": 1.0, "vectors": 1.0}
NEIGHBOUR = 0.3
"""How much of its neighbours' scores a passage is given."""
LINKED = 0.15
"""What a note gains that the people or the thread of a mail link to, as a share of a perfect score."""
DEPTH = 100
"""Notes of each ranking that are fused."""
BEST = 5
"""Passages of a note that a hit names."""
MAX_TERMS = 64
POSTINGS = 4000
"""Notes that the words of a query may stand in, added up: the commonest words of a long query in a large vault are left out,
since they cost the most and tell the least."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A note and its best passage. `note` is relative to the vault; a higher `score` is better, 1.0 is the top of
    every list. `passages` are the ids of its best passages, best first."""

    note: str
    heading: str
    score: float
    text: str
    note_id: int
    passages: tuple[int, ...] = ()


def search(
    index: Index, query: str, limit: int = 10, vectors: Vectors | None = None, near: Iterable[int] = ()
) -> list[Hit]:
    """The best notes for a question, no note twice; of two that are equally good the newer first. A query without a word
    finds nothing. `near` are notes to be preferred. Raises what the embedder of `vectors` raises."""
    with still(index.database):
        return _search(index, query, limit, vectors, near)


def _search(index: Index, query: str, limit: int, vectors: Vectors | None, near: Iterable[int]) -> list[Hit]:
    match = " OR ".join(_affordable(index, query_phrases(query)))
    if not match:
        return []
    depth = max(DEPTH, limit)
    whole = dict(index.notes_ranked(match, depth))
    parts, best = _passages(index, index.passages_ranked(match, depth * 3))
    rankings = {"notes": whole, "passages": parts}
    if vectors is not None:
        rankings["vectors"], nearest = _nearest(index, vectors, query, depth * 3)
        for note_id, passages in nearest.items():
            best[note_id] = _in_turn(best.get(note_id, []), passages)
    scores: dict[int, float] = {}
    for name, ranking in rankings.items():
        top = max(ranking.values(), default=0.0)
        for note_id, score in ranking.items():
            if top > 0:
                scores[note_id] = scores.get(note_id, 0.0) + WEIGHTS[name] * score / top
    perfect = sum(WEIGHTS[name] for name in rankings)
    for note_id in near:
        if note_id in scores:
            scores[note_id] = min(perfect, scores[note_id] + LINKED * perfect)
    rounded = {note_id: round(score / perfect, 4) for note_id, score in scores.items()}
    ranked = sorted(rounded, key=lambda n: (-rounded[n], n))[: limit * 2]
    instants = index.instants(ranked)
    ranked = sorted(sorted(ranked, key=lambda n: instants[n], reverse=True), key=lambda n: -rounded[n])[
        :limit
    ]
    hits = []
    for note_id in ranked:
        found = tuple(best.get(note_id, ()))
        heading, text = index.passage(found[0])[1:] if found else _first(index, note_id)
        note = index.note(note_id)
        text = (newest_text(text) if note.type == "email" else "") or text
        hits.append(Hit(note.path, heading, rounded[note_id], text, note_id, found[:BEST]))
    return hits


def _in_turn(first: list[int], second: list[int]) -> list[int]:
    """The passages of two rankings, by turns, each once."""
    turns = [p for pair in zip(first, second, strict=False) for p in pair]
    return list(dict.fromkeys((*turns, *first, *second)))


def _passages(index: Index, ranked: list[tuple[int, float]]) -> tuple[dict[int, float], dict[int, list[int]]]:
    """(note -> score of its best passage with a share of its neighbours', note -> its passages, best first)."""
    alone = dict(ranked)
    owner = index.notes_of(list(alone))
    scores: dict[int, float] = {}
    found: dict[int, list[tuple[float, int]]] = {}
    for passage_id, score in alone.items():
        note_id = owner[passage_id]
        # The passages of a note have ids in a row.
        beside = sum(alone[n] for n in (passage_id - 1, passage_id + 1) if n in alone and owner[n] == note_id)
        total = score + NEIGHBOUR * beside
        scores[note_id] = max(total, scores.get(note_id, 0.0))
        found.setdefault(note_id, []).append((total, passage_id))
    best = {
        note_id: [p for _, p in sorted(some, key=lambda s: (-s[0], s[1]))] for note_id, some in found.items()
    }
    return scores, best


def _nearest(
    index: Index, vectors: Vectors, query: str, depth: int
) -> tuple[dict[int, float], dict[int, list[int]]]:
    """(note -> cosine of its nearest passage, note -> its passages, nearest first)."""
    near = vectors.nearest(query, depth)
    where = index.with_hashes([value for value, _ in near])
    every = [passage for value, _ in near for passage in where.get(value, ())]
    owner = index.notes_of(every)
    scores: dict[int, float] = {}
    found: dict[int, list[int]] = {}
    for value, cosine in near:
        for passage_id in where.get(value, ()):
            note_id = owner[passage_id]
            scores[note_id] = max(cosine, scores.get(note_id, 0.0))
            found.setdefault(note_id, []).append(passage_id)
    return scores, found


def _first(index: Index, note_id: int) -> tuple[str, str]:
    for _, heading, text in index.passages_of(note_id):
        return heading, text
    return "", ""


def query_phrases(query: str) -> list[str]:
    """A question -> the FTS5 phrases of its words. Proper names and addresses stand twice: whom a question is about is
    rarely said in other words."""
    names = proper_names(query)
    quoted = []
    for term in query_terms(query)[:MAX_TERMS]:
        folded = re.sub(r"\s+", " ", fold(term)).strip().replace('"', "")
        if folded:
            quoted += [f'"{folded}"'] * (2 if term in names else 1)
    return quoted


def _affordable(index: Index, phrases: list[str]) -> list[str]:
    """The phrases, rarest first, as far as POSTINGS goes; the two rarest in any case."""
    counts = {p: index.frequency(p, POSTINGS) for p in phrases}
    if sum(count <= POSTINGS for count in counts.values()) < 2:  # which two are the rarest must be known
        counts = {p: index.frequency(p) for p in phrases}
    rarest = sorted(counts.items(), key=lambda pair: pair[1])
    kept: set[str] = set()
    spent = 0
    for phrase, count in rarest:
        spent += count
        if spent > POSTINGS and len(kept) >= 2:
            break
        kept.add(phrase)
    return [p for p in phrases if p in kept]
