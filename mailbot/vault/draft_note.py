"""Draft <-> Note: the draft as the user reads, edits and approves it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.markdown import block_quote, callout, inline, quote_note, text_to_markdown, unescape
from mailbot.vault.note import Note, property_text

BEGIN = "%% mailbot: reply begins %%"
END = "%% mailbot: reply ends %%"


_TASK_SIGNS = re.compile(
    "[\U0001f4c5\U0001f4c6\U0001f5d3\u23f3\U0001f6eb\u2795\u2705\u274c\U0001f501\U0001f53a\u23eb\U0001f53c\U0001f53d\u23ec\U0001f194\u26d4\U0001f3c1]"
)
"""The signs that the Tasks plugin reads: a date is set by us, or not at all."""


@dataclass(frozen=True, slots=True)
class ActionItem:
    """`owner` is `me` or `them`; `due` an ISO date or empty."""

    text: str
    owner: str
    due: str = ""

    def line(self) -> str:
        """As the Tasks plugin reads it."""
        due = f" 📅 {self.due}" if self.due else ""
        return f"- [ ] {inline(_TASK_SIGNS.sub('', self.text)).strip()} @{self.owner}{due}"


@dataclass(frozen=True, slots=True)
class ContextSource:
    """A passage that was given to the drafter: `note` is relative to the vault, `why` says how it was chosen."""

    note: str
    title: str
    heading: str
    text: str
    why: str
    person: bool = False
    stranger: bool = False
    """Whether the text is a mail's: then it is made inert like any mail's, not taken for the user's own Markdown."""

    @property
    def wikilink(self) -> str:
        return f"[[{self.note.removesuffix('.md')}]]"


@dataclass(frozen=True, slots=True)
class DraftNote:
    """What a draft note says. Texts are plain; they are made inert when the note is written."""

    stem: str
    original: str
    created: datetime
    to: str
    to_name: str
    subject: str
    reply: str
    original_quoted: str
    cc: tuple[str, ...] = ()
    reason: str = ""
    topics: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    recipient_type: str = ""
    urgency: str = ""
    stakes: str = ""
    reasoning: str = ""
    action_items: tuple[ActionItem, ...] = ()
    context: tuple[ContextSource, ...] = ()
    supports: tuple[tuple[str, str], ...] = ()
    """(statement, wikilink or '') pairs: what of the reply rests on which note."""
    withheld: tuple[tuple[str, str], ...] = ()
    """(note, reason) pairs: what a rule kept back. Names only, never their text."""
    unknowns: tuple[str, ...] = ()
    status: str = "draft"
    account: str = ""
    message_id: str = ""
    draft_message_id: str = ""
    lane: str = "needs_you"
    model: str = ""
    prompt_version: str = ""
    tokens: int = 0
    cost: float = 0.0
    lane_reasons: tuple[str, ...] = ()
    earlier: tuple[tuple[str, str], ...] = ()
    """(when and how, reply) of the revisions before this one, newest first."""
    warnings: tuple[str, ...] = field(default=())


def render(draft: DraftNote) -> Note:
    """DraftNote -> Note, in the user's own format (DESIGN 5), every key and heading of it."""
    properties: dict[str, Any] = {
        "status": draft.status,
        "type": "email-draft",
        "original": draft.original,
        "created": draft.created.isoformat(),
        "to": property_text(draft.to),
        "to_name": property_text(draft.to_name),
        "cc": [property_text(c) for c in draft.cc],
        "subject": property_text(draft.subject),
        "reason": property_text(draft.reason),
        "topics": [property_text(t) for t in draft.topics],
        "people_mentioned": [property_text(p) for p in draft.people],
        "vault_context_used": bool(draft.context),
        "recipient_type": draft.recipient_type,
        "urgency": draft.urgency,
        "stakes": draft.stakes,
        "account": draft.account,
        "message_id": property_text(draft.message_id),
        "draft_message_id": property_text(draft.draft_message_id),
        "lane": draft.lane,
        "model": draft.model,
        "prompt_version": draft.prompt_version,
        "sources": list(dict.fromkeys(c.wikilink for c in draft.context)),
        "tokens": draft.tokens,
        "cost": round(draft.cost, 6),
    }
    to = f"{inline(draft.to_name)} {inline(f'<{draft.to}>')}".strip()
    head = [f"**To:** {to}"]
    if draft.cc:
        head.append(f"**Cc:** {', '.join(inline(c) for c in draft.cc)}")
    head += [
        f"**Subject:** {inline(draft.subject)}",
        f"**Context:** {inline(draft.reason)}",
        f"**Classification:** {inline(draft.recipient_type or 'not classified')} | urgency: {inline(draft.urgency or 'not classified')}"
        f" | stakes: {inline(draft.stakes or 'not classified')}",
    ]
    reasoning = [block_quote(text_to_markdown(draft.reasoning or "None was given."))]
    if draft.lane_reasons:
        rows = "\n".join(inline(f"- {why}") for why in draft.lane_reasons)
        reasoning.append(f"**Why `{draft.lane}`**\n\n{rows}")
    if draft.supports:
        listed = [f"{inline(f'- {what}')} — {link or '*no source*'}" for what, link in draft.supports]
        reasoning.append("**Sources**\n\n" + "\n".join(listed))
    if draft.unknowns:
        reasoning.append("**Only you can know**\n\n" + "\n".join(inline(f"- {u}") for u in draft.unknowns))
    if draft.warnings:
        reasoning.append(
            "**Taken out of the answer**\n\n"
            + "\n".join(inline(f"- {w.replace('://', ': //')}") for w in draft.warnings)  # named, not linked
        )
    items = "\n".join(item.line() for item in draft.action_items) or "*None.*"
    blocks = [
        f"# Draft Reply: {inline(draft.subject)}",
        "\n".join(f"{line}  " for line in head).rstrip(),
        "---",
        f"{BEGIN}\n\n{text_to_markdown(draft.reply)}\n\n{END}",
        "---",
        "## AI Reasoning",
        *reasoning,
        "## Action Items (Extracted)",
        items,
        "---",
        "## Original Email",
        draft.original_quoted,
        "---",
        "## Vault Context Used",
        _context(draft.context),
        _withheld(draft.withheld),
        _history(draft.earlier),
    ]
    return Note(properties, "\n\n".join(b for b in blocks if b) + "\n")


