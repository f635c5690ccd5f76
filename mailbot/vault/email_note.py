"""A mail -> its email note. What a note says is read back in `read_back.py`; no other file knows the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mailbot.mail.mail import Mail
from mailbot.mail.message import Message
from mailbot.vault import note as notes
from mailbot.vault.attachments import attached
from mailbot.vault.email_blocks import blocks
from mailbot.vault.email_body import body_markdown, header_lines, untitled
from mailbot.vault.files import slug
from mailbot.vault.markdown import inline
from mailbot.vault.note import Note, property_text
from mailbot.vault.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Filing:
    """Where a mail was found. `mailbox` is its IMAP name; a mail from a file has no uid (0)."""

    account: str = ""
    mailbox: str = ""
    uid: int = 0
    uidvalidity: int = 0


@dataclass(frozen=True, slots=True)
class EmailNote:
    """A note to write: `path` and `files` (path -> content) are relative to the vault. `front` are its properties as text, where
    they were written out already."""

    path: str
    note: Note
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    front: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """What the file holds."""
        return (self.front or notes.front(self.note.properties)) + self.note.body

    def written_out(self) -> EmailNote:
        """The same with its properties as text."""
        return replace(self, front=notes.front(self.note.properties))

    def decided(self, verdict: Verdict, twins: Sequence[str]) -> EmailNote:
        """The same with another verdict, and with the notes of other mails that have its Message-ID."""
        properties = {**self.note.properties, **verdict.properties()}
        if twins:
            properties["same_message_id_as"] = [f"[[{note.removesuffix('.md')}]]" for note in twins]
        return replace(self, note=Note(properties, self.note.body), front="")


UNDATED = "undated"
"""The folder, in the place of year and month, for mails that nothing dates: no Date, no Received, no arrival. A file's own time
says when it was copied, so it dates nothing."""


def when(message: Message) -> datetime | None:
    """The mail's date in the user's own time zone; None where it has none."""
    try:
        return message.date.astimezone() if message.date else None
    except (OverflowError, ValueError):  # a date that no time zone of ours can hold
        return None


def stem(message: Message, uid: int) -> str:
    """`2025-12-12_160426_5605_Re-OpenAI`: a name for people; nothing reads meaning from it. A mail from a file has the
    start of its hash in the place of a UID, and so has one without a date: its name is the same in every run."""
    at = when(message)
    if at is None:
        return f"{message.sha256[:8]}_{slug(message.subject)}"
    return f"{at:%Y-%m-%d_%H%M%S}_{uid or message.sha256[:8]}_{slug(message.subject)}"


def to_note(
    mail: Mail,
    filing: Filing,
    verdict: Verdict,
    *,
    folder: str = "Email",
    name: str = "",
    suspicious: Sequence[str] = (),
) -> EmailNote:
    """The note of a mail: properties, the newest reply first, history and signature folded, attachments linked.

    `name` overrides the note's stem, where the usual one is taken. `suspicious` says how the mail tries to steer a model.
    Nothing is written here.
    """
    message = mail.message
    base = name or stem(message, filing.uid)
    at = when(message)
    directory = f"{folder}/{at:%Y/%m}" if at else f"{folder}/{UNDATED}"
    files = attached(message, f"{directory}/{base}_files")
    pixels, shown = body_markdown(mail, files.images)
    properties: dict[str, Any] = {
        "type": "email",
        "title": property_text(message.subject) or "(no subject)",
        "message_id": property_text(message.message_id or ""),
        "thread": property_text(message.thread or ""),
        "sha256": message.sha256,
        "account": filing.account,
        "mailbox": filing.mailbox,
        "uid": filing.uid or None,
        "uidvalidity": filing.uidvalidity or None,
        "from": property_text(str(message.sender or "")),
        "to": [property_text(str(a)) for a in message.to],
        "cc": [property_text(str(a)) for a in message.cc],
        "date": at.replace(tzinfo=None, microsecond=0) if at else "",
        "date_exact": message.date.isoformat() if message.date else "",
        "in_reply_to": property_text(message.in_reply_to[0]) if message.in_reply_to else "",
        "attachments": [f"[[{path}]]" for path in files.links],
        **verdict.properties(),
        "draft": "",
        "tags": ["email"],
    }
    if message.protected:
        properties["protected"] = message.protected
    if pixels:
        properties["tracking_pixels"] = pixels
    if message.defects:
        properties["defects"] = [property_text(d) for d in message.defects]
    if suspicious:
        properties["suspicious"] = list(suspicious)
    heading = f"# {inline(message.subject) or '(no subject)'}"
    read = untitled(shown, message.subject)
    sections = [heading, header_lines(message), *blocks(message, shown), read, files.section()]
    body = "\n\n".join(s for s in sections if s) + "\n"
    return EmailNote(f"{directory}/{base}.md", Note(properties, body), files.files)
