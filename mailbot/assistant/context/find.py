"""A note that may serve an answer, with what of it was found and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mailbot.vault.note_row import NoteRow

ONCE = 0.6
"""The share of its worth that a note keeps which only one of several searches has found."""


@dataclass(slots=True)
class Find:
    """A note: `worth` from 0 to 1, `why` it is here, the `asks` that it was found for, and its `passages`, best first; none for
    the whole note."""

    note: NoteRow
    worth: float
    why: str
    asks: list[str] = field(default_factory=list)
    passages: list[int] = field(default_factory=list)
    in_thread: bool = False
    times: int = 1
    """In how many ways it was found."""
    searched: bool = False
    """Whether words alone have found it, and not its place: the thread, the people, their organisation, a link."""


class Finds:
    """The notes that were found, each once."""

    def __init__(self) -> None:
        self._all: dict[int, Find] = {}

    def __iter__(self) -> Iterator[Find]:
        return iter(self._all.values())

    def __contains__(self, note_id: int) -> bool:
        return note_id in self._all

    def get(self, note_id: int) -> Find | None:
        return self._all.get(note_id)

    def add(self, found: Find) -> None:
        """Add a note, or what is new of one that is here: the first reason stands, the best worth counts."""
        known = self._all.get(found.note.id)
        if known is None:
            self._all[found.note.id] = found
            return
        known.times += 1
        known.worth = max(known.worth, found.worth)
        known.asks += [ask for ask in found.asks if ask not in known.asks]
        known.passages = in_turn(known.passages, found.passages)

    def ranked(self) -> list[Find]:
        """The finds, those of most worth first; of two that are equal the one found earlier."""
        return sorted(self._all.values(), key=lambda f: -f.worth)

    def weighed(self, lookups: float) -> list[Find]:
        """The same at the end, when what was found in several ways counts more than what one search alone has brought up. `lookups`
        is how many searches there were for an ask, the ask itself aside: where there were none, one is enough."""
        for find in self._all.values() if lookups else ():
            find.worth *= ONCE + (1 - ONCE) * min(1.0, (find.times - 1) / lookups)
        return self.ranked()


def in_turn(first: list[int], second: list[int]) -> list[int]:
    """The passages of two rankings by turns, each once."""
    turns = [p for pair in zip(first, second, strict=False) for p in pair]
    return list(dict.fromkeys((*turns, *first, *second)))
