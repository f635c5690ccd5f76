"""Draft -> Note: the draft as the user reads, edits and approves it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailbot.vault.draft import Draft, Lead
from mailbot.vault.markdown import block_quote, callout, inline, quote_note, text_to_markdown
from mailbot.vault.note import Note, Properties, property_text
from mailbot.vault.source import Context, Source, Withheld
from mailbot.vault.verdict import Verdict

BEGIN = "%% mailbot: reply begins %%"
END = "%% mailbot: reply ends %%"
REVISIONS = "## Earlier Revisions"
HISTORY = "## History"
WITHHELD = 5
"""Notes that were kept back and are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class DraftNote:
    """What a draft note says. Texts are plain; they are made inert when the note is written.

    `original` is the file name of the mail's note, `original_quoted` the mail as a block quote. `context` is what the draft
    was made from, and `earlier` the revisions before this one: (when and how, reply), newest first.
    """

    original: str
    created: datetime
    to: str
    to_name: str
    subject: str
    original_quoted: str
    draft: Draft
    verdict: Verdict
    context: Context
    cc: tuple[str, ...] = ()
    status: str = "draft"
    account: str = ""
    message_id: str = ""
    draft_message_id: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    history: tuple[str, ...] = ()
    """What became of the drafts of this mail, a line each, the oldest first."""


def render(note: DraftNote) -> Note:
    """DraftNote -> Note, in the user's own format, every key and heading of it."""
    draft, verdict = note.draft, note.verdict
    to = f"{inline(note.to_name)} {inline(f'<{note.to}>')}".strip()
    head = [f"**To:** {to}"]
    if note.cc:
        head.append(f"**Cc:** {', '.join(inline(c) for c in note.cc)}")
    head += [
        f"**Subject:** {inline(note.subject)}",
        f"**Context:** {inline(verdict.reason)}",
        f"**Classification:** {inline(verdict.recipient_type or 'not classified')} | urgency: {inline(verdict.urgency or 'not classified')}"
        f" | stakes: {inline(verdict.stakes or 'not classified')}",
    ]
    blocks = [
        f"# Draft Reply: {inline(note.subject)}",
        "\n".join(f"{line}  " for line in head).rstrip(),
        "---",
        f"{BEGIN}\n\n{reply_to_markdown(draft.reply)}\n\n{END}",
        "---",
        "## AI Reasoning",
        *_reasoning(draft),
        "## Action Items (Extracted)",
        "\n".join(item.line() for item in draft.action_items) or "*None.*",
        "---",
        "## Original Email",
        note.original_quoted,
        "---",
        "## Vault Context Used",
        _context(note.context.sources),
        _withheld(note.context.withheld),
        _revisions(note.earlier),
        _history(note.history),
    ]
    return Note(_properties(note), "\n\n".join(b for b in blocks if b) + "\n")


def reply_to_markdown(reply: str) -> str:
    """A reply as it stands in a note. Its numbers stand as they were written: `1.` is a list, and shows as what it is. A task
    (`1. [ ]`) would join the user's own, and keeps its escape."""
    markdown = text_to_markdown(reply)
    return re.sub(r"^( {0,3}\d{1,9})\\([.)])(?![ \t]+\\?\[)", r"\1\2", markdown, flags=re.MULTILINE)


def _properties(note: DraftNote) -> Properties:
    draft, verdict = note.draft, note.verdict
    return {
        "status": note.status,
        "type": "email-draft",
        "original": note.original,
        "created": note.created.isoformat(),
        "to": property_text(note.to),
        "to_name": property_text(note.to_name),
        "cc": [property_text(c) for c in note.cc],
        "subject": property_text(note.subject),
        "reason": property_text(verdict.reason),
        "topics": [property_text(t) for t in verdict.topics],
        "people_mentioned": [property_text(p) for p in verdict.people],
        "vault_context_used": bool(note.context.sources),
        "recipient_type": verdict.recipient_type,
        "urgency": verdict.urgency,
        "stakes": verdict.stakes,
        "account": note.account,
        "message_id": property_text(note.message_id),
        "draft_message_id": property_text(note.draft_message_id),
        "lane": draft.lane,
        "model": draft.model,
        "prompt_version": draft.prompt_version,
        "sources": list(dict.fromkeys(s.wikilink for s in note.context.sources if s.note)),
        "tokens": draft.tokens_in + draft.tokens_out,
        "cost": round(draft.cost, 6),
    }


