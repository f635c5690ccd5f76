"""Sent -> how the user writes to those who are about to be answered, and the note that says so."""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.assistant.style import MOST, Sample, chosen, is_formal, style_of
from mailbot.errors import MailbotError, TryAgain
from mailbot.mail.mailbox import Mailbox
from mailbot.mail.parse import parse
from mailbot.mail.reply import split
from mailbot.sync import notebook
from mailbot.sync.correspondence import SentRow
from mailbot.sync.run import Run, log
from mailbot.sync.waiting import Waiting, readers
from mailbot.vault import style_note
from mailbot.vault.files import inside, write_atomic
from mailbot.vault.note import property_text
from mailbot.vault.style_note import Habit

ANYBODY = 30
"""The newest mails to anybody that are looked at where those to a person are too few."""
MAX_SIZE = 200_000
"""Octets; a larger mail of the user's says little about style for its size."""


def styles(run: Run, server: Mailbox, waiting: Sequence[Waiting], *, before: str = "") -> dict[int, str]:
    """mail id -> how the user writes to its sender, in words for a prompt; nothing for those of whom too little is known.

    What was learned is written to Mailbot/Style.md, unless the user has made that note their own: then their words go in
    front of all. Sent is read only. Where it cannot be read nothing is learned. With `before` (ISO, UTC) only what was sent by
    then counts, and nothing is written.
    """
    read = _Sent(run, server)
    note = None if before else notebook.read(run.vault, style_note.PATH)
    found: dict[int, str] = {}
    habits: list[Habit] = []
    for w in waiting:
        to = w.message.sender.key if w.message.sender else ""
        samples = chosen(read.samples(to, before or "9999"), to, w.reply.newest) if to else []
        readers_to, readers_cc = readers(run.settings, w.message)
        alone = {a.key for a in (*readers_to, *readers_cc)} == {to}
        style = style_of(samples, to, alone=alone, formal=is_formal(w.reply.newest))
        users = style_note.users_own(note[0], to) if note else None
        own = (users or "")[:3000]
        if style is None:
            if own:
                found[w.row.id] = f"- The user's own notes on style:\n{own}"
            continue
        found[w.row.id] = style.in_words(own)
        sources = [s.source for s in samples if s.source and s.to == to][:MOST]
        if sources:  # of whom the user has never written to, the note says nothing
            habits.append(Habit(to, style.greeting, style.closing, style.words, sources))
    untouched = note is None or style_note.users_own(note[0], "") is None
    if habits and untouched and not before:
        _write(run, habits)
    return found


class _Sent:
    """The user's own mails, each fetched once in a run."""

    def __init__(self, run: Run, server: Mailbox) -> None:
        self._run, self._server = run, server
        self._read: dict[int, Sample | None] = {}

    def samples(self, to: str, before: str) -> list[Sample]:
        journal, account = self._run.journal, self._run.account.name
        rows = journal.correspondence.sent_mails(account, to, MOST, before)
        if len(rows) < MOST:
            known = {r.id for r in rows}
            rows += [
                r
                for r in journal.correspondence.sent_mails(account, limit=ANYBODY, before=before)
                if r.id not in known
            ]
        self._fetch([r for r in rows if r.id not in self._read])
        return [sample for r in rows if (sample := self._read.get(r.id))]

    def _fetch(self, rows: list[SentRow]) -> None:
        if not rows:
            return
        self._read.update(dict.fromkeys((r.id for r in rows), None))
        by_uid = {r.uid: r for r in rows}
        try:
            opened = self._server.examine(rows[0].mailbox)
            if opened.uidvalidity != rows[0].uidvalidity:
                return
            listed = [m for m in self._server.listings(sorted(by_uid)) if m.size <= MAX_SIZE]
            for uid, raw in self._server.bodies(listed):
                self._read[by_uid[uid].id] = self._sample(by_uid[uid], raw)
        except TryAgain:
            raise
        except MailbotError as error:
            self._server.ensure()
            log.info("account %s: Sent could not be read for its style: %s", self._run.account.name, error)

    def _sample(self, row: SentRow, raw: bytes) -> Sample:
        message = parse(raw)
        first = message.to[0].key if message.to else ""
        answered = next(iter(self._run.journal.by_message_id(row.parent)), None) if row.parent else None
        called = (
            f"answer to [[{answered.note.removesuffix('.md')}]]"
            if answered
            else property_text(message.subject)
        )
        return Sample(first, row.date[:10], split(message).newest, f"{row.date[:10]}, {called}")


def _write(run: Run, habits: list[Habit]) -> None:
    """The note, with what it said of others kept."""
    target = inside(run.vault, style_note.PATH)
    found = notebook.read(run.vault, style_note.PATH)
    text = style_note.render(habits, found[0] if found else "")
    if not found or found[0] != text:
        write_atomic(target, text.encode())
