"""accounts.yaml, whole and frozen, each value checked by itself. `config.py` reads the file."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, PrivateAttr, field_validator, model_validator

from mailbot.settings.account import Account
from mailbot.settings.kinds import Frozen, Strings, home
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
        value = value.strip("/")
        parts = value.split("/")
        if (
            not value
            or any(part in ("", ".", "..") for part in parts)
            or re.search(r"[\\<>:\"|?*#^\[\]\x00-\x1f]", value)
        ):
            raise ValueError("write a folder inside the vault, such as Email")
        if any(part.startswith(".") or part == "node_modules" for part in parts):
            raise ValueError(
                "write a folder that Obsidian shows, such as Email; one with a dot in front it hides"
            )
        return value

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
