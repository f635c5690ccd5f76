"""A draft note -> the bytes that lie in Drafts, the first time and each time the note was edited."""

from __future__ import annotations

import email
import email.policy
import mimetypes
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mailbot.errors import BadData
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.message import Address, Attachment, MessageId
from mailbot.mail.mime import reply_body
from mailbot.mail.mime.compose import Reply, compose
from mailbot.mail.mime.header import addresses
from mailbot.settings import Account, Settings
from mailbot.sync.decide.content import content_of
from mailbot.sync.decide.noted import Noted, checked, chosen_recipients, chosen_subject, noted
from mailbot.sync.decide.outgoing import outgoing
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.steps.composed import Composed
from mailbot.vault import read_draft
from mailbot.vault.beneath import read_beneath
from mailbot.vault.files import content_hash
from mailbot.vault.walk import named

LARGEST = 25_000_000
"""Octets of one attachment: few servers take more."""


def ready(mail_id: int, note: str, note_hash: str, reply: Reply, said: Noted) -> Composed:
    """A reply as a draft that is ready to be stored. `said` is what its note says."""
    raw = compose(reply)
    base = content_of(read_mail(raw)).hash
    return Composed(
        mail_id,
        note,
        note_hash,
        reply.message_id,
        raw,
        reply.quote_lines,
        server_base=base,
        note_base=said.hash,
    )


def of_note(
    settings: Settings,
    account: Account,
    files: NoteFiles,
    row: MailRow,
    mail: Mail,
    note: str,
    message_id: MessageId,
    date: datetime,
) -> Composed:
    """The draft of a note as it lies in the vault, in answer to `mail`, ready to be stored. Raises BadData if the note cannot be read, or
    names recipients or files that cannot be."""
    text, note_hash = files.must_read(note)
    said = checked(with_files(noted(read_draft.parse(text, note)), settings.vault), note)
    planned = outgoing(settings, account, mail, said.text, message_id, date)
    to, cc = chosen_recipients(said, planned.to, planned.cc)
    attachments = attached(settings.vault, note, said.attach)
    reply = replace(planned, to=to, cc=cc, subject=chosen_subject(said, planned.subject), files=attachments)
    return ready(row.id, note, note_hash, reply, said)


def revised(
    old: bytes,
    quote_lines: int,
    said: Noted,
    signature: str,
    message_id: MessageId,
    date: datetime,
    quoted: str | None = None,
    *,
    keep_files: bool = False,
) -> Reply:
    """The draft that takes the place of an `old` one: its sender, its thread and its quote, with what the note says now. In one of
    ours the quote are the last `quote_lines`; in another it is `quoted`, and with `keep_files` its files are kept. The files that the
    note names are left to the caller."""
    mail = read_mail(old).message
    quote = _last_lines(old, quote_lines) if quoted is None else quoted
    hidden = {a.key: a for value in mail.headers.get("bcc", ()) for a in addresses(value)[0] if a.email}
    to, cc = chosen_recipients(said, mail.to, mail.cc)
    return Reply(
        message_id=message_id,
        date=date,
        sender=mail.sender or Address("", ""),
        to=to,
        cc=cc,
        subject=chosen_subject(said, mail.subject),
        in_reply_to=mail.in_reply_to[0] if mail.in_reply_to else None,
        references=mail.references,
        body=reply_body.body(said.text, quote, signature),
        files=mail.attachments if keep_files else (),
        bcc=tuple(hidden.values()),
        quote_lines=len(quote.strip().split("\n")) if quote.strip() else 0,
    )


def _last_lines(raw: bytes, count: int) -> str:
    """The last lines of the text of a draft of ours, which is plain text in UTF-8."""
    lines = plain_text(raw).rstrip("\n").split("\n")
    return "\n".join(lines[-count:]) if count else ""


def plain_text(raw: bytes) -> str:
    """The plain text of a draft, with its quote; empty for none."""
    body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
    try:
        return str(body.get_content() if body else "").replace("\r\n", "\n")
    except (LookupError, ValueError):  # a charset that nobody knows, from a mail client
        return ""


def with_files(said: Noted, vault: Path) -> Noted:
    """What a note says, with the content of its files: one that is changed is another draft. A file that cannot be read is left to
    `attached`, which says so."""
    digests = []
    for path in said.attach:
        try:
            digests.append(content_hash(read_beneath(vault, _located(vault, path), LARGEST)))
        except (BadData, OSError):
            digests.append("unreadable")
    return replace(said, digests=tuple(digests))


def attached(vault: Path, note: str, paths: tuple[str, ...]) -> tuple[Attachment, ...]:
    """The files of the vault that a draft note attaches. Raises BadData, naming the note, for one that is not there, is too large,
    or lies outside the vault."""
    found = []
    for path in paths:
        try:
            content = read_beneath(vault, _located(vault, path), LARGEST)
        except FileNotFoundError as error:
            raise BadData(f"{note}: `attach` names {path}, which is not in the vault; correct it") from error
        except BadData as error:
            raise BadData(f"{note}: `attach` names {path}, which cannot be attached: {error}") from error
        guessed, packed = mimetypes.guess_type(path)
        kind = "application/octet-stream" if packed or not guessed else guessed
        if kind.startswith(("message/", "multipart/")):
            kind = "application/octet-stream"
        found.append(Attachment(path.rpartition("/")[2], kind, content))
    return tuple(found)


def _located(vault: Path, path: str) -> str:
    """The path of a file in the vault. A name alone, as Obsidian writes the link to a file of which there is only one, is looked for.
    Raises BadData where several have it."""
    if "/" in path or (vault / path).is_file():
        return path
    there = named(vault, path)
    if len(there) > 1:
        raise BadData(
            f"{len(there)} files of the vault have that name; write the path of one: {', '.join(there[:3])}"
        )
    return there[0] if there else path
