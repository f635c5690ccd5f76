"""The user's rules: which mails are answered, for whom, and what may be said to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator

from mailbot.settings.kinds import Duration, Frozen, Strings


class Drafts(Frozen):
    """Which mails are answered, and how many a run."""

    newer_than: Duration = timedelta(days=7)
    max_per_run: int = Field(default=20, ge=0)
    reply_all: Literal["auto", "always", "never"] = "auto"
    """auto: to all where the mail went to others beside the user."""
    to_server: bool = True
    """Whether drafts are also put into the account's Drafts."""


class Send(Frozen):
    """Whether approved drafts are sent without a further word."""

    allow: bool = False
    """Whether `mailbot sync` sends what you have approved; `mailbot send` does in any case."""
    after: Duration = timedelta(minutes=10)
    """How long an approval can be taken back before that."""
    per_hour: int = Field(default=20, ge=1)
    """Mails that `mailbot sync` sends in an hour from one account, at the most."""


class TriageRules(Frozen):
    """Whose mail never gets a draft, and whose always does, by address or domain; your notes may say so too."""

    never: Strings = ()
    always: Strings = ()

    def word_on(self, email: str) -> str:
        """`never`, `always` or empty for a sender; an address stands above its domain."""
        domain = email.casefold().rpartition("@")[2]
        for key in (email.casefold(), domain, *(domain[n + 1 :] for n, c in enumerate(domain) if c == ".")):
            for word in ("never", "always"):
                if key in (v.casefold().lstrip("@") for v in getattr(self, word)):
                    return word
        return ""


class Disclosure(Frozen):
    """What of the vault may stand in a draft to whom. Notes with `private: true` never do."""

    internal_domains: Strings = ()
    """Who is at one of these is an insider. Where none is set, the domains of the account's own addresses, if not anybody may
    have an address there."""
    folders: dict[str, Strings] = Field(default_factory=dict)
    """folder -> `internal`, `customers`, `public`, or the name of a person or organisation: the audience of its notes."""
    private_folders: Strings = ()
    """Folders whose notes are found by a search of yours, and never put into a prompt."""
    private_tags: Strings = ()
    strangers: Literal["thread", "vault"] = "thread"
    """Whom you never wrote with: their own thread and nothing else, or what anybody would get."""

    @field_validator("folders")
    @classmethod
    def _audiences(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if empty := next((folder for folder, audience in value.items() if not audience), ""):
            raise ValueError(f"{empty}: write internal, customers, public, or a name such as [[Acme]]")
        return value
