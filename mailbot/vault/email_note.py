"""Message -> Note: what lands in the vault for every mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mailbot.mail.message import Address, Attachment, Calendar, Message, Text
from mailbot.mail.mime.report import report
from mailbot.mail.text.split import MailText, Segment, split_text
from mailbot.vault.files import safe_name, slug, unused
from mailbot.vault.markdown import block_quote, callout, inline, text_to_markdown
from mailbot.vault.note import Note, property_text

if TYPE_CHECKING:
    from mailbot.mail.mime.calendar import Event

_IMAGES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
}


@dataclass(frozen=True, slots=True)
class Filing:
    """Where a mail was found. `mailbox` is its IMAP name; a mail from a file has no uid (0)."""

    account: str = ""
    mailbox: str = ""
    uid: int = 0
    uidvalidity: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a mail, by what (`fact`, `rule`, `model`, `detector`, `user`) and why."""

    disposition: str = ""
    decided_by: str = ""
    reason: str = ""
    recipient_type: str = ""
    urgency: str = ""
    stakes: str = ""
    topics: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    def properties(self) -> dict[str, Any]:
        """The properties of an email note that say so."""
        return {
            "disposition": self.disposition,
            "decided_by": self.decided_by,
            "reason": property_text(self.reason),
            "recipient_type": self.recipient_type,
            "urgency": self.urgency,
            "stakes": self.stakes,
            "topics": [property_text(t) for t in self.topics],
            "people": [property_text(p) for p in self.people],
        }


@dataclass(frozen=True, slots=True)
class EmailNote:
    """A note to write: `path` and `files` (path -> content) are relative to the vault."""

    path: str
    note: Note
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def when(message: Message) -> datetime:
    """The mail's date in the user's own time zone; the epoch where it has none."""
    try:
        return (message.date or datetime.fromtimestamp(0, UTC)).astimezone()
    except (OverflowError, ValueError):  # a date that no time zone of ours can hold
        return datetime.fromtimestamp(0, UTC)


def stem(message: Message, uid: int) -> str:
    """`2025-12-12_160426_5605_Re-OpenAI`: a name for people; nothing reads meaning from it. A mail from a file has the
    start of its hash in the place of a UID."""
    return f"{when(message):%Y-%m-%d_%H%M%S}_{uid or message.sha256[:8]}_{slug(message.subject)}"


def to_note(
    message: Message,
    reply: MailText,
    filing: Filing,
    verdict: Verdict,
    *,
    folder: str = "Email",
    name: str = "",
) -> EmailNote:
    """The note of a mail: properties, the newest reply first, history and signature folded, attachments linked.

    `name` overrides the note's stem, where the usual one is taken. Nothing is written here.
    """
    base = name or stem(message, filing.uid)
    directory = f"{folder}/{when(message):%Y/%m}"
    files, links, images = _files(message, f"{directory}/{base}_files")
    pixels, shown = body_markdown(message, reply, images)
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
        "attachments": [f"[[{path}]]" for path in links],
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
    blocks = [
        *(_event_block(e, shown) for calendar in message.calendars for e in _events(calendar)),
        _report_block(message),
    ]
    sections = [f"# {inline(message.subject) or '(no subject)'}", header_lines(message), *blocks, shown]
    if links:
        sections.append("## Attachments\n\n" + "\n".join(_link(path, a) for path, a in links.items()))
    return EmailNote(
        f"{directory}/{base}.md", Note(properties, "\n\n".join(s for s in sections if s) + "\n"), files
    )


def _events(calendar: Calendar) -> list[Event]:
    from mailbot.mail.mime.calendar import events  # a mail without an invitation never pays for icalendar

    return events(calendar)


_METHODS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Counter-proposal",
}
_ANSWERS = {
    "accepted": "accepted",
    "declined": "declined",
    "tentative": "perhaps",
    "needs-action": "not answered",
}


def _event_block(event: Event, shown: str) -> str:
    """An event as a small block: title, when, where, who asks and who has answered, and its description where the mail's text,
    `shown` elsewhere in the note, does not say the same."""
    rows = [
        ("When", event.when + _yours(event.start) + (" (repeats)" if event.repeats else "")),
        ("Where", event.where),
        ("Organiser", event.organizer),
    ]
    lines = [f"**{label}:** {inline(text)}" for label, text in rows if text]
    answers = [
        f"{inline(a.name or a.email)}: {_ANSWERS.get(a.answer, a.answer or 'not answered')}"
        for a in event.attendees
    ]
    if answers:
        lines.append(f"**Answers:** {'; '.join(answers)}")
    what = (
        "Changed invitation"
        if event.updated and event.method == "REQUEST"
        else _METHODS.get(event.method, "Event")
    )
    text = "  \n".join(lines)
    words = set(re.findall(r"\w+", event.description.casefold()))
    if not words <= set(re.findall(r"\w+", shown.casefold())):
        text += f"\n\n{text_to_markdown(event.description)}"
    return callout("calendar", f"{what}: {inline(event.title)}", text, folded=False)


def _yours(start: datetime | None) -> str:
    """A moment as the user's own clock shows it, where that is another than the invitation's."""
    try:
        local = start.astimezone() if start else None
    except (OverflowError, ValueError):
        return ""
    if start is None or local is None or local.utcoffset() == start.utcoffset():
        return ""
    return f"; for you {local:%a, %d %b %Y %H:%M %Z}"


