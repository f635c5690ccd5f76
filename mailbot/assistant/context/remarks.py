"""What the user's own notes say of how to write to a reader: the one kind of instruction that notes carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailbot.assistant.context.existed import existed
from mailbot.assistant.disclosure import marks
from mailbot.assistant.disclosure.pieces import pieces
from mailbot.assistant.disclosure.rules import Asked, Rules
from mailbot.assistant.scope import Scope
from mailbot.language.phrases import Phrases, lowered
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow

MOST = 6
LONGEST = 240
"""Characters of a remark."""
_MANNER = Phrases(r"{{vault.manner}}")
_HEADING = Phrases(r"\W*(?:{{vault.manner}})\W*$")


@dataclass(frozen=True, slots=True)
class Told:
    """The user's remarks on how to write to the readers, and what the properties of the only reader's note lay down."""

    remarks: tuple[str, ...] = ()
    manner: Mapping[str, str] = field(default_factory=dict)


def manner_told(index: Index, rules: Rules, scope: Scope) -> Told:
    """How to write to these readers, from their own person notes, as far as the rules would show it; of several readers the
    properties of the first to whom the answer goes count."""
    found: dict[str, None] = {}
    to, parties = rules.readers, rules.parties
    first = scope.readers[0].key if scope.readers else ""
    manner: dict[str, str] = {}
    for number in sorted(to.people):
        note_id = parties.note_of(number)
        if note_id is None:
            continue
        note = index.note(note_id)
        if note.auto_created or not existed(note, scope) or not rules.of_note(Asked(note)).use:
            continue
        for line in _remarks_in(note, rules):
            found.setdefault(line)
        if number in parties.at(first) or len(to.people) == 1:
            manner |= dict(line.split(": ", 1) for line in note.manner.splitlines())
    return Told(tuple(found)[:MOST], manner)


def _remarks_in(note: NoteRow, rules: Rules) -> Iterator[str]:
    about = rules.about(note)
    for piece in pieces(marks.without_comments(note.body)):
        if piece.kind not in ("item", "paragraph"):
            continue
        below = any(_HEADING.match(lowered(h)) for h in piece.heading)
        said = [
            re.sub(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+", "", line).strip() for line in piece.text.split("\n")
        ]
        remarks = [s for s in said if s and (below or _MANNER.search(lowered(s))) and len(s) <= LONGEST]
        if remarks and rules.of_piece(about, piece).use:
            yield from remarks
