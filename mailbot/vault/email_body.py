"""The body of an email note: the newest reply first, history and signature folded, everything inert."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, Message
from mailbot.mail.text.split import MailText, Segment, split
from mailbot.vault.html import lines_to_markdown
from mailbot.vault.markdown import block_quote, callout, inline, text_to_markdown
from mailbot.vault.read_back import SIGNATURE


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


def body_markdown(mail: Mail, images: Mapping[str, str] | None = None) -> tuple[int, str]:
    """(tracking pixels taken out, the body as inert Markdown)."""
    message, text = mail.message, mail.text
    pixels = text.pixels
    sections: list[str] = []
    newest = any(s.kind == "newest" for s in text.segments)
    for segment in sorted(text.segments, key=lambda s: _ORDER[s.kind]):
        source = segment.source
        markdown = text_to_markdown(source) if isinstance(source, str) else lines_to_markdown(source, images)
        if not markdown.strip():
            continue
        sections.append(_dressed(segment, markdown, newest))
    for shown in message.body:
        if isinstance(shown, Message):
            inner_pixels, markdown = body_markdown(Mail(shown, split(shown)), images)
            pixels += inner_pixels
            markdown = untitled(markdown, shown.subject)
            subject = f"**Subject:** {inline(shown.subject)}" if shown.subject else ""
            head = "  \n".join(line for line in (subject, header_lines(shown)) if line)
            sections.append(callout("example", "Forwarded mail", f"{head}\n\n{markdown}", folded=newest))
    if message.protected == "encrypted":
        sections.insert(
            0, callout("warning", "This mail is encrypted", "Open it in a mail client.", folded=False)
        )
    if not sections and not message.calendars:
        has = "Its content is in the attachments." if message.attachments else "It has no text."
        sections.append(callout("info", "Nothing to show", has, folded=False))
    return pixels, "\n\n".join(sections)


def untitled(markdown: str, subject: str) -> str:
    """A body without the title that its author set above it, where that is the subject, which stands right above: newsletters do
    so. Where nothing else of the author's follows, it is what they wrote, and stays."""
    first, _, rest = markdown.partition("\n\n")
    title, _, rule = first.partition("\n")
    repeated = _letters(title) and _letters(title) == _letters(inline(subject)) and _RULE.fullmatch(rule)
    return rest if repeated and rest.strip() and not rest.startswith(">") else markdown


_RULE = re.compile(r"[\\=\-_*~\s]*")


def _letters(markdown: str) -> str:
    """What of a line is not space, case, punctuation or a mark of Markdown."""
    return re.sub(r"[\s\\*_#`~.,:;!?\"'“”‘’„«»–—-]+", "", markdown).casefold()


_ORDER = {"newest": 0, "forwarded": 1, "quoted": 1, "signature": 2}


def _dressed(segment: Segment, markdown: str, newest: bool) -> str:
    if segment.kind == "newest" or (not newest and segment.kind != "signature"):
        return markdown
    if segment.kind == "signature":
        return callout("info", SIGNATURE, markdown)
    title = "Forwarded" if segment.kind == "forwarded" else "Earlier in this thread"
    return callout("quote", title, markdown)


def whole_quoted(mail: Mail) -> str:
    """The mail itself, whole, as a block quote: for the draft note's "Original Email"."""
    whole = MailText(tuple(Segment("newest", s.plain, s.source) for s in mail.text.segments))
    _, shown = body_markdown(Mail(mail.message, whole))
    return block_quote(f"{header_lines(mail.message)}\n\n{shown}")
