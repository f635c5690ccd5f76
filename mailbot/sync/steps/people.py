"""Mails -> person notes: of those with whom the user has exchanged mail. Arrival alone makes nobody known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mailbot.errors import BadData
from mailbot.mail.display_name import full_name
from mailbot.mail.message import Address
from mailbot.mail.text.signature import details
from mailbot.settings import Settings
from mailbot.sync.decide.correspondent import why_nobody
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import MailRow, Stranger
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report, log
from mailbot.sync.steps.sent import exchanged_with
from mailbot.vault import people
from mailbot.vault.bases import MAIL, PERSON_EMBED
from mailbot.vault.encounter import Encounter
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.note import Properties
from mailbot.vault.read_back import date_in, sender_in, signature_in
from mailbot.vault.wikilink import linked

PATIENCE = timedelta(days=60)
"""How long a stranger's mail waits for an answer of the user's."""
EARLIER = 10
"""Earlier mails that a new person note begins with."""


@dataclass(slots=True)
class PersonNotes:
    """Keeps the person notes of an account's correspondents. `today` is an ISO day in the user's zone."""

    account: str
    settings: Settings
    journal: Journal
    notes: NoteFiles
    index: Index
    report: Report
    today: str
    _made: dict[str, str] = field(default_factory=dict, init=False)
    """Address -> path of the notes of this run."""

    def update(self) -> None:
        """Bring the person notes up to date with the mails that were kept: make those of people whom the user has written
        with, and note the mail in those that are there. A note that cannot be read is reported and tried again by a later
        run. Raises OSError if the disk fails: the next run goes on where this one was."""
        met = []
        for stranger in self.journal.strangers.all(self.account):
            exchanged = self._have_exchanged(stranger)
            known = stranger.address in self._made or bool(self.index.with_address(stranger.address))
            if not exchanged and not known:
                continue  # a stranger, for the time being
            try:
                self._note(self.journal.mails.get(stranger.mail_id), exchanged)
            except BadData as error:  # corrected by the user, it is taken up again
                self.report.remark(f"the person note of {stranger.address} was left as it is: {error}")
            else:
                met.append(stranger.mail_id)
        if met:
            self.journal.strangers.met(met)
        self.journal.strangers.forget_before(datetime.now(UTC) - PATIENCE)
        if self._made:
            refresh(self.index, self.settings.exclude)

    def _have_exchanged(self, stranger: Stranger) -> bool:
        return exchanged_with(self.journal.sent, stranger.address, stranger.parents)

    def _note(self, row: MailRow, exchanged: bool) -> None:
        """Note a mail in the person note of its sender, which is made where there is none."""
        found, properties = self.notes.read(row.note), self.notes.properties(row.note)
        if found is None or properties is None:
            return
        sender = sender_in(properties)
        if why_nobody(sender):
            return
        met = encounter(row, properties, found[0], sender, self.today)
        # A name is enough only for those whom the user has written with: anybody can carry any name.
        known = people.person(self.index, sender.email, full_name(sender) if exchanged else "")
        path = known.path if known else self._made.get(sender.key, "")
        if path:
            self._met(path, met, sender)
        elif exchanged and len(self.index.with_address(sender.email)) <= 1:
            self._make(row, sender, met)
        # Where several notes claim the address, the user must say whose it is.

    def _met(self, path: str, met: Encounter, sender: Address) -> None:
        """Note a mail in a person note. The mails that make room for it are found by the view from then on, so each must link here."""
        gone: list[str] = []

        def with_it(text: str) -> str:
            after = people.with_encounter(text, met, sender.email, self._view())
            gone[:] = people.mails_gone(text, after)
            return after

        self.notes.edit(path, with_it)
        for note in gone:
            properties = self.notes.properties(note) or {}
            written = str(properties.get("from") or "")
            if row := self.journal.mails.by_note(note) if written and "[[" not in written else None:
                note_hash = self.notes.change(note, row.note_hash, {"from": linked(written, path)})
                self.journal.mails.update(
                    row.id, stage=row.stage, disposition=row.disposition, note_hash=note_hash
                )

    def _view(self) -> str:
        """What embeds a person's mails, empty where the user has no such view."""
        return PERSON_EMBED if self.notes.exists(MAIL) else ""

    def _make(self, row: MailRow, sender: Address, met: Encounter) -> None:
        name = full_name(sender)
        taken = [*(p.path for p in self.index.people()), *self._made.values()]
        path = people.new_path(self.settings.people_folder, name, sender.email, taken)
        if self.notes.exists(path):
            return  # a note that is no person's lies there: the user's
        earlier = [e for e in self._earlier(sender) if e.note != met.note][1 - people.RECENT :]
        try:
            self.notes.create(path, people.new_note(name, sender.email, [*earlier, met], self._view()))
        except FileExistsError:
            return  # somebody was faster: another account of this run, or the user
        self._made[sender.key] = path
        self.report.people.append(path)
        log.info("account %s: a person note was made for the sender of mail %d", self.account, row.id)

    def _earlier(self, sender: Address) -> Iterable[Encounter]:
        """The mails from them that the vault has already, oldest first."""
        for note in reversed(self.index.mail_with(sender.key, EARLIER)):
            properties = self.notes.properties(note.path) or {}
            if sender_in(properties).key == sender.key and date_in(properties):
                yield Encounter(_day(properties), note.path)


def _day(properties: Properties) -> str:
    """The ISO day of a mail, in the user's own time; empty if it has none."""
    return str(properties.get("date") or "")[:10]


def encounter(
    row: MailRow, properties: Properties, text: str, sender: Address, today: str = "9999"
) -> Encounter:
    """An email note -> what a person note keeps of it. A mail without a date gets the day it arrived, and a day in the
    future becomes `today`."""
    told = details(signature_in(text), sender, full_name(sender))
    day = min(_day(properties) or row.date.isoformat()[:10], today)
    return Encounter(day, row.note, told.role, told.company, told.phone)
