"""A note as the index knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Marks:
    """What of a note keeps it back, whoever asks."""

    path: str
    private: bool
    audience: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note as the index knows it; the fields are those of `Entry`."""

    id: int
    path: str
    title: str
    type: str
    date: str
    body: str = field(repr=False)
    private: bool = False
    audience: str = ""
    tags: frozenset[str] = frozenset()
    person: bool = False
    auto_created: bool = False
    draft: str = ""
    mtime_ns: int = 0
    merged_into: str = ""
    organisation: bool = False
    journal: bool = False
    aliases: str = ""
    company: str = ""
    concerns: str = ""
    named: str = ""
    replaced_by: str = ""
    manner: str = ""

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """The note of a row of the index, whose columns are these fields: SQLite knows neither truth nor sets."""
        found = cls(*row)
        return replace(
            found,
            private=bool(found.private),
            person=bool(found.person),
            organisation=bool(found.organisation),
            journal=bool(found.journal),
            auto_created=bool(found.auto_created),
            tags=frozenset(str(found.tags).split()),
        )
