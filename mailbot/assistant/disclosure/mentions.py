"""A text -> whom it names: by name, by a link to their note, by an address, and, as -1, somebody whom nobody knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mailbot.assistant.disclosure.parties import Parties
from mailbot.assistant.disclosure.pieces import Piece
from mailbot.assistant.support import matters
from mailbot.language.phrases import Phrases, lowered

_ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.)+[\w-]{2,63})")
_LINK = re.compile(r"!?\[\[([^\[\]|#^\n]{1,300})(?:[^\[\]\n]*)\]\]")
_FIRM_NAME = re.compile(r"(?:[A-ZÀ-ÞА-Я0-9][\w&'’.-]*[ ,]{1,2}(?:& |und |and |et |y )?){1,4}$")
_FIRM_COLUMN = Phrases(r"(?:{{vault.organisation_property}}|kundin|debitor|accounts?)")
_SUBJECT = re.compile(r"[\s>*+\-\d.)]*((?:[A-ZÀ-Þ][a-zß-ÿ'’-]+ ){2,4})[a-zß-ÿ]+")
_SERVICE = Phrases(r"{{vault.service}}", re.IGNORECASE)
_FORMS = Phrases(r"(?<![\w.])(?:{{vault.legal_form}})(?![\w-])", re.IGNORECASE)
_SURE = frozenset(
    "gmbh ltd limited inc llc plc bv nv sarl sas spa srl ag kg ev corp oy aps as kft 株式会社 有限公司 주식회사".split()
)
"""Legal forms that are hardly anything else."""


class Mentions:
    """Finds whom texts name, among those who are known."""

    def __init__(self, parties: Parties, of_note: Callable[[str], str] = lambda _: "") -> None:
        """`of_note` gives what a linked note says of whom it is about."""
        self.parties = parties
        self._of_note = of_note

    def in_text(self, text: str) -> list[frozenset[int]]:
        """Whom a text names: by name, by a link to their note, by an address. -1 is somebody whom nobody knows."""
        parties = self.parties
        found: list[frozenset[int]] = []
        for match in _LINK.finditer(text):
            if (linked := parties.linked(match[1])) is not None:
                found.append(frozenset({linked}))
            elif owners := parties.owners(f"{match[1].strip()}.md") - {-1}:
                found.append(owners)
            elif linked_about := self._of_note(match[1]):
                found += parties.names.named_in(linked_about)
        for match in _ADDRESS.finditer(text):
            at = parties.at(match[0])
            found.append(at or (frozenset() if parties.is_internal(match[0]) else frozenset({-1})))
        found += parties.names.named_in(_without_addresses(text))
        return [f for f in (*found, *self._unknown_firms(text)) if f]

    def _unknown_firms(self, text: str) -> Iterable[frozenset[int]]:
        """Companies that show by their legal form and that the vault does not know."""
        for form in _FORMS.finditer(text):
            if re.sub(r"[./\s]", "", form[0]).casefold() not in _SURE or not (
                form[0][0].isupper() or form[0][0] == "e"
            ):
                continue
            before = _FIRM_NAME.search(text[max(0, form.start() - 120) : form.start()])
            if before and not any(self.parties.names.named_in(f"{before[0]}{form[0]}")):
                yield frozenset({-1})

    def in_columns(self, piece: Piece) -> Iterable[frozenset[int]]:
        """Names in the column of customers that nobody knows otherwise."""
        if piece.kind != "row" or not piece.under:
            return
        head, cells = _cells(piece.under[-1]), _cells(piece.text)
        for title, cell in zip(head, cells, strict=False):
            if (
                len(title.split()) <= 3
                and _FIRM_COLUMN.search(lowered(title))
                and re.search(r"\w", cell)
                and not self.in_text(cell)
            ):
                yield frozenset({-1})

    def unknown_subject(self, piece: Piece, language: str) -> Iterable[frozenset[int]]:
        """A name that nobody knows and that something costs: `Ostrea Bay offers them at 0.08 €`. German writes every noun like
        that."""
        found = _SUBJECT.match(piece.text) if language != "de" else None
        if found and _SERVICE.search(found[1]):
            return
        if found and "money" in matters(piece.text) and not any(self.parties.names.named_in(found[1])):
            yield frozenset({-1})


def _cells(row: str) -> list[str]:
    return [cell.strip(" *_`") for cell in row.strip().lstrip("> ").strip("|").split("|")]


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub(" ", text)
