"""Who reads the answer: insiders, outsiders, strangers, and whose matters they may know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailbot.assistant.disclosure.parties import Parties, Party
from mailbot.vault.wording import target


@dataclass(frozen=True, slots=True)
class Readers:
    """`addresses` are those that the answer goes to (case-folded, the user's aside), `outsiders` those of them who are not the
    user's own, `strangers` the outsiders of whom nothing is known. `theirs` are the parties that each outsider is of."""

    addresses: frozenset[str]
    outsiders: frozenset[str]
    strangers: frozenset[str]
    people: frozenset[int] = frozenset()
    theirs: tuple[frozenset[int], ...] = ()

    @property
    def inside(self) -> bool:
        """Whether nobody but the user's own people read it."""
        return bool(self.addresses) and not self.outsiders

    def own(self, party: Party) -> bool:
        """Whether a party is the readers' own: each outsider is it, or is of it, or of an organisation of theirs."""
        return bool(self.theirs) and all(
            party.id in their or (party.kind == "person" and not party.of.isdisjoint(their))
            for their in self.theirs
        )

    def alone(self, party: Party) -> bool:
        """Whether a person is the only reader."""
        return len(self.addresses) == 1 and self.people == {party.id}

    def are_among(self, named: Iterable[str], parties: Parties) -> bool:
        """Whether each reader is one of those whom an audience names, or of one of them; insiders are where it names an
        organisation."""
        found = [p for name in named if (p := named_party(name.strip("[]"), parties)) is not None]
        firms = {p.id for p in found if p.kind == "organisation"}
        people = {p.id for p in found if p.kind == "person"}
        if not found or not self.addresses:
            return False
        outside = all(not their.isdisjoint(firms | people) for their in self.theirs)
        inside = [a for a in self.addresses if a not in self.outsiders]
        return outside and all(firms or not parties.at(a).isdisjoint(people) for a in inside)


def named_party(name: str, parties: Parties) -> Party | None:
    """The one party that a name or the target of a link means; None for none or several."""
    linked = parties.linked(target(name))
    found = {linked} if linked is not None else set(parties.names.resolve(name))
    return parties[found.pop()] if len(found) == 1 else None


def readers_of(
    addresses: Iterable[str], own: frozenset[str], parties: Parties, strangers: Iterable[str]
) -> Readers:
    """The readers at these addresses. `strangers` are those whom the user never wrote with: one of them who is at the domain or
    of the organisation of somebody known is known with them."""
    everybody = frozenset(a.casefold() for a in addresses if a) - own
    outsiders = frozenset(a for a in everybody if not parties.is_internal(a))
    theirs = {a: parties.at(a) for a in sorted(outsiders)}
    unknown = frozenset(a for a in outsiders & frozenset(strangers) if not _is_known(a, theirs[a], parties))
    people = frozenset(
        p for a in everybody for p in parties.at(a) if parties[p].kind == "person" and not parties[p].user
    )
    return Readers(everybody, outsiders, unknown, people, tuple(theirs.values()))


def _is_known(address: str, theirs: frozenset[int], parties: Parties) -> bool:
    """Whether the user has made a note of the address, or its organisation is known."""
    return parties.has_note(address) or parties.firm_of(address.rpartition("@")[2]) in theirs
