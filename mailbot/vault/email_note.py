"""Email note: written from a mail, and read back. The only file that knows its format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, Message
from mailbot.vault import note as notes
from mailbot.vault.attachments import attached
from mailbot.vault.email_blocks import blocks
from mailbot.vault.email_body import SIGNATURE, body_markdown, header_lines, untitled
from mailbot.vault.files import slug
from mailbot.vault.markdown import inline, unescape
from mailbot.vault.note import Note, Properties, property_text
from mailbot.vault.verdict import Disposition, Verdict, disposition_of


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
        "date": message.date.isoformat() if message.date else "",
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


# Read back. What a note says is the user's word: they may have changed any of it.

_FOLDED_SIGNATURE = re.compile(rf"^> \[!info\]- {SIGNATURE}\n((?:>.*\n?)+)", re.MULTILINE)
_IDENTITY = re.compile(
    r"^(sha256|message_id|account|draft):[ \t]*[\"']?([^\"'\n]*?)[\"']?[ \t]*(?: #.*)?\r?$", re.MULTILINE
)
_DISPOSITION = re.compile(rb"^disposition:[ \t]*[\"']?(\w+)", re.MULTILINE)


def newest_text(body: str) -> str:
    """The newest text of an email note: without its title and header lines, and without the folded callouts."""
    lines = []
    for line in body.split("\n"):
        if line.startswith(("> ", ">")) or re.match(r"#+ |\*\*(?:From|To|Cc|Date):\*\*|- \[\[", line):
            continue
        lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def signature_in(text: str) -> str:
    """The signature that stands in an email note, as plain text; empty for none."""
    found = _FOLDED_SIGNATURE.search(text)
    return unescape("\n".join(line[2:] for line in found[1].split("\n"))) if found else ""


def sender_in(properties: Properties) -> Address:
    """The sender of an email note, with empty texts where it names none."""
    return Address(*party(str(properties.get("from") or "")))


def party(line: str) -> tuple[str, str]:
    """(name, address) of one party as an email note writes it: the address stands last, whatever the name claims to be."""
    name, bracket, rest = line.rpartition("<")
    return (name.strip(), rest.rstrip("> ").strip()) if bracket else ("", line.strip())


@dataclass(frozen=True, slots=True)
class Identity:
    """Which mail an email note is of; empty texts for what it does not say."""

    sha256: str = ""
    message_id: str = ""
    account: str = ""
    draft: str = ""
    """The draft note that it names."""


def identity_in(text: str) -> Identity:
    """The identity that stands in a note's properties. No YAML is parsed: a user's slip there must not make a second note."""
    text = text.removeprefix("\ufeff")
    front = text[: max(0, text.find("\n---", 3)) + 1] if text.startswith("---") else ""
    found = {str(key): str(value) for key, value in _IDENTITY.findall(front)}
    return Identity(**found)


def disposition_in(head: bytes) -> Disposition | None:
    """The disposition in the first octets of an email note, None if they hold none. Cheap: no YAML is parsed."""
    if head[:3] != b"---":
        return None
    found = _DISPOSITION.search(head[: max(0, head.find(b"\n---", 3)) + 1])
    return disposition_of(found[1].decode()) if found else None
