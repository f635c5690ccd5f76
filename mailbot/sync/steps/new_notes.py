"""Email notes, written many at a time, and put into the index without being read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailbot.errors import MailbotError
from mailbot.mail.mail import Mail
from mailbot.sync.session.kept_notes import KeptNotes
from mailbot.sync.session.note_files import Kept, Outcome
from mailbot.sync.session.report import bug, log
from mailbot.sync.steps.convert import RawMail, renamed
from mailbot.sync.steps.links import Links
from mailbot.vault.email_note import EmailNote, stem
from mailbot.vault.entry import Entry
from mailbot.vault.indexing import add


class Noted(Protocol):
    """A mail, what it was read from, its note, and what the index keeps of that."""

    @property
    def mail(self) -> Mail: ...
    @property
    def given(self) -> RawMail: ...
    @property
    def note(self) -> EmailNote: ...
    @property
    def entry(self) -> Entry: ...


@dataclass(slots=True)
class NewNotes:
    """Writes email notes. Call `write`; then they may be journalled; then `index`."""

    account: str
    kept_notes: KeptNotes
    links: Links
    _entries: list[tuple[str, tuple[int, int], Entry]] = field(default_factory=list)
    _indexes: bool = True

    def write(self, mails: Sequence[Noted]) -> list[Kept | MailbotError | OSError]:
        """The note of each mail, durable, or why it has none: OSError where the disk fails. One that is in the vault already is
        adopted as it is. No two of the mails may be one, or have a note of one name."""
        found: list[Outcome | MailbotError] = [self.kept_notes.of(each.mail.message) for each in mails]
        new = [n for n in range(len(mails)) if found[n] is None]
        wanted = dict(zip(new, self.links.placed([mails[n].note for n in new]), strict=True))
        written: list[tuple[str, EmailNote, bool]] = []
        number = 1
        while wanted:
            made = self._made(list(wanted.values()), [mails[n].mail.message.sha256 for n in wanted])
            for n, outcome in zip(wanted, made, strict=True):
                found[n] = outcome
                if isinstance(outcome, Kept) and not outcome.adopted:
                    written.append((outcome.path, wanted[n], True))
                    if number == 1:
                        self._entries.append((outcome.path, outcome.stamp, mails[n].entry))
            number += 1
            # Another mail's note has the usual name.
            again = [n for n in wanted if found[n] is None]
            wanted = dict(
                zip(again, self.links.placed([_renamed(mails[n], number) for n in again]), strict=True)
            )
        written += [
            (each.path, mails[n].note, False)
            for n, each in enumerate(found)
            if isinstance(each, Kept) and each.adopted
        ]
        self.links.tell(written)
        return [each for each in found if each is not None]

    def _made(self, notes: list[EmailNote], sha256s: list[str]) -> Sequence[Outcome | MailbotError]:
        try:
            return self.kept_notes.notes.keep_all(notes, sha256s, self.account)
        except (OSError, MailbotError):
            raise
        except Exception as error:  # noqa: BLE001 - a bad mail never stops the others
            if len(notes) > 1:
                return [each for n, s in zip(notes, sha256s, strict=True) for each in self._made([n], [s])]
            log.exception("account %s: a note could not be made", self.account)
            return [bug(error)]

    def index(self) -> None:
        """Put what was written into the index. It is a cache: where it cannot be used now, the next look at it reads the notes."""
        entries, self._entries = self._entries, []
        if self.kept_notes.index is None or not self._indexes:
            return
        try:
            add(self.kept_notes.index, entries)
        except sqlite3.Error:
            self._indexes = False


def _renamed(each: Noted, number: int) -> EmailNote:
    name = f"{stem(each.mail.message, each.given.filing.uid)}_{number}"
    return renamed(each.note, each.mail, each.given, name)
