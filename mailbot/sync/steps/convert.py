"""Raw mail -> all that can be said of it without asking anybody: its text, its verdict by the rules, its note. Pure, and done in
processes of its own where many mails wait."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.assistant.steering import attempts
from mailbot.mail.mail import Mail, dated, read_mail
from mailbot.mail.text.split import MailText
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.vault.email_note import EmailNote, Filing, to_note
from mailbot.vault.entry import Entry, entry_of
from mailbot.vault.note import Note
from mailbot.vault.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail to be read: its bytes, where it was found, what is known beside it, the folder for its note, and when it arrived."""

    raw: bytes
    filing: Filing
    known: Circumstances
    folder: str
    arrived: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Converted:
    """A mail that was read. Where the rules have settled it for good, `mail` has no more than its header and plain text."""

    mail: Mail
    verdict: Verdict
    note: EmailNote
    entry: Entry
    """What the index keeps of the note."""

    @property
    def names(self) -> frozenset[str]:
        """What tells the mail from others in the journal: two that share a name never share a batch."""
        message = self.mail.message
        return frozenset((message.sha256, message.message_id or message.sha256, self.note.path))


def convert(given: RawMail) -> Converted:
    """Read a mail and make its note. Whatever its bytes are, this raises only where mailbot has a bug."""
    return converted(read_mail(given.raw), given)


def converted(mail: Mail, given: RawMail) -> Converted:
    """The same of a mail that was read already."""
    mail = dated(mail, given.arrived)
    verdict = by_rules(mail, given)
    suspicious = attempts(mail.message)
    note = to_note(mail, given.filing, verdict, folder=given.folder, suspicious=suspicious).written_out()
    entry = entry_of(note.path, note.note)
    settled = verdict.disposition in ("read", "ignore")
    return Converted(_light(mail) if settled else mail, verdict, note, entry)


def by_rules(mail: Mail, given: RawMail) -> Verdict:
    """What the mail and its arrival alone decide."""
    arrived = given.arrived or mail.message.date
    try:
        age = given.now - arrived.astimezone() if arrived else None
    except (OverflowError, ValueError, OSError):  # a date that no time zone can hold
        age = None
    return disposition(mail, replace(given.known, age=age))


def renamed(note: EmailNote, mail: Mail, given: RawMail, name: str) -> EmailNote:
    """A note under another name, where another mail's note has the usual one."""
    again = to_note(whole(mail, given), given.filing, Verdict(), folder=given.folder, name=name)
    properties = {**note.note.properties, "attachments": again.note.properties["attachments"]}
    return replace(again, note=Note(properties, again.note.body))


def whole(mail: Mail, given: RawMail) -> Mail:
    """The mail with all that it comes from."""
    return dated(read_mail(given.raw), given.arrived) if given.raw else mail


def _light(mail: Mail) -> Mail:
    """A mail that nothing more is wanted of: what it comes from is not carried along."""
    segments = tuple(replace(segment, source="") for segment in mail.text.segments)
    return Mail(replace(mail.message, body=(), attachments=(), calendars=()), MailText(segments))
