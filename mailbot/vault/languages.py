"""Which languages a vault is in."""

from __future__ import annotations

from collections import Counter

from mailbot.language.detect import language_of
from mailbot.language.lists import of
from mailbot.vault.index import Index

LOOKED_AT = 80
"""Notes, spread over the vault; mails are in the languages of others."""
SHARE = 0.15
"""From which share of them a language counts."""


def main_languages(index: Index) -> tuple[str, ...]:
    """The languages of the user's own notes, the commonest first, by their English names; none for an empty vault."""
    found = Counter(language_of(text) for text in index.openings(LOOKED_AT) if len(text.split()) > 5)
    enough = SHARE * sum(found.values())
    return tuple(str(of(code)["name"]) for code, count in found.most_common(3) if count >= enough)