def _history(earlier: tuple[tuple[str, str], ...]) -> str:
    if not earlier:
        return ""
    parts = ["## Earlier Revisions"]
    for when, reply in earlier:
        parts.append(callout("quote", when, text_to_markdown(reply)))
    return "\n\n".join(parts)


def _withheld(withheld: tuple[tuple[str, str], ...]) -> str:
    if not withheld:
        return ""
    rows = [f"- [[{note.removesuffix('.md')}]]: {inline(reason)}" for note, reason in withheld]
    return "### Withheld by your rules\n\n" + "\n".join(rows)


def _context(context: tuple[ContextSource, ...]) -> str:
    if not context:
        return "*Nothing of the vault was used.*"
    parts = ["<details><summary>Context from notes that informed this draft</summary>"]
    for heading, people in (("## People Context", True), ("## Notes", False)):
        chosen = [c for c in context if c.person is people]
        if not chosen:
            continue
        parts.append(heading)
        for note_path in dict.fromkeys(c.note for c in chosen):
            same = [c for c in chosen if c.note == note_path]
            parts.append(f"### {inline(same[0].title)}")
            parts.append(f"*Path: {inline(note_path)}* — {same[0].wikilink} ({inline(same[0].why)})")
            for source in same:
                head = source.heading.rpartition(" > ")[2]
                if head and not source.stranger:
                    parts.append(f"**{quote_note(head)}**")
                parts.append(text_to_markdown(source.text) if source.stranger else quote_note(source.text))
    parts.append("</details>")
    return "\n\n".join(parts)


@dataclass(frozen=True, slots=True)
class ReadDraft:
    """What a draft note says now, after the user may have edited it. `reply` is plain text again."""

    status: str
    original: str
    draft_message_id: str
    reply: str
    model: str = ""
    earlier: tuple[tuple[str, str], ...] = ()


_REVISION = re.compile(r"^> \[!quote\]- (.*)\n((?:>.*\n?)*)", re.MULTILINE)


def parse(text: str, name: str) -> ReadDraft:
    """Read a draft note back.

    Raises BadData, naming the note, where its properties are broken or the marks round the reply are gone.
    """
    note = notes.read(text, name)
    found = re.search(rf"{re.escape(BEGIN)}\n(.*?)\n{re.escape(END)}", note.body, re.DOTALL)
    if not found:
        raise BadData(
            f"{name}: the lines {BEGIN!r} and {END!r} round the reply are gone; put them back round your text"
        )
    return ReadDraft(
        status=str(note.properties.get("status") or ""),
        original=str(note.properties.get("original") or ""),
        draft_message_id=str(note.properties.get("draft_message_id") or ""),
        reply=unescape(found[1].strip("\n")),
        model=str(note.properties.get("model") or ""),
        earlier=_read_history(note.body),
    )


def _read_history(body: str) -> tuple[tuple[str, str], ...]:
    _, heading, section = body.rpartition("\n## Earlier Revisions\n")
    if not heading:
        return ()
    revisions = []
    for match in _REVISION.finditer(section):
        text = "\n".join(
            line[2:] if line.startswith("> ") else line[1:] for line in match[2].rstrip("\n").split("\n")
        )
        revisions.append((unescape(match[1]), unescape(text)))
    return tuple(revisions)
