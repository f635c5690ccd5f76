"""DraftRequest -> Draft, by the model. What the model says is a claim; what passes is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from mailbot.assistant import prompt
from mailbot.assistant.claims import Claim, carried
from mailbot.assistant.closing import parted
from mailbot.assistant.due import due_date, working_days
from mailbot.assistant.guard import Allowed, Guarded, allowed, field_text, long_text, reply_text
from mailbot.assistant.lane import Grounds, lane_of
from mailbot.assistant.llm import Answered
from mailbot.assistant.llm_errors import UnusableAnswer
from mailbot.assistant.models import Models
from mailbot.assistant.prompt import Prompt, mail_text, one_line, quoted_text
from mailbot.assistant.request import DraftRequest
from mailbot.mail.message import Address
from mailbot.vault.draft import ActionItem, Draft
from mailbot.vault.source import Source
from mailbot.vault.verdict import Ask

LONGEST = 10_000
"""Characters of a reply: nobody writes a longer one, and the guard looks at every one of them."""


class _TaskAnswer(BaseModel):
    text: str
    owner: Literal["me", "them"] = "me"
    due: str = ""


class DraftAnswer(BaseModel):
    """The shape that the model is asked for."""

    reply: str = Field(max_length=LONGEST)
    reasoning: str = Field(max_length=LONGEST)
    action_items: list[_TaskAnswer] = []
    claims: list[Claim] = []
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
    asks = "\n".join(
        f"{n}. {one_line(a.text)}{' (for the user to decide)' if a.decides else ''}"
        for n, a in enumerate(request.asks, 1)
    )
    sent = message.date.astimezone(request.now.tzinfo) if message.date else None
    return {
        "user": one_line(request.user),
        "now": f"{request.now:%A}, {request.now:%Y-%m-%d %H:%M} ({request.now:%Z}, UTC{request.now:%z})",
        "today": request.today.isoformat(),
        "working_days": _days_between(sent.date() if sent else None, request.today),
        "instruction": one_line(request.instruct) or "none",
        "sources": _sources(request.context.sayable),
        "known": _sources(request.context.only_known),
        "quoted": prompt.fenced("MAIL", quoted)
        if (quoted := quoted_text(request.mail.text))
        else "(nothing)",
        "sender": one_line(str(message.sender or "unknown")),
        "to": one_line(", ".join(str(a) for a in (*message.to, *message.cc)) or "nobody named"),
        "subject": one_line(message.subject),
        "date": f"{sent:%A}, {sent:%Y-%m-%d %H:%M}" if sent else "an unknown date",
        "mail": prompt.fenced("MAIL", mail_text(request.mail.text)),
        "asks": asks or "(nothing in particular)",
        "earlier": prompt.fenced("DRAFT", _earlier(request)) if _earlier(request) else "(none)",
        "style": _style(request),
    }


def _sources(sources: Sequence[Source]) -> str:
    return "\n\n".join(prompt.fenced("SOURCE", _shown(s)) for s in sources) or "(none)"


def _shown(source: Source) -> str:
    """A source with its date, and what is newer on its matter."""
    head = [f"id: {source.id}", f"note: {source.title} ({source.why})"]
    if source.date:
        head.append(f"date: {source.date}")
    if source.newer:
        head.append(f"newer on the same matter: {', '.join(source.newer)}")
    if source.replaced_by:
        head.append(f"replaced by: {source.replaced_by}")
    return "\n".join((*head, "", source.text))


def _style(request: DraftRequest) -> str:
    """How the user writes, and what the user's notes say of how to write to these readers: the one instruction that they carry."""
    laid_down = [f"{_MANNER[key]} {one_line(said)}" for key, said in request.context.manner.items()]
    remarks = "\n".join(f"- {one_line(r)}" for r in (*laid_down, *request.context.remarks))
    told = (
        f"- What {one_line(request.user)} has laid down for this person; follow it:\n{remarks}"
        if remarks
        else ""
    )
    return "\n".join(part for part in (request.style, told) if part) or "(nothing is known yet)"


_MANNER = {
    "language": "Write in this language, whatever the mail is in:",
    "greeting": "Greet with:",
    "closing": "Close with:",
    "register": "Register:",
    "address": "Address them with:",
}


def _closing(request: DraftRequest) -> str:
    """How the reply closes, as the person note says, else as the user does; empty if neither is known."""
    said = request.context.manner.get("closing", "")
    return "\n".join(part.strip() for part in said.split(" / ")) if said else request.closing


