"""The report of a backtest: a table, and each draft beside the answer that was really given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailbot.vault import note as notes
from mailbot.vault.markdown import inline
from mailbot.vault.note import Note, property_text


@dataclass(frozen=True, slots=True)
class Row:
    """One mail: what was drafted, what the user wrote, and how they compare, in words."""

    subject: str
    day: str
    draft: str
    answer: str
    lane: str
    verdicts: Sequence[tuple[str, str]]
    sources: Sequence[str] = ()


def render(made: datetime, model: str, rows: Sequence[Row], summary: Sequence[tuple[str, str]]) -> str:
    """The note's text. Drafts and answers are shown inert."""
    properties = {
        "type": "backtest",
        "created": made.isoformat(timespec="seconds"),
        "model": property_text(model),
        "mails": len(rows),
    }
    parts = [f"# Backtest of {made:%Y-%m-%d %H:%M}", _table(("What", "Figure"), summary)]
    for row in rows:
        parts.append(f"## {inline(row.subject) or '(no subject)'}, {row.day}")
        parts.append(_table(("You wrote", "The draft"), [(row.answer, row.draft)]))
        told = [
            f"- {inline(what)}: {inline(said)}" for what, said in (("lane", row.lane), *row.verdicts) if said
        ]
        parts.append("\n".join([*told, *(f"- source: {s}" for s in row.sources)]))
    return notes.write(Note(properties, "\n\n".join(parts) + "\n"))


def _table(columns: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {columns[0]} | {columns[1]} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {_cell(a)} | {_cell(b)} |" for a, b in rows)])


def _cell(text: str) -> str:
    """A text in one cell of a table: its lines joined by the only markup that we write ourselves."""
    return "<br>".join(
        inline(line).replace("|", "\\|").replace("\\\\|", "\\|") for line in text.strip().split("\n")
    )