def _report_block(message: Message) -> str:
    """A delivery report as a small block: who did not get which mail of ours, and why."""
    found = report(message)
    if found is None:
        return ""
    lines = []
    for r in found.recipients:
        what = f"{r.action or 'reported'}{f' ({r.status})' if r.status else ''}"
        lines.append(f"**{inline(r.recipient)}:** {inline(f'{what}: {r.reason}' if r.reason else what)}")
    about = f"{found.subject} {found.message_id or ''}".strip()
    if about:
        lines.append(f"**The mail:** {inline(about)}")
    return callout("fail", "Delivery report", "  \n".join(lines), folded=False)


def header_lines(message: Message) -> str:
    """From, To, Cc and Date as a reader is shown them."""
    rows = [("From", message.authors), ("To", message.to), ("Cc", message.cc)]
    lines = [f"**{label}:** {', '.join(address(a) for a in who)}" for label, who in rows if who]
    if message.date:
        lines.append(f"**Date:** {message.date:%a, %d %b %Y %H:%M %z}")
    return "  \n".join(lines)


def address(who: Address) -> str:
    """A name and its address, inert. The address itself is always shown: a display name can claim anything."""
    email = inline(f"<{who.email}>") if who.email else ""
    return " ".join(part for part in (inline(who.name), email) if part)


def body_markdown(
    message: Message, reply: MailText, images: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """(tracking pixels taken out, the body as inert Markdown)."""
    pixels = 0
    sections: list[str] = []
    newest = any(s.kind == "newest" for s in reply.segments)

    def convert(text: Text) -> str:
        nonlocal pixels
        if not text.html:
            return text_to_markdown(text.content)
        from mailbot.vault.html import html_to_markdown  # a run without new mail never pays for it

        converted = html_to_markdown(text.content, images)
        pixels += converted.pixels
        return converted.markdown

    for segment in sorted(reply.segments, key=lambda s: _ORDER[s.kind]):
        markdown = convert(segment.source)
        if not markdown.strip():
            continue
        sections.append(_dressed(segment, markdown, newest))
    for shown in message.body:
        if isinstance(shown, Message):
            inner = MailText(
                tuple(s for part in shown.body if isinstance(part, Text) for s in split_text(part))
            )
            inner_pixels, text = body_markdown(shown, inner, images)
            pixels += inner_pixels
            subject = f"**Subject:** {inline(shown.subject)}" if shown.subject else ""
            head = "  \n".join(line for line in (subject, header_lines(shown)) if line)
            sections.append(callout("example", "Forwarded mail", f"{head}\n\n{text}", folded=newest))
    if message.protected == "encrypted":
        sections.insert(
            0, callout("warning", "This mail is encrypted", "Open it in a mail client.", folded=False)
        )
    if not sections and not message.calendars:
        has = "Its content is in the attachments." if message.attachments else "It has no text."
        sections.append(callout("info", "Nothing to show", has, folded=False))
    return pixels, "\n\n".join(sections)


_ORDER = {"newest": 0, "forwarded": 1, "quoted": 1, "signature": 2}


def _dressed(segment: Segment, markdown: str, newest: bool) -> str:
    if segment.kind == "newest" or (not newest and segment.kind != "signature"):
        return markdown
    if segment.kind == "signature":
        return callout("info", "Signature", markdown)
    title = "Forwarded" if segment.kind == "forwarded" else "Earlier in this thread"
    return callout("quote", title, markdown)


def whole_quoted(message: Message, reply: MailText) -> str:
    """The mail itself, whole, as a block quote: for the draft note's "Original Email"."""
    _, shown = body_markdown(
        message, MailText(tuple(Segment("newest", s.plain, s.source) for s in reply.segments))
    )
    return block_quote(f"{header_lines(message)}\n\n{shown}")


def _files(
    message: Message, directory: str
) -> tuple[dict[str, bytes], dict[str, Attachment], dict[str, str]]:
    """(path -> content, path -> attachment, Content-ID -> path from the note's folder of those that a note may show)."""
    files: dict[str, bytes] = {}
    links: dict[str, Attachment] = {}
    images: dict[str, str] = {}
    taken: set[str] = set()
    for attachment in message.attachments:
        name = unused(safe_name(attachment.name), taken)
        path = f"{directory}/{name}"
        files[path] = attachment.content
        links[path] = attachment
        raster = _IMAGES.get(attachment.content_type)
        if (
            attachment.content_id
            and raster
            and _is_raster(attachment.content)
            and name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp"))
        ):
            images[attachment.content_id] = f"{directory.rpartition('/')[2]}/{name}"
    return files, links, images


def _is_raster(content: bytes) -> bool:
    """Whether the bytes are what they claim: an SVG that calls itself PNG would run."""
    return content.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM")) or (
        content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    )


def _link(path: str, attachment: Attachment) -> str:
    name = path.rpartition("/")[2]
    return f"- [[{path}|{name}]] ({human_size(attachment.size)})"


def human_size(octets: int) -> str:
    """`12 kB`, as file managers say it."""
    size = float(octets)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
