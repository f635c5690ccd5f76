"""Sent -> how the user writes to those who are about to be answered, and the note that says so."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from mailbot.assistant.style import MOST, Sample, Style, Voice, style_towards
from mailbot.errors import BadData, MailbotError, TryAgain
from mailbot.mail.mail import read_mail
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Settings
from mailbot.sync.decide.audience import recipients
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import SentRow
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import in_log, log
from mailbot.sync.steps.waiting import Waiting
from mailbot.vault import style_note
from mailbot.vault.markdown import inline
from mailbot.vault.note import property_text
from mailbot.vault.style_note import Habit

ANYBODY = 30
"""The newest mails to anybody that are looked at where those to a person are too few."""
MAX_SIZE = 200_000
"""Octets; a larger mail is not read for its style."""


def styles(sent: SentStyle, notes: NoteFiles, waiting: Sequence[Waiting]) -> dict[int, Voice]:
    """mail id -> how the user writes to its sender; nothing for those of whom too little is known.

    What was learned is written to Mailbot/Style.md, unless the user has made that note their own: then their words go in
    front of all. Sent is read only. Where it cannot be read nothing is learned. Raises TryAgain if the server asks for
    patience, OSError if the note cannot be written.
    """
    readable = True
    try:
        note = notes.read(style_note.PATH)
    except BadData as error:  # something else lies there: no draft waits for that
        log.info("the style note cannot be read: %s", in_log(error))
        note, readable = None, False
    before = note[0] if note else ""
    found: dict[int, Voice] = {}
    habits: list[Habit] = []
    for each in waiting:
        samples, style = sent.learned(each)
        to = each.mail.message.sender.key if each.mail.message.sender else ""
        own = ((style_note.users_own(before, to) if note else None) or "")[:3000]
        if style is None:
            if own:
                found[each.row.id] = Voice(f"- The user's own notes on style:\n{own}")
            continue
        found[each.row.id] = style.voice(own)
        sources = [s.source for s in samples if s.source and s.to == to][:MOST]
        if sources:  # of whom the user has never written to, the note says nothing
            habits.append(Habit(to, style.greeting, style.closing, style.words, sources))
    untouched = readable and (note is None or style_note.users_own(before, "") is None)
    if habits and untouched:
        text = style_note.render(habits, before)
        with suppress(FileExistsError, BadData):  # a save of the user's that comes between stands
            if note is None:
                notes.create(style_note.PATH, text)
            elif text != before:
                notes.replace(style_note.PATH, note[1], text)
    return found


@dataclass(slots=True)
class SentStyle:
    """The user's own mails, each fetched once, as samples of their style."""

    account: str
    settings: Settings
    journal: Journal
    server: ImapAccount
    _read: dict[int, Sample | None] = field(default_factory=dict, init=False)

    def learned(self, waiting: Waiting, before: datetime | None = None) -> tuple[list[Sample], Style | None]:
        """(the user's mails that say most about an answer to this one, what they have in common), from what was sent before
        a moment. Writes nothing."""
        message, newest = waiting.mail.message, waiting.mail.text.newest
        to = message.sender.key if message.sender else ""
        alone = {a.key for part in recipients(self.settings, message) for a in part} == {to}
        stranger = bool(to) and not self.journal.sent.written_to(to, before)
        samples = self.samples(to, before) if to else []
        return style_towards(samples, to, newest, alone=alone, stranger=stranger)

    def samples(self, to: str, before: datetime | None = None) -> list[Sample]:
        """The newest mails to an address, and where they are few the newest to anybody, sent before a moment."""
        sent = self.journal.sent
        rows = sent.newest(self.account, to, MOST, before)
        if len(rows) < MOST:
            known = {r.id for r in rows}
            rows += [r for r in sent.newest(self.account, limit=ANYBODY, before=before) if r.id not in known]
        unread = [r for r in rows if r.id not in self._read]
        for place in dict.fromkeys((r.location.mailbox, r.location.uidvalidity) for r in unread):
            here = [r for r in unread if (r.location.mailbox, r.location.uidvalidity) == place]
            self._fetch(*place, {r.location.uid: r for r in here})
        return [sample for r in rows if (sample := self._read.get(r.id))]

    def _fetch(self, mailbox: str, uidvalidity: int, rows: dict[int, SentRow]) -> None:
        """Read the mails of these UIDs; those that are not to be had are remembered as such."""
        self._read.update(dict.fromkeys((r.id for r in rows.values()), None))
        try:
            if self.server.examine(mailbox).uidvalidity != uidvalidity:
                return
            listed = [m for m in self.server.listings(sorted(rows)) if m.size <= MAX_SIZE]
            for uid, raw in self.server.bodies(listed):
                self._read[rows[uid].id] = self._sample(rows[uid], raw)
        except TryAgain:
            raise
        except MailbotError as error:
            self.server.ensure()
            log.info("account %s: Sent could not be read for its style: %s", self.account, in_log(error))

    def _sample(self, row: SentRow, raw: bytes) -> Sample:
        mail = read_mail(raw)
        message = mail.message
        to = message.to[0].key if message.to else ""
        others = {a.key for a in (*message.to, *message.cc)} - {to, *self.settings.own_addresses}
        answered = next(iter(self.journal.mails.by_message_id(row.parent)), None)
        called = (
            f"answer to [[{answered.note.removesuffix('.md')}]]"
            if answered
            else inline(property_text(message.subject))
        )
        day = row.date.date().isoformat() if row.date else ""
        readers = frozenset(a.key for a in (*message.to, *message.cc))
        return Sample(
            to, day, mail.text.newest, f"{day}, {called}", not others, inline(message.subject), readers
        )
