"""A note that was found -> what of it is shown: whole where it is short, else its best passages, less what a rule keeps back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.assistant.context.find import Find
from mailbot.assistant.disclosure import marks
from mailbot.assistant.disclosure.pieces import Piece, pieces
from mailbot.assistant.disclosure.rules import SAY, Asked, Rules, Ruling, Use
from mailbot.assistant.tokens import tokens
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.read_back import newest_text
from mailbot.vault.stand_ins import unescape

SHORT = 400
"""Tokens of a note that is given whole."""
PASSAGES = 3
"""Of a longer one, and one more for each further ask that it was found for."""
MOST_PASSAGES = 5
_FOR_THE_EYE = re.compile(r"(?:Open Tasks|Recent Context)$")
"""Sections of a person note that are for the user's eyes: a query, and a list of links."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a note, by its use, and the rulings that kept pieces of it back."""

    texts: dict[Use, str]
    kept_back: tuple[Ruling, ...] = ()


class Selection:
    """Shows notes to the readers of one answer. Each piece of a note is ruled on once."""

    def __init__(self, index: Index, rules: Rules) -> None:
        self._index = index
        self._rules = rules
        self._notes: dict[int, _Ruled] = {}

    def shown(self, find: Find) -> Shown:
        """What of a found note its readers may see."""
        note = find.note
        if note.type == "email":
            on = frozenset(self._index.parties_of(note.id))
            ruling = self._rules.of_note(Asked(note, on, find.in_thread))
            if not ruling.use:
                return Shown({}, (ruling,))
            return self._notes.setdefault(note.id, _Ruled(find, self._rules)).shown([])
        ruled = self._notes.get(note.id)
        if ruled is None:
            ruled = self._notes[note.id] = _Ruled(find, self._rules)
        if not ruled.whole.use:
            return Shown({}, (ruled.whole,))
        return ruled.shown(self._spans(find))

    def _spans(self, find: Find) -> list[tuple[int, int]]:
        """The places of a longer note's best passages; none for the whole."""
        if not find.passages or is_short(find.note):
            return []
        spans = self._index.spans(find.note.id)
        most = min(MOST_PASSAGES, PASSAGES + max(0, len(find.asks) - 1))
        return [spans[p] for p in find.passages[:most] if p in spans]


def is_short(note: NoteRow) -> bool:
    """Whether a note is given whole."""
    return tokens(note.body) <= SHORT


class _Ruled:
    """A note with what the rules say of it and of each of its pieces."""

    def __init__(self, find: Find, rules: Rules) -> None:
        # Of a mail was asked already, with those who were on it.
        self.whole = SAY if find.note.type == "email" else rules.of_note(Asked(find.note))
        self._note = find.note
        self._rules = rules
        self._rulings: dict[int, Ruling] = {}
        if not self.whole.use:
            return
        body = find.note.body if find.note.type != "email" else newest_text(find.note.body, headings=True)
        self._body = body = marks.without_comments(body)
        self._about = rules.about(find.note)
        self._pieces = [
            p
            for p in pieces(body)
            if p.kind not in ("heading", "head")
            and not (find.note.person and any(_FOR_THE_EYE.search(h) for h in p.heading))
        ]

    def shown(self, spans: Sequence[tuple[int, int]]) -> Shown:
        kept: dict[Use, list[Piece]] = {"say": [], "know": []}
        kept_back: list[Ruling] = []
        for piece in self._pieces:
            if spans and not any(piece.start < end and start < piece.end for start, end in spans):
                continue
            ruling = self._ruling(piece)
            if ruling.use:
                kept[ruling.use].append(piece)
            else:
                kept_back.append(ruling)
        texts = {use: _text(self._body, some) for use, some in kept.items() if some}
        if self._note.type == "email":
            texts = {use: unescape(text) for use, text in texts.items()}
        shown = {use: text for use, text in texts.items() if text.strip()}
        return Shown(shown, tuple(dict.fromkeys(kept_back)))

    def _ruling(self, piece: Piece) -> Ruling:
        if piece.start not in self._rulings:
            self._rulings[piece.start] = self._rules.of_piece(self._about, piece)
        return self._rulings[piece.start]


def _text(body: str, some: Sequence[Piece]) -> str:
    """Pieces as Markdown, with the headings that they stand under and the heads of their tables."""
    lines: list[str] = []
    heading: tuple[str, ...] = ()
    head: tuple[int, int] | None = None
    last: Piece | None = None
    for piece in some:
        if piece.heading != heading:
            same = [a == b for a, b in zip(piece.heading, heading, strict=False)]
            shared = same.index(False) if False in same else len(same)
            lines += ["", *(f"{'#' * (n + 1)} {h}" for n, h in enumerate(piece.heading) if n >= shared and h)]
            heading = piece.heading
            lines.append("")
        elif last and not (piece.kind == last.kind and piece.kind in ("item", "row")):
            lines.append("")
        if piece.kind == "row" and piece.head and piece.head != head:
            lines.append(body[piece.head[0] : piece.head[1]].rstrip("\n"))
        head = piece.head
        lines.append(body[piece.start : piece.end].strip("\n").rstrip())
        last = piece
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
