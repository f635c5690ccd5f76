"""A passage of the vault that a draft may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """`id` is its name in the prompt (`S1`), `note` is relative to the vault, `why` says how it was chosen, `asks` for which
    questions it was found."""

    id: str
    note: str
    title: str
    heading: str
    text: str
    why: str
    person: bool = False
    score: float = 0.0
    asks: tuple[str, ...] = ()
    email: bool = False
    """Whether the note is a mail. A mail holds a stranger's words, so they are made inert where they are shown."""

    @property
    def wikilink(self) -> str:
        return f"[[{self.note.removesuffix('.md')}]]"


@dataclass(frozen=True, slots=True)
class Context:
    """The sources in the order of their right to be there; `withheld` pairs a note that would be
    among them, and that a rule kept back, with the reason."""

    sources: tuple[Source, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()
