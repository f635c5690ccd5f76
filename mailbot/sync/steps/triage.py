"""Waiting mails -> what becomes of each: the user's word, then the rules, then the model.

What was decided is written into the mail's note first, then into the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mailbot.assistant.detector import asks_of
from mailbot.errors import MailbotError
from mailbot.sync.decide.disposition import SETTLED, Circumstances, disposition
from mailbot.sync.decide.thread import Conversation, Wanting, conversations, one_per_thread
from mailbot.sync.decide.users_word import users_word
from mailbot.sync.session.report import Progress
from mailbot.sync.steps.circumstances import KnowledgeOf
from mailbot.sync.steps.cost import Bill, postpone
from mailbot.sync.steps.pool import in_order
from mailbot.sync.steps.waiting import TriageRecord, Waiting, remembered
from mailbot.vault.verdict import Verdict

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


ANSWERED_FOR_YOU = "Somebody has answered it for you in a later mail"


@dataclass(frozen=True, slots=True)
class Judge:
    """The model as a judge of mails."""

    models: Models
    user: str
    """The user's name in a prompt."""
    folder: Path
    """Where prompts of the user's own lie."""
    concurrency: int
    bill: Bill
    progress: Progress
    ends: float
    """When the account's time is over, as `time.monotonic` counts."""
    languages: tuple[str, ...] = ()
    """The languages that the vault is mostly in, by their English names."""


