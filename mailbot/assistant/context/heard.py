"""What the readers know already: the mails that all of them have sent or been sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from mailbot.assistant.disclosure.readers import Readers
from mailbot.assistant.facts import Carrier, facts_in
from mailbot.mail.freemail import is_for_all
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.stand_ins import unescape
from mailbot.vault.wording import target

MAILS = 60
"""The newest mails with a reader's organisation that are looked at."""
_LINK = re.compile(r"\[\[([^\[\]|#^\n]{1,300})")


class Heard:
    """The mails of all readers, read when first asked for."""

    def __init__(self, index: Index, readers: Readers, sent: Iterable[str] = ()) -> None:
        """`sent` are texts of the user's that every reader was sent."""
        self._index = index
        self._readers = readers
        self._sent = tuple(sent)

    def __call__(self, text: str) -> bool:
        """Whether a text says nothing hard that a mail with all readers has not said: it names such a mail, or each number, date
        and name in it stands in one."""
        if not self._mails and not self._sent:
            return False
        if any(target(link) in self._places for link in _LINK.findall(text)):
            return True
        facts = facts_in(text)
        return any(f.kind != "name" for f in facts) and all(self._carrier.carries(f) for f in facts)

    @cached_property
    def _mails(self) -> list[NoteRow]:
        domains = {r.rpartition("@")[2] for r in self._readers.outsiders}
        firms = {d for d in domains if d and not is_for_all(d)}
        rows = self._index.mail_with_any(self._readers.outsiders, sorted(firms), MAILS)
        return [row for row in rows if self._all_were_on(row)]

    def _all_were_on(self, row: NoteRow) -> bool:
        """Whether each outsider, or one of their organisation, was on a mail."""
        on = self._index.parties_of(row.id)
        at = {p.rpartition("@")[2] for p in on}
        return all(
            r in on or (not is_for_all(domain) and domain in at)
            for r in self._readers.outsiders
            for domain in (r.rpartition("@")[2],)
        )

    @cached_property
    def _places(self) -> frozenset[str]:
        keys = [target(row.path) for row in self._mails]
        return frozenset((*keys, *(k.rpartition("/")[2] for k in keys)))

    @cached_property
    def _carrier(self) -> Carrier:
        return Carrier((*self._sent, *(unescape(f"{row.title}\n{row.body}") for row in self._mails)))
