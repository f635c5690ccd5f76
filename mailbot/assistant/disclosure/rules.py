"""What of a note may be shown for an answer to these readers, and what of that may be said. It is the only place that says so.

A note is asked first (`of_note`), then each of its pieces (`of_piece`). The first rule that speaks gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mailbot.assistant.disclosure import marks
from mailbot.assistant.disclosure.marks import CUSTOMERS, INTERNAL, PUBLIC
from mailbot.assistant.disclosure.mentions import Mentions
from mailbot.assistant.disclosure.parties import Parties, Party
from mailbot.assistant.disclosure.personal import is_personal, under_contact, under_personal
from mailbot.assistant.disclosure.pieces import Piece
from mailbot.assistant.disclosure.readers import Readers, named_party
from mailbot.assistant.support import matters
from mailbot.language.detect import language_of
from mailbot.settings import Disclosure
from mailbot.vault.note_row import NoteRow

Use = Literal["say", "know"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a note or a piece may be used: `say` it, only `know` it, or not at all (empty). Then `reason` says why, and `opens` what
    would open it."""

    use: Use | Literal[""]
    reason: str = ""
    opens: str = ""


MOVE = "move what these readers may know to a line that names nobody else"
CONTACT = "put what may be told under a heading `Contact`"
PRIVATE = "move what may be told to a line of its own"
SAY, KNOW = Ruling("say"), Ruling("know")
UNMARK = "take the mark away"


@dataclass(frozen=True)
class Asked:
    """A note that is asked for, with what a rule must know of it. `parties` are the addresses that a mail was from or to,
    `in_thread` says that it is an earlier mail of the same thread."""

    note: NoteRow
    parties: frozenset[str] = frozenset()
    in_thread: bool = False


