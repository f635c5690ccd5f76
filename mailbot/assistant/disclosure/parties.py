"""The people and organisations that the vault and the mail know, and who of them belongs to whom."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from mailbot.assistant.disclosure.forms import Kind, firm_key, forms
from mailbot.assistant.disclosure.naming import Name, Names, folded, is_common
from mailbot.language.phrases import Phrases
from mailbot.mail.freemail import is_for_all
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.walk import lies_in, places
from mailbot.vault.whom import organisation_place, plain
from mailbot.vault.wording import target

_NO_NAME = Phrases(r"(?:{{words.stop}}|{{vault.personal_heading}}|{{vault.contact_heading}})$", re.IGNORECASE)


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


@dataclass(slots=True)
class _Making:
    kind: Kind
    title: str
    names: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    company: str = ""
    note: NoteRow | None = None


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
        self._made: list[_Making] = []
        self._by_note: dict[int, int] = {}
        self._by_email: dict[str, set[int]] = defaultdict(set)
        self._by_domain: dict[str, int] = {}
        self._by_firm: dict[str, int] = {}
        self._by_place: dict[str, int] = {}
        self._merged: dict[str, str] = {}
        self._from_notes(index)
        self._from_user(own_names)
        self._from_companies()
        self._from_domains(written_to)
        self._from_properties(index)
        self._all = [self._party(number) for number in range(len(self._made))]
        self._mark_insiders()
        self.names = Names(self._names(), lambda word: is_common(word, index.bodies_with(word, LOOKED_AT)))

    def __getitem__(self, id_: int) -> Party:
        return self._all[id_]

    def __len__(self) -> int:
        return len(self._all)

    # Who is found, and by what.

    def of_note(self, note_id: int) -> Party | None:
        """Whose own note a note is."""
        found = self._by_note.get(note_id)
        return None if found is None else self._all[found]

    def note_of(self, id_: int) -> int | None:
        """The id of a party's own note."""
        note = self._made[id_].note
        return note.id if note else None

    def names_of(self, id_: int) -> list[str]:
        """What a party is called."""
        return sorted(self._made[id_].names)

    def at(self, email: str) -> frozenset[int]:
        """The parties of an address: the people who have it, and the organisations that it belongs to."""
        email = email.casefold()
        people = self._by_email.get(email, set())
        firms = {firm for person in people for firm in self._all[person].of}
        domain = self.firm_of(email.rpartition("@")[2])
        return frozenset({*people, *firms, *(() if domain is None else (domain,))})

    def has_note(self, email: str) -> bool:
        """Whether the user has made a person note with this address; those that mailbot made do not count."""
        made = (self._made[p].note for p in self._by_email.get(email.casefold(), ()))
        return any(note is not None and not note.auto_created for note in made)

    def firm_of(self, domain: str) -> int | None:
        """The organisation of a domain or of one above it."""
        parts = domain.casefold().split(".")
        above = (".".join(parts[n:]) for n in range(len(parts) - 1))
        return next((self._by_domain[d] for d in above if d in self._by_domain), None)

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
            found.add(self._by_firm.get(firm_key(name), -1))
        if not found and lies_in(path, places([self._people_folder])):
            below = path[len(self._people_folder) + 1 :].split("/")[0].removesuffix(".md")
            if below.casefold() not in ("readme", "index"):
                candidates = self.names.resolve(below)
                found.add(next(iter(candidates)) if len(candidates) == 1 else -1)
        return frozenset(found)

    def linked(self, link: str) -> int | None:
        """Whose note a wikilink leads to, followed where it was merged into another."""
        aim = target(link)
        for _ in range(10):
            if aim not in self._merged:
                break
            aim = self._merged[aim]
        return self._by_place.get(aim)

    # How they are made.

    def _from_notes(self, index: Index) -> None:
        stems: Counter[str] = Counter()
        by_stem: dict[str, int] = {}
        for note, addresses in index.called():
            number = len(self._made)
            making = _Making("person" if note.person else "organisation", note.title, note=note)
            making.names = {note.title, *(a for a in note.aliases.split("|") if a)}
            making.emails = {a for a in addresses if not a.startswith("@")}
            making.company = note.company
            self._made.append(making)
            self._by_note[note.id] = number
            key = target(note.path)
            folder, _, stem = key.rpartition("/")
            self._by_place[key] = number
            if stem in ("readme", "index", folder.rpartition("/")[2]):
                self._by_place.setdefault(folder, number)
                stem = folder.rpartition("/")[2]
            stems[stem] += 1
            by_stem[stem] = number
            for email in making.emails:
                self._by_email[email].add(number)
            if not note.person:
                for name in making.names:
                    self._by_firm.setdefault(firm_key(name), number)
                for domain in (a for a in addresses if a.startswith("@")):
                    self._claim(domain[1:], number)
                for email in making.emails:
                    self._claim(email.rpartition("@")[2], number)
        for stem, count in stems.items():
            if count == 1:
                self._by_place.setdefault(stem, by_stem[stem])
        self._merged = dict(index.merges())

    def _from_user(self, own_names: Iterable[str]) -> None:
        """The user: whose note has one of their addresses, or no address and their name; or nobody's yet."""
        names = {n for n in own_names if n}
        keys = {folded(n) for n in names}
        for made in self._made:
            if made.kind == "person" and (
                not self._own.isdisjoint(made.emails) or (not made.emails and folded(made.title) in keys)
            ):
                made.names |= names
                made.emails |= self._own
                return
        if names:
            self._made.append(_Making("person", min(names), names, set(self._own)))

    def _claim(self, domain: str, number: int) -> None:
        if domain and not is_for_all(domain):
            self._by_domain.setdefault(domain, number)

    def _from_companies(self) -> None:
        """A company that a person note names, and the domain of those who are of it, where all of them say so."""
        at: dict[str, Counter[int]] = defaultdict(Counter)
        for person in [m for m in self._made if m.kind == "person" and m.company]:
            firm = self._firm(person.company)
            if firm is None:
                continue
            for email in person.emails:
                at[email.rpartition("@")[2]][firm] += 1
        for domain, firms in at.items():
            firm, people = firms.most_common(1)[0]
            alike = any(_is_alike(domain, name) for name in self._made[firm].names)
            taken = self._by_firm.get(folded(_label(domain)), firm)
            if len(firms) == 1 and taken == firm and (alike or people > 1):
                self._claim(domain, firm)

    def _firm(self, name: str) -> int | None:
        """The organisation of a name, made where there is none."""
        key = firm_key(name)
        if not key or _NO_NAME.match(key):
            return None
        if (linked := self._by_place.get(target(name))) is not None and self._made[
            linked
        ].kind == "organisation":
            return linked
        if key not in self._by_firm:
            self._by_firm[key] = len(self._made)
            self._made.append(_Making("organisation", name, {name}))
        return self._by_firm[key]

    def _from_domains(self, written_to: Iterable[str]) -> None:
        """The domains of people, and those that the user has written to: each is somebody's, and the first label its name."""
        people = (e.rpartition("@")[2] for m in self._made if m.kind == "person" for e in m.emails)
        own = (o.rpartition("@")[2] for o in self._own)
        for domain in sorted({*people, *own, *self._internal, *(d.casefold() for d in written_to)}):
            if not domain or is_for_all(domain) or self.firm_of(domain) is not None:
                continue
            label = _label(domain)
            number = self._by_firm.get(firm_key(label))
            if number is None:
                number = len(self._made)
                names = {label, label.replace("-", " ")} if len(label) > 2 else set()
                self._made.append(_Making("organisation", label, names))
                self._by_firm[firm_key(label)] = number
            self._by_domain[domain] = number

    def _from_properties(self, index: Index) -> None:
        """Whom notes name by a property, and nothing else in the vault knows."""
        known = Names(self._names(), lambda _: False)
        for name in index.named():
            key = firm_key(name)
            if target(name) in self._by_place:
                continue
            if key and key not in self._by_firm and not known.resolve(name) and not _NO_NAME.match(key):
                self._by_firm[key] = len(self._made)
                self._made.append(_Making("organisation", plain(name), {plain(name)}))

    def _party(self, number: int) -> Party:
        made = self._made[number]
        firms: set[int] = set()
        if made.kind == "person":
            if made.company and (firm := self._by_firm.get(firm_key(made.company))) is not None:
                firms.add(firm)
            elif made.company and (linked := self._by_place.get(target(made.company))) is not None:
                firms.add(linked)
            for email in made.emails:
                if (firm := self.firm_of(email.rpartition("@")[2])) is not None:
                    firms.add(firm)
        return Party(
            number,
            made.kind,
            made.title,
            frozenset(firms),
            insider=any(self.is_internal(e) for e in made.emails),
            user=not self._own.isdisjoint(made.emails),
        )

    def _mark_insiders(self) -> None:
        """The user's own organisation, and all who are of it."""
        own = {n for d in self._internal if (n := self.firm_of(d)) is not None}
        own |= {n for o in self._own if (n := self.firm_of(o.rpartition("@")[2])) is not None}
        for party in self._all:
            made = self._made[party.id]
            if party.id in own or (not made.emails and not party.of.isdisjoint(own)):
                party = replace(party, insider=True)
            self._all[party.id] = party

    def _names(self) -> Iterable[Name]:
        for number, made in enumerate(self._made):
            for name in made.names:
                yield from forms(number, made.kind, name)


def _label(domain: str) -> str:
    """The part of a domain that is somebody's name: `acme` of `mail.acme.co.uk`."""
    parts = domain.split(".")
    if len(parts) > 2 and len(parts[-2]) < 4:
        return parts[-3]
    return parts[-2] if len(parts) > 1 else domain


def _is_alike(domain: str, name: str) -> bool:
    """Whether a domain looks like that of an organisation of a name: it shares a word, the whole, or the first letters."""
    label, words = folded(_label(domain).replace("-", " ")), folded(name).split()
    squashed = label.replace(" ", "")
    initials = "".join(word[0] for word in words)
    return bool(words) and (
        squashed in "".join(words) or not {*label.split()}.isdisjoint(words) or squashed == initials
    )
