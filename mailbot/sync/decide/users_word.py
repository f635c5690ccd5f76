"""What the user says of a mail in the properties of its note."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.memory.rows import MailRow
from mailbot.vault.note import Properties
from mailbot.vault.verdict import disposition_of

SAID = "You said so in the note"


@dataclass(frozen=True, slots=True)
class Word:
    """What the user has said: of a mail (`reply`, `read`, `ignore`) or of a sender (`never`, `always`, or a disposition), and
    where it was said, in words."""

    word: str
    where: str


def users_word(mail: MailRow, properties: Properties) -> Word | None:
    """The disposition that the user has written, None if the note says only what mailbot wrote.

    Before a mail is judged, mailbot has written no `decided_by`; after that the journal knows which disposition it wrote.
    """
    said = disposition_of(properties.get("disposition"))
    ours = bool(properties.get("decided_by")) if mail.stage == "triage" else said == mail.disposition
    return None if said is None or ours else Word(said, SAID)
