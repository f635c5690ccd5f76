"""Which mails want an answer: facts first, then the model, or without one the detector of questions and requests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, Field

from mailbot.assistant import prompt
from mailbot.assistant.asks import Ask, asks
from mailbot.assistant.guard import Allowed, allowed, field_text
from mailbot.assistant.llm import Answered
from mailbot.assistant.models import Models
from mailbot.assistant.solicitation import is_solicitation
from mailbot.mail.message import Message
from mailbot.mail.robot import is_robot
from mailbot.mail.text.split import MailText
from mailbot.vault.markdown import visible

Disposition = Literal["reply", "read", "ignore"]
DecidedBy = Literal["fact", "rule", "model", "detector", "user"]


_DECIDERS: tuple[DecidedBy, ...] = get_args(DecidedBy)
DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)


def disposition_of(value: object) -> Disposition | None:
    """A disposition as it stands in a note's property, None where it is none."""
    return next((d for d in DISPOSITIONS if d == value), None)


def decided_by(value: object) -> DecidedBy:
    """Who decided, as it stands in a note's property; the model where it does not say."""
    return next((d for d in _DECIDERS if d == value), "model")


@dataclass(frozen=True, slots=True)
class Triage:
    """What a mail wants, who said so, and why; `asks` are the questions and requests it makes."""

    disposition: Disposition
    decided_by: DecidedBy
    reason: str
    recipient_type: str = ""
    urgency: str = ""
    stakes: str = ""
    topics: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known about a mail beside the mail: the user's own addresses, whether it was answered already, how many mails
    the user wrote to its sender (None: not known) and has from there, and the user's standing `word` on that sender (`never`,
    `always`, a disposition, or empty) with the place where it was `said`."""

    own: frozenset[str] = frozenset()
    answered: bool = False
    drafted_by_user: bool = False
    written: int | None = None
    received: int = 0
    word: str = ""
    said: str = ""


def facts(message: Message, reply: MailText, known: Circumstances) -> Triage | None:
    """What needs no judgement, or None where judgement is needed.

    Headers are a stranger's claims: they may withhold a draft, they never earn one (RFC 3834 2, RFC 2369, RFC 3464).
    """
    sender = message.sender
    local = sender.email.rpartition("@")[0] if sender else ""
    addressed = any(a.key in known.own for a in message.to)
    auto = message.header("auto-submitted").split(";")[0].strip().casefold()
    precedence = message.header("precedence").strip().casefold()
    return_path = message.headers.get("return-path", ("?",))[0].strip()

    if sender and sender.key in known.own:
        return _fact("ignore", "You sent it yourself")
    if (rule := _rule(known)) and rule.disposition != "reply":
        return rule
    if known.answered:
        return _fact("read", "You have answered it already")
    if known.drafted_by_user:
        return _fact("read", "You have begun an answer yourself")
    if message.content_type == "multipart/report" or message.header("content-type").casefold().startswith(
        "multipart/report"
    ):
        return _fact("read", "A delivery report (RFC 3464)")
    if local.casefold() in ("mailer-daemon", "postmaster") or return_path == "<>":
        return _fact(
            "read",
            "A delivery report: its return path is empty"
            if return_path == "<>"
            else "From the mail system itself",
        )
    if auto and auto != "no":
        return _fact("read", f"Sent by a program (Auto-Submitted: {auto})")
    if (
        any(message.header(h) for h in ("x-autoreply", "x-autorespond", "x-autoresponder"))
        or precedence == "auto_reply"
    ):
        return _fact("read", "An automatic reply")
    if _AUTO_SUBJECT.match(message.subject) and not reply.newest.strip().endswith("?"):
        return _fact("read", "An automatic reply, by its subject")
    if message.header("x-spam-flag").strip().casefold() == "yes":
        return _fact("ignore", "Marked as spam by your mail server")
    if message.calendars:
        method = message.calendars[0].method
        what = {"CANCEL": "A cancelled event", "REPLY": "An answer to an invitation"}.get(
            method, "An invitation"
        )
        return _fact("read", f"{what}: answer it in your calendar")
    if sender is None or "@" not in sender.email:
        return _fact("read", "It names no sender who could be answered")
    if is_robot(sender):
        return _fact("ignore", f"From {local}@: nobody reads answers there")
    listed = any(message.header(h) for h in _LIST_HEADERS)
    if (listed or precedence in ("bulk", "list", "junk")) and not addressed:
        return _fact("read", "From a mailing list, not addressed to you" if listed else "Bulk mail")
    if (
        message.header("list-unsubscribe") or message.header("feedback-id") or precedence in ("bulk", "junk")
    ) and not message.in_reply_to:
        return _fact("ignore", "A newsletter or notification (List-Unsubscribe)")
    if message.protected == "encrypted":
        return _fact("read", "It is encrypted: open it in a mail client")
    if rule:
        return replace(rule, asks=tuple(asks(visible(reply.newest[:50_000]))))
    if known.written == 0 and known.received >= UNANSWERED:
        return _fact("read", f"{known.received} mails from there, and you have never written to it")
    if known.written == 0 and known.own and _addressed(message, known.own) == "neither To nor Cc":
        return _fact("read", "It does not name you, and you have never written to its sender")
    return None


UNANSWERED = 10
"""Mails from one sender after which silence is an answer."""


_WORDS: dict[str, Disposition] = {"never": "read", "always": "reply"}


def _rule(known: Circumstances) -> Triage | None:
    """What the user has laid down for this sender."""
    disposition = _WORDS.get(known.word) or disposition_of(known.word)
    return Triage(disposition, "rule", known.said) if disposition else None


_LIST_HEADERS = (
    "list-id",
    "list-post",
    "mailing-list",
    "x-mailing-list",
    "x-mailman-version",
    "x-beenthere",
    "x-ml-name",
    "newsgroups",
)
_AUTO_SUBJECT = re.compile(
    r"^\W*(?:auto(?:matic|mated)?[- ]?(?:reply|response|antwort)|out of (?:the )?office|abwesenheits|automatische antwort|réponse automatique|respuesta automática|risposta automatica"
    r"|resposta automática|automatisch antwoord|undeliver|delivery (?:status|failure|has failed)|mail delivery|returned mail|failure notice)",
    re.IGNORECASE,
)


def _fact(disposition: Disposition, reason: str) -> Triage:
    return Triage(disposition, "fact", reason)


def detected(reply: MailText, subject: str = "", *, known: bool = False) -> Triage:
    """Without a model: a mail that asks something in its newest text wants a reply; in doubt it is only read. `known` says
    that the user has written with its author."""
    text = visible(reply.newest[:50_000])
    found = asks(text)
    if found and is_solicitation(
        subject, visible(reply.plain("newest", "forwarded", "signature")[:50_000]), known=known
    ):
        return Triage("ignore", "detector", "Reads like advertising or fraud")
    if not found:
        return Triage("read", "detector", "Asks nothing" if reply.newest else "Nothing new is said in it")
    question = any(a.kind == "question" for a in found)
    return Triage(
        "reply", "detector", "Contains question" if question else "Contains request", asks=tuple(found)
    )


class _AskAnswer(BaseModel):
    kind: Literal["question", "request"]
    text: str = Field(max_length=1000)


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


def judged(
    message: Message,
    reply: MailText,
    own: Iterable[str],
    user: str,
    models: Models,
    folder: Path | None = None,
    *,
    known: bool = False,
) -> tuple[Triage, Answered[TriageAnswer]]:
    """Ask the model, once, with the prompt of the user's `folder` if there is one. `known` says that the user has written
    with the author. Every field of its answer passes the guard. Raises what `Models.ask` raises."""
    mine = {o.casefold() for o in own}
    template = prompt.load("triage", folder)
    system, text = template.filled(
        {
            "user": one_line(user),
            "sender": one_line(str(message.sender or "unknown")),
            "to": one_line(", ".join(str(a) for a in (*message.to, *message.cc)) or "nobody named"),
            "subject": one_line(message.subject),
            "date": message.date.isoformat() if message.date else "unknown",
            "addressed": _addressed(message, mine),
            "history": "have written with each other before"
            if known
            else "have never written with each other",
            "mail": prompt.fenced("MAIL", mail_text(reply)),
        }
    )
    answered = models.ask("triage", system, text, TriageAnswer)
    value = answered.value
    may = allowed(
        [reply.plain("newest", "quoted", "forwarded", "signature"), message.subject],
        secret=template.rules(one_line(user)),
    )
    triage = Triage(
        disposition=value.disposition,
        decided_by="model",
        reason=field_text(value.reason, may, 120) or "The model gave no reason",
        recipient_type=re.sub(r"[^a-z0-9_ -]", "", value.recipient_type.casefold())[:40],
        urgency=value.urgency,
        stakes=value.stakes,
        topics=_fields(value.topics, may, 5),
        people=_fields(value.people, may, 10),
        asks=tuple(Ask(a.kind, t) for a in value.asks[:12] if (t := field_text(a.text, may))),
    )
    return triage, answered


def _fields(values: list[str], may: Allowed, most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for v in values[:most] if (t := field_text(v, may, 60))))


def _addressed(message: Message, own: Iterable[str]) -> str:
    """Where a mail names the user."""
    mine = {o.casefold() for o in own}
    if any(a.key in mine for a in message.to):
        return "To" if len(message.to) == 1 else f"To, with {len(message.to) - 1} others"
    return "Cc" if any(a.key in mine for a in message.cc) else "neither To nor Cc"


def only_copied(message: Message, own: Iterable[str]) -> bool:
    """Whether the mail is to others, with the user in Cc."""
    return _addressed(message, own) == "Cc"


def mail_text(reply: MailText, limit: int = 24_000) -> str:
    """What a model is shown of a mail: the newest reply, and where that is empty what was forwarded; nothing hidden. Of a
    long one its beginning and its end, where people ask."""
    text = visible(reply.newest or reply.history or reply.signature)
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[-limit // 3 :]
    return f"{head}\n[{len(text) - len(head) - len(tail)} characters of this long mail were left out here]\n{tail}"


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", visible(text)).strip()[:500]
