"""Which mails want an answer, by the model. Every field of its answer passes the guard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from mailbot.assistant import prompt
from mailbot.assistant.guard import Allowed, allowed, field_text
from mailbot.assistant.llm import Answered
from mailbot.assistant.models import Models
from mailbot.assistant.prompt import mail_text, one_line, quoted_text
from mailbot.mail.mail import Mail
from mailbot.mail.message import addressed
from mailbot.vault.verdict import Ask, Disposition, Verdict

EARLIER = 6_000
"""Characters of an earlier mail that are shown."""
LOOKUPS = 3
"""Searches for one ask."""


class _AskAnswer(BaseModel):
    kind: Literal["question", "request"]
    text: str = Field(max_length=1000)
    lookups: list[str] = []
    decides: bool = False


class TriageAnswer(BaseModel):
    """The shape that the model is asked for."""

    disposition: Disposition
    reason: str
    recipient_type: str = ""
    urgency: Literal["low", "medium", "high"] = "medium"
    stakes: Literal["low", "medium", "high"] = "medium"
    topics: list[str] = []
    people: list[str] = []
    asks: list[_AskAnswer] = []
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """The user as the triage prompt knows them: name, own addresses (case-folded), and whether they and the author of the
    mail have written with each other."""

    name: str
    own: frozenset[str] = frozenset()
    knows_author: bool = False
    languages: tuple[str, ...] = ()
    """The languages that the vault is mostly in, by their English names."""


def judged(
    mail: Mail,
    reader: Reader,
    models: Models,
    folder: Path | None = None,
    earlier: Sequence[Mail] = (),
    others: Sequence[Mail] = (),
) -> tuple[Verdict, Answered[TriageAnswer]]:
    """(the model's verdict, its answer with what it cost). `earlier` are mails of the same author and thread that are still open,
    oldest first: the verdict is on all of them together. `others` are mails of other authors that the user has still to answer: the
    answer's `settles` says whether that is needless now. It is asked once, with the prompt of the user's `folder` if there
    is one. Raises what `Models.ask` raises."""
    template = prompt.load("triage", folder)
    system, text = template.filled(_values(mail, reader, earlier, others))
    answered = models.ask("triage", system, text, TriageAnswer)
    shown = [m.text.plain("newest", "quoted", "forwarded", "signature") for m in (mail, *earlier)]
    may = allowed([*shown, mail.message.subject], secret=template.rules(one_line(reader.name)))
    return _guarded(answered.value, may), answered


def _values(mail: Mail, reader: Reader, earlier: Sequence[Mail], others: Sequence[Mail]) -> dict[str, str]:
    message = mail.message
    written = "have written" if reader.knows_author else "have never written"
    return {
        "user": one_line(reader.name),
        "sender": one_line(str(message.sender or "unknown")),
        "to": one_line(", ".join(str(a) for a in (*message.to, *message.cc)) or "nobody named"),
        "subject": one_line(message.subject),
        "date": message.date.isoformat() if message.date else "unknown",
        "addressed": addressed(message, reader.own),
        "history": f"{written} with each other{' before' if reader.knows_author else ''}",
        "mail": prompt.fenced("MAIL", mail_text(mail.text)),
        "quoted": prompt.fenced("MAIL", quoted) if (quoted := quoted_text(mail.text)) else "(nothing)",
        "earlier": "\n\n".join(prompt.fenced("MAIL", mail_text(m.text, EARLIER)) for m in earlier)
        or "(none)",
        "others": "\n\n".join(prompt.fenced("MAIL", mail_text(m.text, EARLIER)) for m in others) or "(none)",
        "languages": " and ".join(reader.languages) or "English",
    }


def _guarded(value: TriageAnswer, may: Allowed) -> Verdict:
    return Verdict(
        disposition=value.disposition,
        decided_by="model",
        reason=field_text(value.reason, may, 120) or "The model gave no reason",
        recipient_type=re.sub(r"[^a-z0-9_ -]", "", value.recipient_type.casefold())[:40],
        urgency=value.urgency,
        stakes=value.stakes,
        topics=_fields(value.topics, may, 5),
        people=_fields(value.people, may, 10),
        asks=tuple(
            Ask(a.kind, t, _fields(a.lookups, may, LOOKUPS), a.decides)
            for a in value.asks[:12]
            if (t := field_text(a.text, may))
        ),
    )


def _fields(values: list[str], may: Allowed, most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for v in values[:most] if (t := field_text(v, may, 60))))
