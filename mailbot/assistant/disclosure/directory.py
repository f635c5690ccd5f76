"""Who is known, as the vault and the mail name them: each person and organisation once, with its names, addresses and domains."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailbot.assistant.disclosure.forms import Kind, firm_key, forms
from mailbot.assistant.disclosure.naming import Name, Names, folded
from mailbot.language.phrases import Phrases
from mailbot.mail.freemail import is_for_all
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.whom import plain
from mailbot.vault.wording import target

_NO_NAME = Phrases(r"(?:{{words.stop}}|{{vault.personal_heading}}|{{vault.contact_heading}})$", re.IGNORECASE)


@dataclass(slots=True)
class Known:
    """A person or an organisation as it was found. An organisation may have no note of its own."""

    kind: Kind
    title: str
    names: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    company: str = ""
    note: NoteRow | None = None


class Directory:
    """Everybody who is known, by a number that is the place in `known`; and who has a note, an address, a domain, a name, a place."""

    def __init__(
        self,
        index: Index,
        own: frozenset[str],
        internal_domains: frozenset[str],
        own_names: Iterable[str],
        written_to: Iterable[str],
    ) -> None:
        """`own` are the user's addresses, `written_to` the domains that the user has written to."""
        self._own = own
        self.known: list[Known] = []
        self.by_note: dict[int, int] = {}
        self.by_email: dict[str, set[int]] = defaultdict(set)
        self._by_domain: dict[str, int] = {}
        self.by_firm: dict[str, int] = {}
        """Organisations by the key of their name (`firm_key`)."""
        self._by_place: dict[str, int] = {}
        self._merged: dict[str, str] = {}
        self._from_notes(index)
        self._from_user(own_names)
        self._from_companies()
        self._from_domains({*internal_domains, *(d.casefold() for d in written_to)})
        self._from_properties(index)

    def firm_of(self, domain: str) -> int | None:
        """The organisation of a domain or of one above it."""
        parts = domain.casefold().split(".")
        above = (".".join(parts[n:]) for n in range(len(parts) - 1))
        return next((self._by_domain[d] for d in above if d in self._by_domain), None)

    def linked(self, link: str) -> int | None:
        """Whose note a wikilink leads to, followed where it was merged into another."""
        aim = target(link)
        for _ in range(10):
            if aim not in self._merged:
                break
            aim = self._merged[aim]
        return self._by_place.get(aim)

    def firms_of(self, number: int) -> frozenset[int]:
        """The organisations that a person is of: the company that their note names, and those of their addresses."""
        known, firms = self.known[number], set[int]()
        if known.kind != "person":
            return frozenset()
        if known.company and (firm := self.by_firm.get(firm_key(known.company))) is not None:
            firms.add(firm)
        elif known.company and (linked := self._by_place.get(target(known.company))) is not None:
            firms.add(linked)
        for email in known.emails:
            if (firm := self.firm_of(email.rpartition("@")[2])) is not None:
                firms.add(firm)
        return frozenset(firms)

    def names(self) -> Iterable[Name]:
        """Every form of every name."""
        for number, made in enumerate(self.known):
            for name in made.names:
                yield from forms(number, made.kind, name)

    def _from_notes(self, index: Index) -> None:
        stems: Counter[str] = Counter()
        by_stem: dict[str, int] = {}
        for note, addresses in index.called():
            number = len(self.known)
            found = Known("person" if note.person else "organisation", note.title, note=note)
            found.names = {note.title, *(a for a in note.aliases.split("|") if a)}
            found.emails = {a for a in addresses if not a.startswith("@")}
            found.company = note.company
            self.known.append(found)
            self.by_note[note.id] = number
            key = target(note.path)
            folder, _, stem = key.rpartition("/")
            self._by_place[key] = number
            if stem in ("readme", "index", folder.rpartition("/")[2]):
                self._by_place.setdefault(folder, number)
                stem = folder.rpartition("/")[2]
            stems[stem] += 1
            by_stem[stem] = number
            for email in found.emails:
                self.by_email[email].add(number)
            if not note.person:
                for name in found.names:
                    self.by_firm.setdefault(firm_key(name), number)
                for domain in (a for a in addresses if a.startswith("@")):
                    self._claim(domain[1:], number)
                for email in found.emails:
                    self._claim(email.rpartition("@")[2], number)
        for stem, count in stems.items():
            if count == 1:
                self._by_place.setdefault(stem, by_stem[stem])
        self._merged = dict(index.merges())

    def _from_user(self, own_names: Iterable[str]) -> None:
        """The user: whose note has one of their addresses, or no address and their name; or nobody's yet."""
        names = {n for n in own_names if n}
        keys = {folded(n) for n in names}
        for made in self.known:
            if made.kind == "person" and (
                not self._own.isdisjoint(made.emails) or (not made.emails and folded(made.title) in keys)
            ):
                made.names |= names
                made.emails |= self._own
                return
        if names:
            self.known.append(Known("person", min(names), names, set(self._own)))

    def _claim(self, domain: str, number: int) -> None:
        if domain and not is_for_all(domain):
            self._by_domain.setdefault(domain, number)

    def _from_companies(self) -> None:
        """A company that a person note names, and the domain of those who are of it, where all of them say so."""
        at: dict[str, Counter[int]] = defaultdict(Counter)
        for person in [m for m in self.known if m.kind == "person" and m.company]:
            firm = self._firm(person.company)
            if firm is None:
                continue
            for email in person.emails:
                at[email.rpartition("@")[2]][firm] += 1
        for domain, firms in at.items():
            firm, people = firms.most_common(1)[0]
            alike = any(_is_alike(domain, name) for name in self.known[firm].names)
            taken = self.by_firm.get(folded(_label(domain)), firm)
            if len(firms) == 1 and taken == firm and (alike or people > 1):
                self._claim(domain, firm)

    def _firm(self, name: str) -> int | None:
        """The organisation of a name, made where there is none."""
        key = firm_key(name)
        if not key or _NO_NAME.match(key):
            return None
        if (linked := self._by_place.get(target(name))) is not None and self.known[
            linked
        ].kind == "organisation":
            return linked
        if key not in self.by_firm:
            self.by_firm[key] = len(self.known)
            self.known.append(Known("organisation", name, {name}))
        return self.by_firm[key]

    def _from_domains(self, others: Iterable[str]) -> None:
        """The domains of people, and those that the user has written to: each is somebody's, and the first label its name."""
        people = (e.rpartition("@")[2] for m in self.known if m.kind == "person" for e in m.emails)
        own = (o.rpartition("@")[2] for o in self._own)
        for domain in sorted({*people, *own, *others}):
            if not domain or is_for_all(domain) or self.firm_of(domain) is not None:
                continue
            label = _label(domain)
            number = self.by_firm.get(firm_key(label))
            if number is None:
                number = len(self.known)
                names = {label, label.replace("-", " ")} if len(label) > 2 else set()
                self.known.append(Known("organisation", label, names))
                self.by_firm[firm_key(label)] = number
            self._by_domain[domain] = number

    def _from_properties(self, index: Index) -> None:
        """Whom notes name by a property, and nothing else in the vault knows."""
        known = Names(self.names(), lambda _: False)
        for name in index.named():
            key = firm_key(name)
            if target(name) in self._by_place:
                continue
            if key and key not in self.by_firm and not known.resolve(name) and not _NO_NAME.match(key):
                self.by_firm[key] = len(self.known)
                self.known.append(Known("organisation", plain(name), {plain(name)}))


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
