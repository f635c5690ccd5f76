"""Whether a text is written to many to sell or to defraud: by the phrases of the trade, in the whole of it."""

from __future__ import annotations

import re

from mailbot.assistant.asks import pitches
from mailbot.language.phrases import Phrases, lowered

_REMOVAL = Phrases("{{trade.removal}}")
_SELLS = Phrases("{{trade.sells}}")
_FRAUD = Phrases(r"{{trade.fraud}}|\$[\d ,.]{0,24}(?:million|m\b)|% of the (?:total|money|sum|fund)\b")


def is_solicitation(subject: str, text: str, *, known: bool = False) -> bool:
    """Whether a mail reads like advertising or fraud: a way off a list that one never joined, or several different phrases
    of selling, or of advance fees; fewer suffice where its author is not `known`. `text` is what its author wrote; the first
    20,000 characters are looked at."""
    text = f"{subject}\n{text[:20_000]}"
    said = re.sub(r"\s+", " ", lowered(text))
    if _REMOVAL.search(said):
        return True
    selling = {m[0] for m in _SELLS.finditer(said)} | pitches(said)
    fraud = {m[0] for m in _FRAUD.finditer(said)}
    if len(selling) >= 2 or len(fraud) >= 3 or (selling and _shouts(subject, text)):
        return True
    return not known and (bool(selling) or len(fraud) >= 2)


def _shouts(subject: str, text: str) -> bool:
    """Capitals and exclamation marks beyond any conversation."""
    letters = [c for c in text if c.isalpha()]
    capitals = sum(c.isupper() for c in letters) / len(letters) if letters else 0.0
    return capitals > 0.4 or text.count("!") >= 4 or bool(re.search(r"!{2,}|\${1,}\d|\?{3,}", subject))
