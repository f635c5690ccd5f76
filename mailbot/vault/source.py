"""What of the vault a draft may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Use = Literal["say", "know"]


@dataclass(frozen=True, slots=True)
class Source:
    """What is shown of a note, or of a mail that the user sent and that has none (then `note` is empty). `id` is its name in the
    prompt (`S1`), `note` is relative to the vault, `why` says how it was chosen, `asks` for which questions it was found. `use`
    says whether its reader may be told what it says, or whether it is only for the user to know. `date` is the note's ISO day,
    empty if nothing says it; `newer` names what is newer on the same matter, by id."""

    id: str
    note: str
    title: str
    text: str
    why: str
    person: bool = False
    score: float = 0.0
    asks: tuple[str, ...] = ()
    email: bool = False
    """Whether the note is a mail. A mail holds a stranger's words, so they are made inert where they are shown."""
    use: Use = "say"
    date: str = ""
    newer: tuple[str, ...] = ()
    replaced_by: str = ""
    """The title of the note that took its place."""

    @property
    def heading(self) -> str:
        """The first heading that is shown, if any: where in the note the text stands."""
        found = re.match(r"(?:#{1,6} .*\n+)*(#{1,6}) (.*)", self.text)
        return found[2] if found else ""

    @property
    def wikilink(self) -> str:
        """A link to the note; of a mail without one its title."""
        return f"[[{self.note.removesuffix('.md')}]]" if self.note else self.title


@dataclass(frozen=True, slots=True)
class Withheld:
    """A note that would be among the sources and that a rule kept back, whole or in part: why, and what would open it, in words of mailbot's own."""

    note: str
    reason: str
    opens: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The sources, those of most worth first, and what was withheld of those that would be among the best."""

    sources: tuple[Source, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the user's notes say of how to write to the readers."""
    manner: Mapping[str, str] = field(default_factory=dict)
    """What the properties of the reader's person note lay down: `language`, `greeting`, `closing`, `register`, `address`."""

    @property
    def sayable(self) -> tuple[Source, ...]:
        return tuple(s for s in self.sources if s.use == "say")

    @property
    def only_known(self) -> tuple[Source, ...]:
        return tuple(s for s in self.sources if s.use == "know")

    def found_for(self, ask: str) -> tuple[Source, ...]:
        """The sources that were found for an ask."""
        return tuple(s for s in self.sources if ask in s.asks)
