"""What the user's own notes say of how to write to a reader: the one kind of instruction that notes carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailbot.assistant.context.existed import existed
from mailbot.assistant.disclosure import marks
from mailbot.assistant.disclosure.parties import Parties
from mailbot.assistant.disclosure.pieces import pieces
from mailbot.assistant.disclosure.readers import Readers
from mailbot.assistant.scope import Scope
from mailbot.language.phrases import Phrases, lowered
from mailbot.vault.index import Index

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


def manner_told(index: Index, to: Readers, parties: Parties, scope: Scope) -> Told:
    """How to write to these readers, from their own person notes; of several readers the properties of the first to whom the
    answer goes count."""
    found: dict[str, None] = {}
    first = scope.readers[0].key if scope.readers else ""
    manner: dict[str, str] = {}
    for number in sorted(to.people):
        note_id = parties.note_of(number)
        if note_id is None:
            continue
        note = index.note(note_id)
        if note.auto_created or marks.kept_back(note, scope.rules) or not existed(note, scope):
            continue
        for line in _remarks_in(note.body):
            found.setdefault(line)
        if number in parties.at(first) or len(to.people) == 1:
            manner |= dict(line.split(": ", 1) for line in note.manner.splitlines())
    return Told(tuple(found)[:MOST], manner)


def _remarks_in(body: str) -> Iterator[str]:
    for piece in pieces(body):
        if piece.kind not in ("item", "paragraph"):
            continue
        below = any(_HEADING.match(lowered(h)) for h in piece.heading)
        for line in piece.text.split("\n"):
            bare = re.sub(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+", "", line).strip()
            if bare and (below or _MANNER.search(lowered(bare))) and len(bare) <= LONGEST:
                yield bare
