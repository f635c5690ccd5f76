"""DraftRequest -> Draft, by the model. What the model says is a claim; what passes is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from mailbot.assistant import prompt
from mailbot.assistant.context import ON_THE_MAIL
from mailbot.assistant.due import due_date
from mailbot.assistant.guard import Allowed, Guarded, allowed, field_text, long_text, reply_text
from mailbot.assistant.lane import lane_of
from mailbot.assistant.llm import Answered
from mailbot.assistant.llm_errors import UnusableAnswer
from mailbot.assistant.models import Models
from mailbot.assistant.prompt import Prompt, mail_text, one_line
from mailbot.assistant.request import DraftRequest
from mailbot.assistant.support import supports as supported
from mailbot.vault.draft import ActionItem, Draft
from mailbot.vault.source import Source
from mailbot.vault.verdict import Ask

LONGEST = 10_000
"""Characters of a reply: nobody writes a longer one, and the guard looks at every one of them."""


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

    reply: str = Field(max_length=LONGEST)
    reasoning: str = Field(max_length=LONGEST)
    action_items: list[_TaskAnswer] = []
    claims: list[_Claim] = []
    unknowns: list[str] = []
    taken_up: list[int] | None = None
    """The numbers of the asks that the reply answers or leaves a blank for."""


def by_model(request: DraftRequest, models: Models, folder: Path | None = None) -> Draft:
    """Ask the model for the reply. `folder` is where prompts of the user's own lie. Raises what `Models.ask` raises, and
    UnusableAnswer where nothing of the reply passed the guard."""
    template = prompt.load("draft", folder)
    system, text = template.filled(_values(request))
    answered = models.ask("draft", system, text, DraftAnswer)
    may = _allowed(request, template)
    guarded = reply_text(answered.value.reply, may)
    if not guarded.text:
        raise UnusableAnswer(
            f"{answered.model}: the guard left nothing of its answer",
            answered.tokens_in,
            answered.tokens_out,
            cost=answered.cost,
        )
    return _draft(request, template, answered, may, guarded)


def _values(request: DraftRequest) -> dict[str, str]:
    """What the places of the prompt are filled with."""
    message = request.mail.message
    sources = "\n\n".join(prompt.fenced("SOURCE", _shown(s)) for s in request.context.sources)
    asks = "\n".join(f"{n}. {one_line(a.text)}" for n, a in enumerate(request.asks, 1))
    return {
        "user": one_line(request.user),
        "today": request.today.isoformat(),
        "instruction": one_line(request.instruct) or "none",
        "sources": sources or "(none)",
        "sender": one_line(str(message.sender or "unknown")),
        "to": one_line(", ".join(str(a) for a in (*message.to, *message.cc)) or "nobody named"),
        "subject": one_line(message.subject),
        "date": message.date.isoformat() if message.date else "unknown",
        "mail": prompt.fenced("MAIL", mail_text(request.mail.text)),
        "asks": asks or "(nothing in particular)",
        "earlier": prompt.fenced("DRAFT", _earlier(request)) if _earlier(request) else "(none)",
        "style": request.style or "(nothing is known yet)",
    }


def _shown(source: Source) -> str:
    where = f"{source.title} > {source.heading}" if source.heading else source.title
    return f"id: {source.id}\nnote: {where} ({source.why})\n\n{source.text}"


def _earlier(request: DraftRequest) -> str:
    """The earlier revision, where there is an instruction about it."""
    return request.earlier if request.instruct else ""


def _mail(request: DraftRequest) -> list[str]:
    whole = request.mail.text.plain("newest", "quoted", "forwarded", "signature")
    return [whole, request.mail.message.subject]


def _given(request: DraftRequest) -> list[str]:
    """The texts that a draft may rest on: the mail, the sources, the user's instruction."""
    sources = (s.text for s in request.context.sources)
    return [*_mail(request), *sources, request.instruct, _earlier(request)]


def _allowed(request: DraftRequest, template: Prompt) -> Allowed:
    message = request.mail.message
    parties = (a.email for a in (*message.authors, *message.to, *message.cc))
    shown = (t for s in request.context.sources for t in (s.title, s.heading))
    return allowed([*_given(request), *shown], parties, secret=template.rules(one_line(request.user)))


def _draft(
    request: DraftRequest, template: Prompt, answered: Answered[DraftAnswer], may: Allowed, guarded: Guarded
) -> Draft:
    """The guarded answer with its lane, its sources and its tasks."""
    value, message = answered.value, request.mail.message
    text = guarded.text
    if value.taken_up is not None:
        left_out = [a for n, a in enumerate(request.asks, 1) if n not in value.taken_up]
        text = _with_blanks(text, left_out)
    supports = _supports(request, value.claims, may)
    unknowns = tuple(t for u in value.unknowns[:10] if (t := field_text(u, may)))
    people = " ".join((request.user, *(str(a) for a in (*message.authors, *message.to, *message.cc))))
    lane, reasons = lane_of(
        text,
        request.asks,
        [*_given(request), people],
        unknowns=unknowns,
        supports=supports,
        removed=guarded.removed,
        suspicious=request.suspicious,
        third=_third_people(request.context.sources, supports),
    )
    return Draft(
        reply=text,
        reasoning=long_text(value.reasoning, may),
        lane=lane,
        lane_reasons=reasons,
        model=answered.model,
        prompt_version=template.version,
        action_items=_tasks(request, value, may),
        supports=supports,
        unknowns=unknowns,
        warnings=guarded.removed,
        tokens_in=answered.tokens_in,
        tokens_out=answered.tokens_out,
        cost=answered.cost,
    )


def _supports(request: DraftRequest, claims: Sequence[_Claim], may: Allowed) -> tuple[tuple[str, str], ...]:
    """(statement, what carries it or '') for each claim of the model's."""
    sources = {s.id: (s.wikilink, s.text) for s in request.context.sources}
    mail = "\n".join(_mail(request))
    return tuple(
        (t, _support(t, c.sources, sources, mail)) for c in claims[:20] if (t := field_text(c.text, may))
    )


def _third_people(sources: Sequence[Source], supports: Sequence[tuple[str, str]]) -> list[str]:
    """People whose notes are cited and who are not on the mail."""
    cited = " ".join(where for _, where in supports)
    return sorted({s.title for s in sources if s.person and s.why != ON_THE_MAIL and s.wikilink in cited})


def _tasks(request: DraftRequest, value: DraftAnswer, may: Allowed) -> tuple[ActionItem, ...]:
    if request.suspicious:
        return ()  # what a mail like that asks for is no task of the user's
    date = request.mail.message.date
    day = date.astimezone().date() if date else request.today
    return tuple(
        ActionItem(t, a.owner, due_date(a.due, day))
        for a in value.action_items[:15]
        if (t := field_text(a.text, may, 200))
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
