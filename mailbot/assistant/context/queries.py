"""A mail and its asks -> what is searched for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailbot.mail.mail import Mail
from mailbot.vault.verdict import Ask

WORDS = 120
"""Of the newest text that stand in the query for the whole."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, for which ask (empty for the whole mail), and what its best find is worth."""

    text: str
    ask: str = ""
    weight: float = 1.0


def queries(mail: Mail, asks: Sequence[Ask]) -> Iterator[Query]:
    """A search for each ask, one for each way in which a note may put it, and one for the whole mail."""
    subject = mail.message.subject
    for ask in asks:
        yield Query(f"{ask.text} {subject}", ask.text)
        for lookup in ask.lookups:
            yield Query(lookup, ask.text)
    newest = " ".join(mail.text.newest.split()[:WORDS])
    yield Query(f"{subject} {newest}", weight=0.8)
