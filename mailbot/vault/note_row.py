"""A note as the index knows it."""

from __future__ import annotations

from dataclasses import dataclass, field


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
