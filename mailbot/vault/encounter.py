"""A mail from a person, as their note tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.vault.note import property_text


@dataclass(frozen=True, slots=True)
class Encounter:
    """A mail from a person: its ISO day, its note (relative to the vault), and what its signature says."""

    day: str
    note: str
    role: str = ""
    company: str = ""
    phone: str = ""

    @property
    def line(self) -> str:
        return f"- {self.day}: {self.wikilink}"

    @property
    def wikilink(self) -> str:
        return f"[[{self.note.removesuffix('.md')}]]"

    @property
    def facts(self) -> dict[str, str]:
        told = {"role": self.role, "company": self.company, "phone": self.phone}
        return {key: property_text(value) for key, value in told.items() if value}
