"""What the readers know already: the mails that all of them have sent or been sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from mailbot.assistant.disclosure.readers import Readers
from mailbot.assistant.facts import Carrier, facts_in
from mailbot.assistant.support import content_words
from mailbot.vault.index import Index
from mailbot.vault.stand_ins import unescape

MAILS = 60
"""The newest mails with a reader that are looked at."""
SHARED = 0.4
"""The share of a text's telling words that a mail must have."""


class Heard:
    """The mails of all readers, read when first asked for."""

    def __init__(self, index: Index, readers: Readers, sent: Iterable[str] = ()) -> None:
        """`sent` are texts of the user's that every reader was sent."""
        self._index = index
        self._readers = readers
        self._sent = tuple(sent)

    def __call__(self, text: str) -> bool:
        """Whether one mail with all readers says all that is hard in a text, and much of the rest."""
        facts = facts_in(text)
        if not any(f.kind != "name" for f in facts):
            return False
        words = content_words(text)
        return any(
            all(carrier.carries(f) for f in facts) and len(words & said) >= SHARED * len(words)
            for carrier, said in self._mails
        )

    @cached_property
    def _mails(self) -> list[tuple[Carrier, set[str]]]:
        rows = self._index.mail_with_any(self._readers.outsiders, (), MAILS)
        theirs = [row for row in rows if self._readers.addresses <= self._index.parties_of(row.id)]
        texts = (*self._sent, *(unescape(f"{row.title}\n{row.body}") for row in theirs))
        return [(Carrier([text]), content_words(text)) for text in texts]
