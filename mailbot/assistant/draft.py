"""Message + Context -> Draft, by the model. What the model says is a claim; what passes is decided here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel

from mailbot.assistant import prompt
from mailbot.assistant.asks import Ask
from mailbot.assistant.context import Context
from mailbot.assistant.guard import allowed, field_text, long_text, reply_text
from mailbot.assistant.llm import Model, UnusableAnswer
from mailbot.assistant.triage import mail_text, one_line
from mailbot.mail.message import Message
from mailbot.mail.reply import Reply

Lane = Literal["ready", "check", "needs_you"]
BLANK = re.compile(
    r"\[…[^\]]*\]|\[\.\.\.[^\]]*\]|\[your call[^\]]*\]|\[(?:link|address) removed\]", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Task:
    """An action item: `owner` is `me` or `them`, `due` an ISO date or empty."""

    text: str
    owner: str
    due: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer, ready to be checked. `supports` pairs a statement with the wikilink of its source or ''; `warnings` says
    what the guard took out; `lane_reasons` why the draft is in its lane."""

    reply: str
    reasoning: str
    lane: Lane
    model: str
    prompt_version: str
    lane_reasons: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    supports: tuple[tuple[str, str], ...] = ()
    unknowns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


class _TaskAnswer(BaseModel):
    text: str
    owner: Literal["me", "them"] = "me"
    due: str = ""


class _Claim(BaseModel):
    text: str
    sources: list[str] = []


class DraftAnswer(BaseModel):
    """The shape that the model is asked for."""

    reply: str
    reasoning: str
    action_items: list[_TaskAnswer] = []
    claims: list[_Claim] = []
    unknowns: list[str] = []


def by_model(
    message: Message,
    reply: Reply,
    wanted: tuple[Ask, ...],
    context: Context,
    *,
    user: str,
    model: Model,
    name: str,
    today: date,
    instruct: str = "",
) -> Draft:
    """Ask the model for a reply. Raises what `Model.ask` raises, and UnusableAnswer where nothing of the reply passed."""
    template = prompt.load("draft")
    source_text = "\n\n".join(
        prompt.fenced(
            "SOURCE",
            f"id: {s.id}\nnote: {s.title}{f' > {s.heading}' if s.heading else ''} ({s.why})\n\n{s.text}",
        )
        for s in context.sources
    )
    system, text = template.filled(
        {
            "user": one_line(user),
            "today": today.isoformat(),
            "instruction": one_line(instruct) or "none",
            "sources": source_text or "(none: the vault has nothing on this)",
            "sender": one_line(str(message.sender or "unknown")),
            "to": one_line(", ".join(str(a) for a in (*message.to, *message.cc)) or "nobody named"),
            "subject": one_line(message.subject),
            "date": message.date.isoformat() if message.date else "unknown",
            "mail": prompt.fenced("MAIL", mail_text(reply)),
            "asks": "\n".join(f"- {one_line(a.text)}" for a in wanted) or "- (nothing in particular)",
        }
    )
    answered = model.ask(name, system, text, DraftAnswer)
    value = answered.value
    given = [
        reply.plain("newest", "quoted", "forwarded", "signature"),
        message.subject,
        *(s.text for s in context.sources),
        instruct,
    ]
    may = allowed(given, (a.email for a in (*message.authors, *message.to, *message.cc)))
    guarded = reply_text(value.reply, may)
    if not guarded.text:
        raise UnusableAnswer(
            f"{name}: nothing of its answer was left to draft with", answered.tokens_in, answered.tokens_out
        )
    links = {s.id: s.wikilink for s in context.sources}
    supports = tuple(
        (t, _support(c.sources, links)) for c in value.claims[:20] if (t := field_text(c.text, may))
    )
    unknowns = tuple(t for u in value.unknowns[:10] if (t := field_text(u, may)))
    lane, reasons = lane_of(guarded.text, unknowns, supports, guarded.removed)
    return Draft(
        reply=guarded.text,
        reasoning=long_text(value.reasoning, may),
        lane=lane,
        lane_reasons=reasons,
        model=answered.model,
        prompt_version=template.version,
        tasks=tuple(
            Task(t, a.owner, _due(a.due))
            for a in value.action_items[:15]
            if (t := field_text(a.text, may, 200))
        ),
        supports=supports,
        unknowns=unknowns,
        warnings=guarded.removed,
        tokens_in=answered.tokens_in,
        tokens_out=answered.tokens_out,
    )


def _support(ids: list[str], links: dict[str, str]) -> str:
    """The source that a claim names, if it was really given; `the mail itself` for the mail."""
    found = [links[i] for i in ids if i in links]
    return ", ".join(dict.fromkeys(found)) or ("the mail itself" if "mail" in ids else "")


def _due(value: str) -> str:
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        return ""


def lane_of(
    text: str, unknowns: tuple[str, ...], supports: tuple[tuple[str, str], ...], removed: tuple[str, ...]
) -> tuple[Lane, tuple[str, ...]]:
    """The lane of a draft and why: blanks need the user; doubts, or what the guard took out, want a check."""
    if BLANK.search(text) or unknowns:
        return "needs_you", tuple(unknowns) or ("it has blanks",)
    doubts = [f"no source for: {what}" for what, link in supports if not link]
    if removed:
        doubts.append("something was taken out of the answer")
    if not supports:
        doubts.append("it names no source")
    return ("check", tuple(doubts)) if doubts else ("ready", ("every statement has a source",))
