"""How far a draft can be trusted: `ready`, `check` with named doubts, or `needs_you` where only the user can go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mailbot.assistant.asks import sentences
from mailbot.assistant.closing import parted
from mailbot.assistant.facts import Carrier, Fact, facts_in
from mailbot.assistant.style import greeting
from mailbot.assistant.support import binds, content_words, not_taken_up
from mailbot.language.detect import language_of
from mailbot.vault.draft import Lane
from mailbot.vault.verdict import Ask

BLANK = re.compile(r"\[…[^\]]*\]|\[\.\.\.[^\]]*\]|\[your call[^\]]*\]", re.IGNORECASE)
GREETING_WORDS = 7
TELLING = 5
"""Telling words from which a sentence states something that can be compared."""
ECHO, COVERED = 0.75, 0.25
"""The share of a sentence's telling words that a note must have for the sentence to repeat it, and that the mail and the sources
must have for it not to be new."""
SAID_BEFORE = 0.6
"""The share of a sentence's telling words that a source must have for what it binds the user to to be nothing new."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a draft may rest on: the texts that its readers may be told (`say`: the mail first), those that are only for the user
    to `know`, whom it goes to by name, and the day that the mail counts from."""

    say: Sequence[str]
    know: Sequence[str] = ()
    to: str = "the readers"
    mail_day: date | None = None
    found_for: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """ask -> the sources that were found for it."""


def lane_of(
    text: str,
    asks: Sequence[Ask],
    grounds: Grounds,
    *,
    unknowns: Sequence[str] = (),
    supports: Sequence[tuple[str, str]] = (),
    removed: Sequence[str] = (),
    suspicious: Sequence[str] = (),
    left_out: Sequence[Ask] = (),
    told: Sequence[str] = (),
) -> tuple[Lane, tuple[str, ...]]:
    """The lane of a draft and why.

    `supports` pairs a statement with its source or an empty text; `removed` is what the guard took out, `suspicious` why the
    mail looks like an attack, `left_out` are asks that the model says it has not taken up, `told` statements that rest on what is
    only to be known. A number, a date or an amount that the mail or a source carries is no doubt in itself; a new
    commitment is, and so is what the readers may not be told.
    """
    blanks = list(unknowns) or (["it has blanks"] if BLANK.search(text) else [])
    doubts = [f"the mail looks like an attempt to steer the model: {why}" for why in suspicious]
    doubts += [f"no source for: {what}" for what, link in supports if not link]
    body = statements_of(text)
    doubts += [f"may not be answered: {ask}" for ask in _unanswered(asks, body, grounds, left_out)]
    doubts += _facts(body, grounds, supports, told)
    doubts += [f"no source for: {s}" for s in _unclaimed(body, grounds, supports)]
    doubts += [f"commits you: {what}" for what in _commitments(body, grounds)]
    doubts += [f"only you can decide: {a.text}" for a in asks if a.decides]
    if removed:
        doubts.append("something was removed from the answer")
    if not supports and asks:
        doubts.append("it has no sources")
    if blanks:
        return "needs_you", (*blanks, *doubts)
    return (
        ("check", tuple(doubts))
        if doubts
        else ("ready", ("no doubt was found: what it states has a source, and every question is taken up",))
    )


def statements_of(text: str) -> str:
    """What a reply states: all but its greeting and its closing. A line that says more than a greeting is none."""
    mail = parted(text)
    first, _, after = mail.body.partition("\n")
    greets = greeting(first) and len(first.split()) <= GREETING_WORDS and not re.search(r"\d", first)
    body = after if greets and not binds(first) else mail.body
    return "\n\n".join(part for part in (body.strip(), mail.rest) if part)


def _unanswered(asks: Sequence[Ask], text: str, grounds: Grounds, left_out: Sequence[Ask]) -> list[str]:
    """The asks of which the reply says nothing: none of their words, and nothing hard of what was found for them. Those that the
    model says it left out are among them."""
    found = [a.text for a in left_out]
    said = facts_in(text)
    for ask in not_taken_up([a.text for a in asks], text):
        sources = grounds.found_for.get(ask, ())
        carrier = Carrier(sources, grounds.mail_day) if sources else None
        lookups = next((a.lookups for a in asks if a.text == ask), ())
        by_words = content_words(" ".join(lookups)) & content_words(text)
        if not by_words and not (carrier and any(carrier.carries(f) for f in said if f.kind != "name")):
            found.append(ask)
    return list(dict.fromkeys(found))


def _facts(
    text: str, grounds: Grounds, supports: Sequence[tuple[str, str]], told_too: Sequence[str]
) -> list[str]:
    """What is said that no source carries, and what only the user's own notes do."""
    say, know = Carrier(grounds.say, grounds.mail_day), Carrier(grounds.know, grounds.mail_day)
    missing = say.missing(BLANK.sub(" ", text))
    told = [*_shown(f for f in missing if know.carries(f)), *told_too, *_echoes(text, grounds)]
    told = list(dict.fromkeys(told))
    invented = _shown(f for f in missing if not know.carries(f))
    doubts = []
    if invented:
        doubts.append(f"not found in the mail or in any source: {', '.join(invented[:8])}")
    if told:
        doubts.append(f"tells {grounds.to} what stands only in your own notes: {', '.join(told[:8])}")
    if not missing:
        doubts += [f"no one source carries: {s}" for s in _mixed(text, grounds, supports)]
    return doubts


