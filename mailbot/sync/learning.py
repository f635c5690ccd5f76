"""Sent -> how the user writes to those who are about to be answered, and the note that says so."""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.assistant.style import MOST, Sample, Style, chosen, is_formal, style_of
from mailbot.errors import MailbotError, TryAgain
from mailbot.mail.mime.parse import parse
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.text.split import split
from mailbot.sync import notebook
from mailbot.sync.correspondence import SentRow
from mailbot.sync.run import Run, log
from mailbot.sync.waiting import Waiting, readers
from mailbot.vault import style_note
from mailbot.vault.files import inside, write_atomic
from mailbot.vault.markdown import inline
from mailbot.vault.note import property_text
from mailbot.vault.style_note import Habit

ANYBODY = 30
"""The newest mails to anybody that are looked at where those to a person are too few."""
MAX_SIZE = 200_000
"""Octets; a larger mail of the user's says little about style for its size."""


def styles(run: Run, server: ImapAccount, waiting: Sequence[Waiting]) -> dict[int, str]:
    """mail id -> how the user writes to its sender, in words for a prompt; nothing for those of whom too little is known.

    What was learned is written to Mailbot/Style.md, unless the user has made that note their own: then their words go in
    front of all. Sent is read only. Where it cannot be read nothing is learned. Raises TryAgain where the server asks for
    patience, OSError where the note cannot be written.
    """
    sent = SentMail(run, server)
    note = notebook.read(run.vault, style_note.PATH)
    found: dict[int, str] = {}
    habits: list[Habit] = []
    for w in waiting:
        samples, style = learned(sent, w)
        to = w.message.sender.key if w.message.sender else ""
        own = ((style_note.users_own(note[0], to) if note else None) or "")[:3000]
        if style is None:
            if own:
                found[w.row.id] = f"- The user's own notes on style:\n{own}"
            continue
        found[w.row.id] = style.in_words(own)
        sources = [s.source for s in samples if s.source and s.to == to][:MOST]
        if sources:  # of whom the user has never written to, the note says nothing
            habits.append(Habit(to, style.greeting, style.closing, style.words, sources))
    untouched = note is None or style_note.users_own(note[0], "") is None
    if habits and untouched:
        _write(run, habits, note[0] if note else "")
    return found


def learned(sent: SentMail, w: Waiting, before: str = "9999") -> tuple[list[Sample], Style | None]:
    """(the user's mails that say most about an answer to this one, what they have in common), from what was sent before an
    ISO time in UTC. Writes nothing."""
    to = w.message.sender.key if w.message.sender else ""
    samples = chosen(sent.samples(to, before), to, w.reply.newest) if to else []
    alone = {a.key for part in readers(sent.run.settings, w.message) for a in part} == {to}
    return samples, style_of(samples, to, alone=alone, formal=is_formal(w.reply.newest))


class SentMail:
    """The user's own mails, each fetched once."""

    def __init__(self, run: Run, server: ImapAccount) -> None:
        self.run, self._server = run, server
        self._read: dict[int, Sample | None] = {}

    def samples(self, to: str, before: str) -> list[Sample]:
        """The newest mails to an address, and where they are few the newest to anybody, sent before an ISO time in UTC."""
        sent, account = self.run.journal.correspondence, self.run.account.name
        rows = sent.sent_mails(account, to, MOST, before)
        if len(rows) < MOST:
            known = {r.id for r in rows}
            rows += [r for r in sent.sent_mails(account, limit=ANYBODY, before=before) if r.id not in known]
        unread = [r for r in rows if r.id not in self._read]
        for mailbox, uidvalidity in dict.fromkeys((r.mailbox, r.uidvalidity) for r in unread):
            self._fetch(
                mailbox,
                uidvalidity,
                {r.uid: r for r in unread if (r.mailbox, r.uidvalidity) == (mailbox, uidvalidity)},
            )
        return [sample for r in rows if (sample := self._read.get(r.id))]

    def _fetch(self, mailbox: str, uidvalidity: int, rows: dict[int, SentRow]) -> None:
        """Read the mails of these UIDs; those that are not to be had are remembered as such."""
        self._read.update(dict.fromkeys((r.id for r in rows.values()), None))
        try:
            if self._server.examine(mailbox).uidvalidity != uidvalidity:
                return
            listed = [m for m in self._server.listings(sorted(rows)) if m.size <= MAX_SIZE]
            for uid, raw in self._server.bodies(listed):
                self._read[rows[uid].id] = self._sample(rows[uid], raw)
        except TryAgain:
            raise
        except MailbotError as error:
            self._server.ensure()
            log.info("account %s: Sent could not be read for its style: %s", self.run.account.name, error)

    def _sample(self, row: SentRow, raw: bytes) -> Sample:
        message = parse(raw)
        to = message.to[0].key if message.to else ""
        others = {a.key for a in (*message.to, *message.cc)} - {to, *self.run.settings.own_addresses}
        answered = next(iter(self.run.journal.by_message_id(row.parent)), None) if row.parent else None
        called = (
            f"answer to [[{answered.note.removesuffix('.md')}]]"
            if answered
            else inline(property_text(message.subject))
        )
        source = f"{row.date[:10]}, {called}"
        return Sample(to, row.date[:10], split(message).newest, source, alone=not others)


def _write(run: Run, habits: list[Habit], before: str) -> None:
    """The note, with what it said of others kept."""
    text = style_note.render(habits, before)
    if text != before:
        write_atomic(inside(run.vault, style_note.PATH), text.encode())
