"""Email notes, written many at a time: durable once they are synced, and in the index without being read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from mailbot.errors import MailbotError
from mailbot.mail.mail import Mail
from mailbot.sync.session.kept_notes import KeptNotes
from mailbot.sync.session.note_files import Kept
from mailbot.sync.session.report import bug, log
from mailbot.sync.steps.convert import RawMail, renamed
from mailbot.vault.durable import Unsynced
from mailbot.vault.email_note import EmailNote, stem
from mailbot.vault.entry import Entry
from mailbot.vault.indexing import add

AT_ONCE = 8
"""Files that are written at a time: most of that is waiting for the disk."""


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
    """Writes email notes. Call `write`, then `sync`; then they may be journalled; then `index`."""

    kept_notes: KeptNotes
    _unsynced: Unsynced = field(default_factory=Unsynced)
    _entries: list[tuple[str, tuple[int, int], Entry]] = field(default_factory=list)
    _indexes: bool = True

    def write(self, mails: Sequence[Noted]) -> list[Kept | MailbotError | OSError]:
        """The note of each mail, or why it has none: OSError where the disk fails. One that is in the vault already is adopted as
        it is. No two of the mails may be one, or have a note of one name."""
        there = [self._there(each) for each in mails]
        wanted = [each for each, found in zip(mails, there, strict=True) if found is None]
        if len(wanted) > 1:
            with ThreadPoolExecutor(min(AT_ONCE, len(wanted))) as pool:
                made = iter(list(pool.map(self._made, wanted)))
        else:
            made = iter([self._made(each) for each in wanted])
        return [found or next(made) for found in there]

    def _there(self, each: Noted) -> Kept | None:
        return self.kept_notes.of(each.mail.message)

    def _made(self, each: Noted) -> Kept | MailbotError | OSError:
        """A new note; under another name if another mail's note has the usual one."""
        notes, sha256, account = self.kept_notes.notes, each.mail.message.sha256, each.given.filing.account
        number, note = 1, each.note
        try:
            while (kept := notes.keep(note, sha256, account, self._unsynced)) is None:
                number += 1
                name = f"{stem(each.mail.message, each.given.filing.uid)}_{number}"
                note = renamed(each.note, each.mail, each.given, name)
        except (OSError, MailbotError) as error:
            return error
        except Exception as error:  # noqa: BLE001 - a bad mail never stops the others
            log.exception("account %s: a note could not be made", account)
            return bug(error)
        if not kept.adopted and note is each.note:
            self._entries.append((kept.path, kept.stamp, each.entry))
        return kept

    def sync(self) -> None:
        """Make what was written durable. Raises OSError if the disk fails."""
        self._unsynced.sync()

    def index(self) -> None:
        """Put what was written into the index. It is a cache: where it cannot be used now, the next look at it reads the notes."""
        entries, self._entries = self._entries, []
        if self.kept_notes.index is None or not self._indexes:
            return
        try:
            add(self.kept_notes.index, sorted(entries, key=lambda entry: entry[0]))
        except sqlite3.Error:
            self._indexes = False