def _days_between(then: date | None, today: date) -> str:
    if then is None or then > today:
        return ""
    days = working_days(then, today)
    return "That is today." if then == today else f"Working days since then: {days}."


def _earlier(request: DraftRequest) -> str:
    """The earlier revision, where there is an instruction about it, and why it was in its lane."""
    if not request.instruct or not request.earlier:
        return ""
    why = "\n".join(f"- {one_line(w)}" for w in request.why_earlier)
    return f"{request.earlier}\n\n(What was doubtful about it:\n{why})" if why else request.earlier


def _mail(request: DraftRequest) -> list[str]:
    whole = request.mail.text.plain("newest", "quoted", "forwarded", "signature")
    return [whole, request.mail.message.subject]


def _given(request: DraftRequest) -> list[str]:
    """The texts that a draft may rest on: the mail, the sources, the user's instruction."""
    return [*_sayable(request), *(s.text for s in request.context.only_known), _previous(request)]


def _sayable(request: DraftRequest) -> list[str]:
    """The texts that a reader may be told: the mail, the sources that may be told, the user's instruction."""
    sources = (f"{s.title}\n{s.text}" for s in request.context.sayable)
    return [*_mail(request), *sources, request.instruct]


def _previous(request: DraftRequest) -> str:
    return request.earlier if request.instruct else ""


def _allowed(request: DraftRequest, template: Prompt) -> Allowed:
    message = request.mail.message
    parties = (a.email for a in (*message.authors, *message.to, *message.cc))
    shown = (s.title for s in request.context.sources)
    return allowed([*_given(request), *shown], parties, secret=template.rules(one_line(request.user)))


def _draft(
    request: DraftRequest, template: Prompt, answered: Answered[DraftAnswer], may: Allowed, guarded: Guarded
) -> Draft:
    """The guarded answer with its lane, its sources and its tasks."""
    value, message = answered.value, request.mail.message
    text = guarded.text
    left_out: list[Ask] = []
    if value.taken_up is not None:
        left_out = [a for n, a in enumerate(request.asks, 1) if n not in value.taken_up]
    mail = parted(text)
    text = replace(mail, body=_with_blanks(mail.body, left_out)).closed(_closing(request))
    supports, told = carried(value.claims, request.context, "\n".join(_mail(request)), may)
    unknowns = tuple(t for u in value.unknowns[:10] if (t := field_text(u, may)))
    unknowns += tuple(_looked_for(request, ask) for ask in left_out)
    people = " ".join((request.user, *(str(a) for a in (*message.authors, *message.to, *message.cc))))
    said = [*_sayable(request), people, request.now.isoformat()]
    known = [s.text for s in request.context.only_known]
    lane, reasons = lane_of(
        text,
        request.asks,
        Grounds(said, known, _name_of(message.sender), _day(request), _found_for(request)),
        unknowns=unknowns,
        supports=supports,
        removed=guarded.removed,
        suspicious=request.suspicious,
        left_out=left_out,
        told=told,
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


def _name_of(sender: Address | None) -> str:
    """Whom the answer tells something, as a lane's reason says it."""
    return one_line(sender.name or sender.email) if sender else "the readers"


def _looked_for(request: DraftRequest, ask: Ask) -> str:
    """An ask that is left open, and the notes in which its answer was looked for."""
    titles = dict.fromkeys(s.title for s in request.context.found_for(ask.text))
    where = f"looked for in {', '.join(titles)}" if titles else "no note of yours was found for it"
    return f"{one_line(ask.text)[:200]} ({where})"


def _found_for(request: DraftRequest) -> dict[str, list[str]]:
    """ask -> the texts that were found for it."""
    return {a.text: [s.text for s in request.context.found_for(a.text)] for a in request.asks}


def _day(request: DraftRequest) -> date:
    """The day of the mail, in the user's zone: what its "tomorrow" counts from."""
    sent = request.mail.message.date
    return sent.astimezone(request.now.tzinfo).date() if sent else request.today


def _tasks(request: DraftRequest, value: DraftAnswer, may: Allowed) -> tuple[ActionItem, ...]:
    if request.suspicious:
        return ()  # what a mail like that asks for is no task of the user's
    day = _day(request)
    return tuple(
        ActionItem(t, a.owner, due_date(a.due, day))
        for a in value.action_items[:15]
        if (t := field_text(a.text, may, 200))
    )


def _with_blanks(body: str, forgotten: list[Ask]) -> str:
    """The text of a reply with a visible blank for each ask that it leaves out."""
    blanks = [f"[…: your answer to “{one_line(a.text)[:200]}”]" for a in forgotten]
    return "\n\n".join((body, *blanks))
