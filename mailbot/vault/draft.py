"""A drafted answer, ready to be checked by the user."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mailbot.vault.markdown import inline

Lane = Literal["ready", "check", "needs_you"]

_TASK_SIGNS = re.compile(
    "[\U0001f4c5\U0001f4c6\U0001f5d3\u23f3\U0001f6eb\u2795\u2705\u274c\U0001f501\U0001f53a\u23eb\U0001f53c\U0001f53d\u23ec\U0001f194\u26d4\U0001f3c1]"
)
"""The signs that the Tasks plugin reads. A date is set by us or not at all."""


@dataclass(frozen=True, slots=True)
class ActionItem:
    """`owner` is `me` or `them`; `due` is an ISO date or empty."""

    text: str
    owner: str
    due: str = ""

    def line(self) -> str:
        """As the Tasks plugin reads it."""
        due = f" 📅 {self.due}" if self.due else ""
        return f"- [ ] {inline(_TASK_SIGNS.sub('', self.text)).strip()} @{self.owner}{due}"


@dataclass(frozen=True, slots=True)
class Lead:
    """A note that may answer, by its wikilink. `answers` pairs questions with the sentence of it that may answer them, empty
    where no sentence has their words."""

    link: str
    answers: tuple[tuple[tuple[str, ...], str], ...]
    only_known: bool = False
    """The readers must not be told: it is for the user alone."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer. `supports` pairs a statement with the wikilink of its source or ''; `leads` are the notes that an outline
    points to; `warnings` says what the guard took out;
    `lane_reasons` says why the draft is in its lane. `cost` is in the currency of the prices in the settings."""

    reply: str
    reasoning: str = ""
    lane: Lane = "needs_you"
    model: str = ""
    prompt_version: str = ""
    lane_reasons: tuple[str, ...] = ()
    action_items: tuple[ActionItem, ...] = ()
    supports: tuple[tuple[str, str], ...] = ()
    leads: tuple[Lead, ...] = ()
    unknowns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
