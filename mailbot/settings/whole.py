"""accounts.yaml, whole and frozen, each value checked by itself. `config.py` reads the file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PrivateAttr, field_validator, model_validator

from mailbot.settings.account import Account
from mailbot.settings.kinds import Frozen, Strings, home, vault_folder
from mailbot.settings.model import Embeddings, Llm, Rerank
from mailbot.settings.rules import Disclosure, Drafts, Send, TriageRules


class Settings(Frozen):
    """accounts.yaml, whole."""

    vault: Path
    email_folder: str = "Email"
    people_folder: str = "People"
    exclude: Strings = ()
    """Folders or notes of the vault that mailbot does not read."""
    llm: Llm | None = None
    embeddings: Embeddings | None = None
    rerank: Rerank | None = None
    drafts: Drafts = Drafts()
    send: Send = Send()
    triage: TriageRules = TriageRules()
    disclosure: Disclosure = Disclosure()
    max_mail_size: int = Field(default=100, ge=1)
    """Megabytes; of a larger mail only the header is kept."""
    accounts: tuple[Account, ...] = Field(min_length=1)

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """Where accounts.yaml lies."""
        return self._folder

    @field_validator("vault", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, str) and not value.strip():
            raise ValueError("write the folder of your notes, such as ~/Notes")
        return value

    @field_validator("vault")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return home(value)

    @field_validator("email_folder", "people_folder")
    @classmethod
    def _relative(cls, value: str) -> str:
        return vault_folder(value)

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        names = [a.name for a in self.accounts]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise ValueError(f"two accounts are called {twice!r}; give each a name of its own")
        return self

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """Every address of the user, over all accounts."""
        return tuple(dict.fromkeys(a.casefold() for account in self.accounts for a in account.own_addresses))
