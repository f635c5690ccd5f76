"""The people and organisations that the vault and the mail know, and who of them belongs to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from mailbot.assistant.disclosure.directory import Directory
from mailbot.assistant.disclosure.forms import Kind, firm_key
from mailbot.assistant.disclosure.naming import Names, is_common
from mailbot.vault.index import Index
from mailbot.vault.walk import lies_in, places
from mailbot.vault.whom import organisation_place

LOOKED_AT = 50
"""Notes that are looked at for whether a name is a common word too."""


@dataclass(frozen=True, slots=True)
class Party:
    """A person or an organisation. `of` are the organisations that a person is of, by id; an insider is of the user's own."""

    id: int
    kind: Kind
    title: str
    of: frozenset[int] = frozenset()
    insider: bool = False
    user: bool = False


class Parties:
    """Everybody who is known, and how they are found: by a name in a text, an address, a note, a place in the vault."""

    def __init__(
        self,
        index: Index,
        own: Iterable[str],
        internal_domains: Iterable[str],
        *,
        own_names: Iterable[str] = (),
        written_to: Iterable[str] = (),
        people_folder: str = "People",
    ) -> None:
        """`own` are the user's addresses (case-folded), `written_to` the domains that the user has written to. A domain where
        anybody may have an address makes nobody a colleague of anybody."""
        self._own = frozenset(own)
        self._internal = frozenset(d.casefold().lstrip("@") for d in internal_domains)
        self._people_folder = people_folder
        self._directory = Directory(index, self._own, self._internal, own_names, written_to)
        self._all = [self._party(number) for number in range(len(self._directory.known))]
        self._mark_insiders()
        self.names = Names(
            self._directory.names(), lambda word: is_common(word, index.bodies_with(word, LOOKED_AT))
        )

    def __getitem__(self, id_: int) -> Party:
        return self._all[id_]

    def __len__(self) -> int:
        return len(self._all)

    # Who is found, and by what.

    def of_note(self, note_id: int) -> Party | None:
        """Whose own note a note is."""
        found = self._directory.by_note.get(note_id)
        return None if found is None else self._all[found]

    def note_of(self, id_: int) -> int | None:
        """The id of a party's own note."""
        note = self._directory.known[id_].note
        return note.id if note else None

    def names_of(self, id_: int) -> list[str]:
        """What a party is called."""
        return sorted(self._directory.known[id_].names)

    def at(self, email: str) -> frozenset[int]:
        """The parties of an address: the people who have it, and the organisations that it belongs to."""
        email = email.casefold()
        people = self._directory.by_email.get(email, set())
        firms = {firm for person in people for firm in self._all[person].of}
        domain = self.firm_of(email.rpartition("@")[2])
        return frozenset({*people, *firms, *(() if domain is None else (domain,))})

    def has_note(self, email: str) -> bool:
        """Whether the user has made a person note with this address; those that mailbot made do not count."""
        made = (self._directory.known[p].note for p in self._directory.by_email.get(email.casefold(), ()))
        return any(note is not None and not note.auto_created for note in made)

    def firm_of(self, domain: str) -> int | None:
        """The organisation of a domain or of one above it."""
        return self._directory.firm_of(domain)

    def is_internal(self, email: str) -> bool:
        """Whether an address is the user's, or at a domain of the user's own."""
        email = email.casefold()
        parts = email.rpartition("@")[2].split(".")
        return email in self._own or any(".".join(parts[n:]) in self._internal for n in range(len(parts) - 1))

    def owners(self, path: str) -> frozenset[int]:
        """In whose folders a note lies: those of people, and those of organisations. A place that nobody is known by is a party of
        its own, -1: a note that was written in no known way is not for everybody."""
        found: set[int] = set()
        folder = PurePosixPath(path).parent
        while folder.name:
            for place in (f"{folder}/readme", f"{folder}/{folder.name}", str(folder)):
                if (owner := self.linked(place)) is not None:
                    found.add(owner)
            folder = folder.parent
        name = organisation_place(PurePosixPath(path))
        if (
            name and not found and PurePosixPath(path).stem != name
        ):  # one that lies beside them is about its own matter
            found.add(self._directory.by_firm.get(firm_key(name), -1))
        if not found and lies_in(path, places([self._people_folder])):
            below = path[len(self._people_folder) + 1 :].split("/")[0].removesuffix(".md")
            if below.casefold() not in ("readme", "index"):
                candidates = self.names.resolve(below)
                found.add(next(iter(candidates)) if len(candidates) == 1 else -1)
        return frozenset(found)

    def linked(self, link: str) -> int | None:
        """Whose note a wikilink leads to, followed where it was merged into another."""
        return self._directory.linked(link)

    def _party(self, number: int) -> Party:
        made = self._directory.known[number]
        return Party(
            number,
            made.kind,
            made.title,
            self._directory.firms_of(number),
            insider=any(self.is_internal(e) for e in made.emails),
            user=not self._own.isdisjoint(made.emails),
        )

    def _mark_insiders(self) -> None:
        """The user's own organisation, and all who are of it."""
        own = {n for d in self._internal if (n := self.firm_of(d)) is not None}
        own |= {n for o in self._own if (n := self.firm_of(o.rpartition("@")[2])) is not None}
        for party in self._all:
            made = self._directory.known[party.id]
            if party.id in own or (not made.emails and not party.of.isdisjoint(own)):
                party = replace(party, insider=True)
            self._all[party.id] = party