class Rules:
    """The rules for one answer. `heard` says whether a text tells only what these readers have read or written in a mail, `of_note`
    of a link's target whom that note is about, in its words."""

    def __init__(
        self,
        readers: Readers,
        parties: Parties,
        settings: Disclosure,
        heard: Callable[[str], bool] = lambda _: False,
        of_note: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.readers = readers
        self.parties = parties
        self.mentions = Mentions(parties, of_note)
        self.settings = settings
        self._heard = heard

    def of_note(self, asked: Asked) -> Ruling:
        """What may be shown of a note as a whole; `say` where its pieces are to be asked one by one."""
        note, readers = asked.note, self.readers
        if reason := marks.kept_back(note, self.settings):
            return Ruling("", reason, UNMARK if "private" in reason else "")
        if not readers.addresses:
            return Ruling("", "the reply has no known recipient")
        said = marks.audience_of(note, self.settings)
        if blocked := self._marked(said):
            return blocked
        if note.type == "email":
            if left_out := sorted(readers.addresses - asked.parties):
                return Ruling("", f"{left_out[0]} was not on this mail")
            if asked.in_thread:
                return SAY
        if readers.strangers and self.settings.strangers == "thread" and PUBLIC not in said:
            return Ruling(
                "",
                f"{min(readers.strangers)} would read it, and you have never written to them (disclosure.strangers)",
                "write to them first; `audience: public` opens the note to everybody",
            )
        if note.journal and readers.outsiders:
            return Ruling(
                "", "it is a daily note or a journal, and those reach nobody outside", "move what may be told to a note of its own"
            )  # fmt: skip
        return SAY

    def of_piece(self, about: About, piece: Piece) -> Ruling:
        """What may be shown of a piece of a note that may be shown."""
        if about.note.type == "email" and not piece.heading:
            # The mail's own words, whatever they say of themselves; what begins like a remark of the user's is one.
            mine = marks.begins_internal(piece.text) and self.readers.outsiders
            return Ruling("", "it is a remark of yours that says it is internal", UNMARK) if mine else SAY
        said = marks.audience_in(piece)
        if blocked := self._marked(said):
            return blocked
        named = self._named(about, piece)
        said = said or about.audience
        if self.readers.inside:
            blocked = self._inside(about, piece, named)
        else:
            blocked = self._outside(about, piece, named, said)
        return blocked or self._use(about, piece, named, said)

    def about(self, note: NoteRow) -> About:
        """Whom a note is about as a whole."""
        return About(self, note)

    def _marked(self, said: frozenset[str]) -> Ruling | None:
        """Why an audience keeps these readers out."""
        readers = self.readers
        if INTERNAL in said and (readers.outsiders or not readers.addresses):
            outside = min(readers.outsiders, default="")
            return Ruling("", f"it is internal, and {outside} is outside your internal domains", UNMARK)
        names = frozenset(n.strip("[]") for n in said - {INTERNAL, CUSTOMERS, PUBLIC})
        if names and not said & {CUSTOMERS, PUBLIC} and not readers.are_among(names, self.parties):
            return Ruling("", f"it is for {', '.join(sorted(names))} only", "change its `audience`")
        return None

    def _is_shared(self, party: Party, said: frozenset[str]) -> bool:
        """Whether an audience that these readers are among names a party too: what is for several is a matter of all of them."""
        if party.id < 0 or not self.readers.are_among(said, self.parties):
            return False
        named = {p.id for name in said if (p := named_party(name.strip("[]"), self.parties))}
        return party.id in named or not party.of.isdisjoint(named)

    def _named(self, about: About, piece: Piece) -> tuple[frozenset[int], ...]:
        """Whom a piece names or is about. What it names itself it is about; where it names nobody, what it follows says whom."""
        own = tuple(self.mentions.in_text(piece.text))
        after = () if own else tuple(m for text in piece.after for m in self.mentions.in_text(text))
        under = tuple(m for text in piece.under for m in self.mentions.in_text(text))
        # Who opens a note to these readers opens it with what its properties say.
        opened = about.audience and INTERNAL not in about.audience
        return (
            *(() if opened else about.named),
            *under,
            *own,
            *after,
            *self.mentions.in_columns(piece),
            *self.mentions.unknown_subject(piece, about.language),
        )

    def _outside(
        self, about: About, piece: Piece, named: tuple[frozenset[int], ...], said: frozenset[str]
    ) -> Ruling | None:
        """Why outsiders may not see a piece."""
        sure = {next(iter(m)) for m in named if len(m) == 1}
        for meant in named:
            if -1 in meant:
                return Ruling("", "it names somebody whom no note of yours tells from others", MOVE)
            for party in self._meant(meant, sure):
                if party.user or self.readers.own(party) or self._is_shared(party, said):
                    continue
                if party.insider:
                    if party.kind == "organisation":
                        continue
                    if why := self._colleague(about, piece, party):
                        return why
                    continue
                return Ruling("", f"it names {party.title}, who is not of {self._whom()}", MOVE)
        if not self._only_readers_own(about) and self._personal(piece, about) and self._people_in(named):
            return Ruling("", "it speaks of somebody's private side", PRIVATE)
        return None

    def _colleague(self, about: About, piece: Piece, party: Party) -> Ruling | None:
        """A colleague may be named to outsiders by name, role and contact."""
        own_note = party.id in about.owned
        if own_note and not under_contact(piece.heading[1:] or piece.heading):
            return Ruling("", f"it is about {party.title}, of whom only role and contact may be told", CONTACT)  # fmt: skip
        if own_note and "money" in matters(piece.text):
            return Ruling(
                "", f"it is about {party.title}, of whom only role and contact may be told", CONTACT
            )
        if self._personal(piece, about):
            return Ruling("", f"it speaks of the private side of {party.title}", PRIVATE)
        return None

    def _inside(self, about: About, piece: Piece, named: tuple[frozenset[int], ...]) -> Ruling | None:
        """Why insiders may not see a piece: it tells a third person's private side."""
        sure = {next(iter(m)) for m in named if len(m) == 1}
        personal = self._personal(piece, about)
        for meant in named:
            for party in self._meant(meant - {-1}, sure):
                if party.kind != "person" or party.user or self.readers.alone(party):
                    continue
                if about.note.journal and party.id not in self.readers.people:
                    return Ruling("", f"it names {party.title} in a daily note or a journal", MOVE)
                if personal:
                    return Ruling("", f"it speaks of the private side of {party.title}", PRIVATE)
                third = party.id not in self.readers.people
                private = party.insider or not party.of
                if third and private and party.id in about.owned and not under_contact(piece.heading[1:] or piece.heading):  # fmt: skip
                    return Ruling("", f"it is about {party.title}, of whom only role and contact may be told", CONTACT)  # fmt: skip
        if about.note.journal and personal:
            return Ruling("", "it speaks of somebody's private side", PRIVATE)
        return None

    def _use(
        self, about: About, piece: Piece, named: tuple[frozenset[int], ...], said: frozenset[str]
    ) -> Ruling:
        if said & {PUBLIC, CUSTOMERS} or (said and self.readers.are_among(said, self.parties)):
            return SAY
        people = {p for m in named for p in m if p >= 0}
        contact = under_contact(piece.heading[1:] or piece.heading) and not about.owned & self.readers.people
        if contact and (self.readers.inside or any(self.parties[p].insider for p in about.owned if p >= 0)):
            return SAY  # who a colleague is, and how to reach them
        if self.readers.inside:
            mine = about.owned & self.readers.people or about.note.person or about.note.journal
            return KNOW if mine else SAY
        theirs = any(self.readers.own(self.parties[p]) for p in people)
        if (theirs or about.note.person) and not self._heard(piece.text):
            return KNOW
        return SAY

    def _meant(self, meant: frozenset[int], sure: set[int]) -> list[Party]:
        """Whom a name means that several share: those of them who are named in full beside it, else the user, else all."""
        if len(meant) > 1:
            users = frozenset(p for p in meant if self.parties[p].user)
            others = (self.parties[p] for p in meant - users)
            # The user's own name may be that of their family, and of nobody else.
            family = users if all(not o.of and o.kind == "person" for o in others) else frozenset()
            meant = meant & sure or family or meant
        return [self.parties[p] for p in sorted(meant)]

    def _personal(self, piece: Piece, about: About) -> bool:
        head = piece.under[-1] if piece.kind == "row" and piece.under else ""
        return under_personal(piece.heading) or is_personal(f"{head}\n{piece.text}", about.language)

    def _people_in(self, named: tuple[frozenset[int], ...]) -> bool:
        return any(
            self.parties[p].kind == "person" and not self.parties[p].user for m in named for p in m if p >= 0
        )

    def _only_readers_own(self, about: About) -> bool:
        """Whether a note is the only reader's own person note: of their own side they may be shown all."""
        return any(self.readers.alone(self.parties[p]) for p in about.owned)

    def _whom(self) -> str:
        who = sorted(self.readers.outsiders)
        return who[0] if len(who) == 1 else f"all of {', '.join(who[:3])}"


class About:
    """Whom a note is about as a whole: by its title, its place, its properties, and as somebody's own note."""

    def __init__(self, rules: Rules, note: NoteRow) -> None:
        self.note = note
        self._rules = rules
        own = rules.parties.of_note(note.id)
        self.owned: frozenset[int] = frozenset({own.id} if own else rules.parties.owners(note.path))
        self.audience = marks.audience_of(note, rules.settings)

    @cached_property
    def named(self) -> tuple[frozenset[int], ...]:
        rules = self._rules
        said = (self.note.title, *self.note.concerns.split("|"), *self.note.path.split("/")[:-1])
        found = [m for text in said if text for m in rules.mentions.in_text(text)]
        for name in (n for n in self.note.named.split("|") if n):
            linked = rules.parties.linked(name)
            found += rules.mentions.in_text(name) or [frozenset({-1 if linked is None else linked})]
        return (*found, *(frozenset({p}) for p in self.owned))

    @cached_property
    def language(self) -> str:
        return language_of(self.note.body[:4000])
