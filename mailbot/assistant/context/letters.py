"""What the user wrote to the readers: mails of Sent, which have no notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailbot.assistant.context.relevance import Relevance
from mailbot.assistant.disclosure.readers import Readers
from mailbot.assistant.style import Sample

MOST = 4
"""Mails of the user's in a prompt."""
LONGEST = 1500
"""Characters of one that are shown."""
LEAST = 0.05
"""The share of the asked words from which such a mail says something of it."""
WORTH, FULL = 0.3, 2.0
"""What such a mail is worth in any case, and what each share of the asked words adds."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of the user's that every reader has been sent: its ISO day, subject and text, and what it is worth here."""

    day: str
    subject: str
    text: str
    worth: float


def read_by_all(sent: Iterable[Sample], readers: Readers) -> list[Sample]:
    """Those of the user's mails that went to every one of these readers."""
    return [s for s in sent if s.text.strip() and readers.addresses and readers.addresses <= s.readers]


def letters(sent: Iterable[Sample], readers: Readers, relevance: Relevance) -> Iterator[Letter]:
    """The user's mails to the readers, those that say most of what is asked first."""
    scored = [(relevance.in_text(f"{s.subject} {s.text}"), s) for s in read_by_all(sent, readers)]
    telling = [(share, sample) for share, sample in scored if share >= LEAST]
    for share, sample in sorted(telling, key=lambda pair: (-pair[0], pair[1].day))[:MOST]:
        yield Letter(sample.day, sample.subject, sample.text[:LONGEST], min(0.95, WORTH + FULL * share))
