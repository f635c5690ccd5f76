"""Message + Context -> Draft, by the model. What the model says is a claim; what passes is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from mailbot.assistant import prompt
from mailbot.assistant.asks import Ask
from mailbot.assistant.context import ON_THE_MAIL, Context
from mailbot.assistant.due import due_date
from mailbot.assistant.guard import allowed, field_text, long_text, reply_text
from mailbot.assistant.lane import Lane, lane_of
from mailbot.assistant.llm import UnusableAnswer
from mailbot.assistant.models import Models
from mailbot.assistant.support import supports as supported
from mailbot.assistant.triage import mail_text, one_line
from mailbot.mail.message import Message
from mailbot.mail.text.split import MailText


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
    cost: float = 0.0
    """In the currency of the prices in the settings."""


class _TaskAnswer(BaseModel):
    text: str
    owner: Literal["me", "them"] = "me"
    due: str = ""


class _Claim(BaseModel):
    text: str
    """Words of the reply, as they stand in it."""
    sources: list[str] = []


class DraftAnswer(BaseModel):
    """The shape that the model is asked for."""

    reply: str
    reasoning: str
    action_items: list[_TaskAnswer] = []
    claims: list[_Claim] = []
    unknowns: list[str] = []
    taken_up: list[int] | None = None
    """The numbers of the asks that the reply answers or leaves a blank for."""


def by_model(
    message: Message,
    reply: MailText,
    wanted: tuple[Ask, ...],
    context: Context,
    *,
    user: str,
    models: Models,
    today: date,
    folder: Path | None = None,
    instruct: str = "",
    style: str = "",
    earlier: str = "",
    suspicious: tuple[str, ...] = (),
) -> Draft:
    """Ask the model for a reply to `message`, whose asks are `wanted`, from what `context` has.

    `style` says how the user writes, `earlier` is the revision that `instruct` is about, `suspicious` why the mail looks
    like an attack, `folder` where prompts of the user's own lie. Raises what `Models.ask` raises, and UnusableAnswer where
    nothing of the reply passed the guard.
    """
    template = prompt.load("draft", folder)
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
            "sources": source_text or "(none)",
            "sender": one_line(str(message.sender or "unknown")),
            "to": one_line(", ".join(str(a) for a in (*message.to, *message.cc)) or "nobody named"),
            "subject": one_line(message.subject),
            "date": message.date.isoformat() if message.date else "unknown",
            "mail": prompt.fenced("MAIL", mail_text(reply)),
            "asks": "\n".join(f"{n}. {one_line(a.text)}" for n, a in enumerate(wanted, 1))
            or "(nothing in particular)",
            "earlier": prompt.fenced("DRAFT", earlier) if earlier and instruct else "(none)",
            "style": style or "(nothing is known yet)",
        }
    )
    answered = models.ask("draft", system, text, DraftAnswer)
    value = answered.value
    mail = [reply.plain("newest", "quoted", "forwarded", "signature"), message.subject]
    given = [*mail, *(s.text for s in context.sources), instruct, earlier if instruct else ""]
    parties = (a.email for a in (*message.authors, *message.to, *message.cc))
    may = allowed(given, parties, secret=template.rules(one_line(user)))
    guarded = reply_text(value.reply, may)
    if not guarded.text:
        raise UnusableAnswer(
            f"{answered.model}: nothing of its answer was left to draft with",
            answered.tokens_in,
            answered.tokens_out,
            cost=answered.cost,
        )
    text = guarded.text
    if value.taken_up is not None:
        text = _with_blanks(text, [a for n, a in enumerate(wanted, 1) if n not in value.taken_up])
    sources = {s.id: (s.wikilink, s.text) for s in context.sources}
    supports = tuple(
        (t, _support(t, c.sources, sources, "\n".join(mail)))
        for c in value.claims[:20]
        if (t := field_text(c.text, may))
    )
    unknowns = tuple(t for u in value.unknowns[:10] if (t := field_text(u, may)))
    people = " ".join((user, *(str(a) for a in (*message.authors, *message.to, *message.cc))))
    cited = " ".join(where for _, where in supports)
    third = {s.title for s in context.sources if s.person and s.why != ON_THE_MAIL and s.wikilink in cited}
    lane, reasons = lane_of(
        text,
        wanted,
        [*given, people],
        unknowns=unknowns,
        supports=supports,
        removed=guarded.removed,
        suspicious=suspicious,
        third=sorted(third),
    )
    return Draft(
        reply=text,
        reasoning=long_text(value.reasoning, may),
        lane=lane,
        lane_reasons=reasons,
        model=answered.model,
        prompt_version=template.version,
        tasks=tuple(
            Task(t, a.owner, due_date(a.due, message.date.astimezone().date() if message.date else today))
            for a in value.action_items[: 0 if suspicious else 15]  # no tasks out of a mail like that
            if (t := field_text(a.text, may, 200))
        ),
        supports=supports,
        unknowns=unknowns,
        warnings=guarded.removed,
        tokens_in=answered.tokens_in,
        tokens_out=answered.tokens_out,
        cost=answered.cost,
    )


def _with_blanks(text: str, forgotten: list[Ask]) -> str:
    """The reply with a visible blank for each ask that it leaves out, before its closing line."""
    if not forgotten:
        return text
    blanks = "\n\n".join(f"[…: your answer to “{one_line(a.text)[:200]}”]" for a in forgotten)
    head, _, closing = text.rpartition("\n\n")
    return f"{head}\n\n{blanks}\n\n{closing}" if head and len(closing) < 120 else f"{text}\n\n{blanks}"


def _support(statement: str, ids: list[str], sources: dict[str, tuple[str, str]], mail: str) -> str:
    """The sources that a statement names, if they were really given and can carry it; `the mail itself` for the mail."""
    found = [sources[i][0] for i in ids if i in sources and supported(statement, [sources[i][1]])]
    if found:
        return ", ".join(dict.fromkeys(found))
    return "the mail itself" if "mail" in ids and supported(statement, [mail]) else ""
