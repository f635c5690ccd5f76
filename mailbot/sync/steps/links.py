"""The links of email notes: to the person notes of those whom they name, and to the mails before and after them in the thread."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mailbot.sync.decide.neighbours import Place, neighbours
from mailbot.sync.memory.mails import Mails
from mailbot.sync.session.note_files import NoteFiles
from mailbot.vault.email_note import EmailNote
from mailbot.vault.entry import instant
from mailbot.vault.index import Index
from mailbot.vault.note import Note, Properties
from mailbot.vault.people import person
from mailbot.vault.read_back import date_in, party
from mailbot.vault.wikilink import linked, unlinked, wikilink

PARTIES = ("from", "to", "cc")


@dataclass(slots=True)
class Links:
    """Puts links into the properties of new email notes, and into those of their neighbours. Without an index there are none."""

    index: Index | None
    notes: NoteFiles
    mails: Mails
    _people: dict[tuple[str, str], str] = field(default_factory=dict, init=False)
    """(address, name) -> the path of the person note, empty for none."""

    def placed(self, new: Sequence[EmailNote]) -> list[EmailNote]:
        """The same notes with their links: those of a batch are each other's neighbours too."""
        if self.index is None:
            return list(new)
        try:
            beside = self._beside(new)
            return [self._linked(note, beside.get(note.path, ("", ""))) for note in new]
        except sqlite3.Error:  # a cache; the mail is kept without links
            return list(new)

    def tell(self, written: Sequence[tuple[str, EmailNote, bool]]) -> None:
        """Correct the links of the mails beside those that were written: (path, the note as it was to be, whether it stands there so) of
        each. It comes before the journal: whoever is killed in between finds the note and tells again."""
        if self.index is None or not written:
            return
        try:
            given = [replace(note, path=path) for path, note, _ in written]
            as_written = {path: note.note.properties if so else None for path, note, so in written}
            beside = self._beside(given)
            touched = {each for path in as_written for each in (path, *beside.get(path, ())) if each}
            for path in sorted(touched & beside.keys()):  # of a long thread no other note is read
                self._corrected(path, _named(beside[path]), as_written.get(path))
        except sqlite3.Error:
            return

    def of_names(self, names: Sequence[str]) -> list[str]:
        """Names, each a link where there is one person note of that name."""
        return [self._to_person(name, "", name) for name in names]

    def _beside(self, new: Sequence[EmailNote]) -> dict[str, tuple[str, str]]:
        """Path -> (before, after) of every mail in the threads of these notes."""
        assert self.index is not None
        threads: dict[str, list[Place]] = {}
        for note in new:
            thread = str(note.note.properties.get("thread") or "")
            if thread:
                if thread not in threads:
                    threads[thread] = self.index.thread_places(thread)
                threads[thread].append((instant(date_in(note.note.properties)), note.path))
        found: dict[str, tuple[str, str]] = {}
        for places in threads.values():
            if len(places) > 1:
                found.update(neighbours(places))
        return found

    def _linked(self, note: EmailNote, places: tuple[str, str]) -> EmailNote:
        before = note.note.properties
        changes = self._people_in(before) | _named(places)
        if all(before.get(key) == value for key, value in changes.items()):
            return note
        return replace(note, note=Note({**before, **changes}, note.note.body), front="")

    def _people_in(self, properties: Properties) -> dict[str, Any]:
        """The properties that name people, with their links."""
        found: dict[str, Any] = {}
        for key in PARTIES:
            value = properties.get(key)
            if isinstance(value, list):
                found[key] = [self._party(line) for line in value]
            elif value:
                found[key] = self._party(str(value))
        if isinstance(people := properties.get("people"), list):
            found["people"] = self.of_names([str(name) for name in people])
        return found

    def _party(self, line: str) -> str:
        name, address = party(line)
        return self._to_person(line, address, name) if "@" in address else line

    def _to_person(self, text: str, address: str, name: str) -> str:
        if self.index is None or not text:
            return text
        # An address is proof; a name alone, as anybody may write it in From, is none.
        key = (address.casefold(), "" if address else unlinked(name))
        if key not in self._people:
            called = self.index.with_name(key[1].strip()) if " " in key[1].strip() else []
            found = person(self.index, address) if address else called[0] if len(called) == 1 else None
            self._people[key] = found.path if found else ""
        path = self._people[key]
        return linked(unlinked(text), path) if path else text

    def _corrected(self, path: str, wanted: Mapping[str, str], known: Properties | None) -> None:
        properties = known if known is not None else self.notes.properties(path)
        if properties is None:
            return
        changes = {
            key: link
            for key, link in wanted.items()
            if properties.get(key) != link and _is_ours(properties.get(key))
        }
        if not changes:
            return
        row = self.mails.by_note(path)
        note_hash = self.notes.change(path, row.note_hash if row else "", changes)
        if row:
            self.mails.update(row.id, stage=row.stage, disposition=row.disposition, note_hash=note_hash)


def _is_ours(value: object) -> bool:
    """Whether a property is empty or a link: anything else that stands there is the user's."""
    return value in (None, "") or bool(re.fullmatch(r"\[\[[^\[\]]+\]\]", str(value)))


def _named(places: tuple[str, str]) -> dict[str, str]:
    """(before, after) as properties; none that is empty."""
    return {key: wikilink(path) for key, path in zip(("previous", "next"), places, strict=True) if path}