def _echoes(text: str, grounds: Grounds) -> list[str]:
    """The sentences that say, in its words, what only the user's own notes say."""
    own = [content_words(t) for t in grounds.know]
    others = [content_words(t) for t in grounds.say]
    found = []
    for sentence in sentences(text):
        words = content_words(sentence)
        share = (
            max((len(words & has) / len(words) for has in own), default=0.0) if len(words) >= TELLING else 0.0
        )
        if (
            share >= ECHO
            and share > max((len(words & has) / len(words) for has in others), default=0.0) + 0.2
        ):
            found.append(sentence)
    return found


def _unclaimed(text: str, grounds: Grounds, supports: Sequence[tuple[str, str]]) -> list[str]:
    """The sentences that state something of which hardly a word stands in the mail or a source, though they are in the same
    language, and that no supported statement covers."""
    stated = content_words(" ".join(what for what, link in supports if link))
    said = content_words("\n".join(grounds.say))
    languages = {language_of(t) for t in grounds.say}
    found = []
    for sentence in sentences(BLANK.sub(" ", text)):
        words = content_words(sentence)
        if len(words) < TELLING or "?" in sentence or language_of(sentence) not in languages:
            continue
        if len(words & (said | stated)) < COVERED * len(words):
            found.append(sentence)
    return found


def _shown(facts: Iterable[Fact]) -> list[str]:
    return list(dict.fromkeys(f.shown for f in facts))


def _mixed(text: str, grounds: Grounds, supports: Sequence[tuple[str, str]]) -> list[str]:
    """The sentences whose numbers and dates stand in no one source together: each may be right, and the sentence wrong. What a
    statement says that its own source carries is looked at no further."""
    carriers: list[Carrier] = []
    stated = Carrier([what for what, link in supports if link], grounds.mail_day)
    found = []
    for sentence in (clause for s in sentences(text) for clause in s.split(";")):
        hard = [f for f in facts_in(sentence) if f.kind in ("number", "date", "weekday", "time")]
        if len(hard) < 2 or all(stated.carries(f) for f in hard):
            continue
        carriers = carriers or [Carrier([grounds.say[0], t], grounds.mail_day) for t in grounds.say]
        if not any(all(c.carries(f) for f in hard) for c in carriers):
            found.append(sentence)
    return found


def _commitments(text: str, grounds: Grounds) -> list[str]:
    """The sentences that bind the user to something, or agree to it, and that no source says already. Across languages only what
    is hard can be compared: there every commitment is new."""
    found = []
    sources = [(language_of(t), content_words(t)) for t in grounds.say[1:]] if grounds.say else []
    for sentence in sentences(BLANK.sub(" ", text)):
        if not binds(sentence):
            continue
        words, language = content_words(sentence), language_of(sentence)
        said = any(
            code == language and words and len(words & has) >= SAID_BEFORE * len(words)
            for code, has in sources
        )
        if not (said and any(f.kind != "name" for f in facts_in(sentence))):
            found.append(sentence)
    return found