def _reasoning(draft: Draft) -> list[str]:
    """Why this answer, why this lane, and what each statement rests on."""
    blocks = [block_quote(text_to_markdown(draft.reasoning or "None was given."))]

    def listed(title: str, rows: Iterable[str]) -> None:
        if lines := "\n".join(rows):
            blocks.append(f"**{title}**\n\n{lines}")

    listed(f"Why `{draft.lane}`", (inline(f"- {why}") for why in draft.lane_reasons))
    listed("Sources", (f"{inline(f'- {what}')} — {link or '*no source*'}" for what, link in draft.supports))
    listed("Notes that may answer", (row for lead in draft.leads for row in _lead(lead)))
    listed("Only you can know", (inline(f"- {u}") for u in draft.unknowns))
    # Links are named, so that they are no links.
    listed("Taken out of the answer", (inline(f"- {w.replace('://', ': //')}") for w in draft.warnings))
    return blocks


def _lead(lead: Lead) -> list[str]:
    """A note, and below it the sentence that may answer, with the questions that it may answer."""
    rows = [f"- {lead.link}{' (for you only, do not pass on)' if lead.only_known else ''}"]
    for questions, sentence in lead.answers:
        asked = ", ".join(f"“{q}”" for q in questions)
        rows.append(f"    {inline(f'- {asked}' + (f' — {sentence}' if sentence else ''))}")
    return rows


def _revisions(earlier: tuple[tuple[str, str], ...]) -> str:
    if not earlier:
        return ""
    return "\n\n".join([REVISIONS, *(revision(when, reply) for when, reply in earlier)])


def revision(when: str, reply: str) -> str:
    """A reply of another time, folded."""
    return callout("quote", when, text_to_markdown(reply))


def _history(lines: tuple[str, ...]) -> str:
    return f"{HISTORY}\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""


def _withheld(withheld: tuple[Withheld, ...]) -> str:
    if not withheld:
        return ""
    rows = [
        f"- [[{each.note.removesuffix('.md')}]]: {inline(each.reason)}"
        + (f" — to open it: {each.opens}" if each.opens else "")
        for each in withheld[:WITHHELD]
    ]
    if len(withheld) > WITHHELD:
        rows.append(f"- and {len(withheld) - WITHHELD} more")
    return "### Withheld by your rules\n\n" + "\n".join(rows)


def _context(context: tuple[Source, ...]) -> str:
    if not context:
        return "*Nothing of the vault was used.*"
    parts = ["<details><summary>Context from notes that informed this draft</summary>"]
    for heading, people in (("## People Context", True), ("## Notes", False)):
        chosen = [c for c in context if c.person is people]
        if not chosen:
            continue
        parts.append(heading)
        for place in dict.fromkeys((c.note, c.title) for c in chosen):
            same = [c for c in chosen if (c.note, c.title) == place]
            parts.append(f"### {inline(same[0].title)}")
            why = f"({inline(same[0].why)})"
            parts.append(
                f"*Path: {inline(same[0].note)}* — {same[0].wikilink} {why}"
                if same[0].note
                else f"*In your Sent mailbox* {why}"
            )
            for source in same:
                if source.use == "know":
                    parts.append("*For you only, do not pass on:*")
                parts.append(text_to_markdown(source.text) if source.email else quote_note(source.text))
    parts.append("</details>")
    return "\n\n".join(parts)


def after_reply(text: str) -> int:
    """Where the part of a draft note begins that is mailbot's: behind the reply, or at the end where its mark is gone."""
    end = text.find(END, max(text.find(BEGIN), 0))
    return len(text) if end < 0 else end + len(END)