class Drafted(Protocol):
    """The mails that have an untouched draft already."""

    def beside(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Those in the threads of these mails."""
        ...

    def withdraw(self, mail_id: int, reason: str) -> None:
        """The draft of one of them is not wanted any more."""
        ...


def triage(
    waiting: Sequence[Waiting], knows: KnowledgeOf, judge: Judge | None, record: TriageRecord, drafts: Drafted
) -> list[Waiting]:
    """The mails that want a reply, oldest first, with what they ask, and with what earlier mails of the thread ask whose draft theirs
    replaces. The others are done with, and those whose triage failed wait. Raises MailbotError if the model as a whole fails."""
    decided: list[Waiting] = []
    undecided: list[tuple[Waiting, Circumstances]] = []
    for each in waiting:
        verdict, known = _by_rules(each, knows, record)
        if not verdict.disposition:
            undecided.append((each, known))
        elif verdict.disposition == "reply":
            decided.append(_wanting(each, verdict, record))
        else:
            record.done(each.row, verdict)
    drafted = drafts.beside(waiting)
    if judge:
        decided = _by_model(undecided, decided, drafted, judge, record, drafts)
    left = [d for d in drafted if record.journal.mails.get(d.row.id).disposition == "reply"]
    return _one_per_thread(sorted([*decided, *left], key=lambda w: (w.row.date, w.row.id)), record, left)


def _by_rules(each: Waiting, knows: KnowledgeOf, record: TriageRecord) -> tuple[Verdict, Circumstances]:
    """(what the user and the rules say, all that is known). What an earlier run decided stands, unless a rule withholds the
    draft now."""
    properties = record.notes.properties(each.row.note) or {}
    said = users_word(each.row, properties)
    if said:
        sender = each.mail.message.sender
        if sender:
            record.journal.corrections.add(each.row.id, sender.key, said.word, datetime.now(UTC))
        known = Circumstances(said_of_mail=said)
        return disposition(each.mail, known), known
    earlier = None
    if each.row.stage == "draft" or properties.get("decided_by"):
        # Written by a run that was killed before it could journal it, or by the one that could not draft.
        earlier = remembered(each, record.notes, record.journal)
        if earlier.disposition != "reply" or earlier.decided_by == "user":
            return earlier, Circumstances()
    known = knows(each.mail.message)
    if earlier:
        now = disposition(each.mail, replace(known, model=True))
        return (now if now.disposition and now.disposition != "reply" else earlier), known
    return disposition(each.mail, known), known


def _wanting(each: Waiting, verdict: Verdict, record: TriageRecord) -> Waiting:
    """A mail that wants a reply; written down where that is news."""
    if each.row.stage == "draft" and each.row.disposition == "reply":
        return replace(each, verdict=verdict)
    return Waiting(record.wants_reply(each.row, verdict), each.mail, verdict)


def _by_model(
    undecided: Sequence[tuple[Waiting, Circumstances]],
    decided: Sequence[Waiting],
    drafted: Sequence[Waiting],
    judge: Judge,
    record: TriageRecord,
    drafts: Drafted,
) -> list[Waiting]:
    """All mails that want a reply now. The open mails of an author in a thread are judged together, by the last of them."""
    from mailbot.assistant.triage import Reader, judged

    has_draft = {w.row.id for w in drafted}
    by_id = {w.row.id: (w, Circumstances()) for w in (*decided, *drafted)} | {
        w.row.id: (w, k) for w, k in undecided
    }

    def ask(of: Conversation) -> tuple[Verdict, bool, int, int, str, float]:
        each, known = by_id[of.last.mail_id]
        reader = Reader(judge.user, known.own, known.exchanged, judge.languages)
        earlier = [w.mail for w in of.shown]
        verdict, answered = judged(
            each.mail, reader, judge.models, judge.folder, earlier, [w.mail for w in of.others]
        )
        if not verdict.asks:  # a model that names none must not make a draft that leaves all of them out
            verdict = replace(verdict, asks=tuple(a for m in (*earlier, each.mail) for a in asks_of(m)))
        return (
            verdict,
            answered.value.settles,
            answered.tokens_in,
            answered.tokens_out,
            answered.model,
            answered.cost,
        )

    every = sorted((w for w, _ in undecided), key=lambda w: (w.row.date, w.row.id))
    asked = conversations(
        [_as_wanting(w) for w in every], [_as_wanting(w) for w in decided], [_as_wanting(w) for w in drafted]
    )
    wanting = {w.row.id: w for w in decided}
    results = in_order(asked, ask, judge.concurrency, "triage", judge.ends)
    for number, (of, result) in enumerate(results, 1):
        each = by_id[of.last.mail_id][0]
        judge.progress(f"{judge.bill.account}: triage", number, len(asked))
        if isinstance(result, MailbotError):
            postpone(each.row, "triage", result, record.journal.mails, judge.bill)
            for earlier in of.earlier:
                wanting.pop(earlier.mail_id, None)
                if earlier.mail_id in has_draft:
                    continue
                _wait_too(earlier.mail_id, each.row.id, result, record)
            continue
        verdict, settles, tokens_in, tokens_out, model, cost = result
        judge.bill.charge("triage", model, tokens_in, tokens_out, cost)
        replied = verdict.disposition == "reply"
        # In this order a run that is killed between loses no ask, and drafts nothing that was taken back.
        if replied:
            wanting[each.row.id] = _wanting(each, verdict, record)
        for other in of.others if settles else ():
            drafts.withdraw(other.mail_id, ANSWERED_FOR_YOU)
        for earlier in of.earlier:
            wanting.pop(earlier.mail_id, None)
            if earlier.mail_id in has_draft:
                if not replied:
                    drafts.withdraw(earlier.mail_id, SETTLED)
                continue  # else it goes when the newer draft is stored
            _settle(replace(by_id[earlier.mail_id][0], verdict=verdict), record, superseded=replied)
        if not replied:
            record.done(each.row, verdict)
    return list(wanting.values())


def _wait_too(mail_id: int, last: int, error: MailbotError, record: TriageRecord) -> None:
    """Let a mail wait as long as the last of its conversation does: what that says of it is to be heard first."""
    mails = record.journal.mails
    row, until = mails.get(mail_id), mails.get(last).next_try
    if until:
        mails.failed(mail_id, str(error), row.attempts, until)


def _as_wanting(each: Waiting) -> Wanting:
    return Wanting(each.row.id, each.mail, each.verdict)


def _settle(each: Waiting, record: TriageRecord, *, superseded: bool) -> None:
    """A mail needs no answer of its own: a later one of the thread is answered, or has settled it."""
    known = Circumstances(superseded=True) if superseded else Circumstances(settled=True)
    said = disposition(each.mail, known)
    verdict = replace(
        each.verdict, disposition=said.disposition, decided_by=said.decided_by, reason=said.reason
    )
    record.done(each.row, verdict)


def _one_per_thread(
    decided: Sequence[Waiting], record: TriageRecord, drafted: Sequence[Waiting] = ()
) -> list[Waiting]:
    """Of several mails of one author in a thread, one is answered; the others say so in their notes. Those that are `drafted` are
    among the decided for what they ask: they are not answered again, and their drafts stay until the newer one is stored."""
    has_draft = {w.row.id for w in drafted}
    by_id = {w.row.id: w for w in decided}
    chosen = one_per_thread([_as_wanting(w) for w in decided])
    answered = []
    for wanting in chosen.answered:
        each = by_id[wanting.mail_id]
        if wanting.mail_id in has_draft:
            continue
        if wanting.verdict != each.verdict:
            record.journal.mails.set_asks(each.row.id, wanting.verdict.asks)
        answered.append(replace(each, verdict=wanting.verdict))
    for earlier in chosen.superseded:  # only now: a run that is killed before loses no ask of theirs
        if earlier.mail_id in has_draft:
            continue
        _settle(by_id[earlier.mail_id], record, superseded=True)
    return answered
