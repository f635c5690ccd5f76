"""What a run would do: the same looks and the same decisions as a run's, and none of its acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from mailbot.errors import BadData, MailbotError
from mailbot.mail.mail import Mail
from mailbot.settings import Settings
from mailbot.sync.decide.fate import Append, Confirm
from mailbot.sync.decide.mailbox import ForgetFailure, ForgetRenumbered, Quarantine
from mailbot.sync.decide.thread import Wanting, newest, one_per_thread
from mailbot.sync.pipeline import know, look_at_mailboxes, opened_again, the_index
from mailbot.sync.session.accounts import each_account
from mailbot.sync.session.opening import Session, opened_on_a_copy, utc_time
from mailbot.sync.session.report import Options, Progress, Report, silent
from mailbot.sync.steps import draft_wiring, wiring
from mailbot.sync.steps.circumstances import Knowledge, KnowledgeOf
from mailbot.sync.steps.fetch import Arrival
from mailbot.sync.steps.look import Look
from mailbot.sync.steps.reading import ReadMails
from mailbot.sync.steps.second_thoughts import second_thoughts
from mailbot.sync.steps.send import HOUR
from mailbot.sync.steps.sent import read_sent
from mailbot.vault.verdict import Verdict

Entry = dict[str, Any]
NOTICED = {
    "Relocate": "remember where the draft is", "TakeText": "take the edited text", "Store": "replace the draft",
    "Disagree": "show both texts", "WasSent": "notice that it was sent", "WasAnswered": "notice the answer", "Discard": "discard",
    "Miss": "miss the draft", "Return": "take the draft back", "Approve": "remember the approval", "Unapprove": "forget the approval",
    "Arrived": "believe that it was sent", "NeverSent": "believe that it was not sent",
    "TakeUp": "put the draft into Drafts again", "Correct": "correct the status",
    "Doubt": "leave the draft",
}  # fmt: skip
"""What a dry run calls each fate of a draft."""


def foresee_all(
    settings: Settings,
    options: Options,
    names: Sequence[str] = (),
    progress: Progress = silent,
    *,
    whole: bool = False,
) -> list[Report]:
    """What `fetch_all` would do, or with `whole` what `sync_all` would, as `would` of each account's report. Nothing is
    written, not even to the journal or the index: both are copies. No model is asked. Raises ConfigError for an unknown name or a vault that is not there."""
    return each_account(
        settings, names, progress, lambda session: _foresee(session, options, whole), opened_on_a_copy
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A mail that may get a draft, and the entry that says what becomes of it."""

    entry: Entry
    mail: Mail
    verdict: Verdict


def _foresee(session: Session, options: Options, whole: bool) -> None:
    would, drafting = session.report.would, not options.no_drafts
    session.server.connect()
    if drafting:
        for row, fate in draft_wiring.delivery(session).foreseen():
            what = "append draft" if isinstance(fate, Append) else "leave draft"
            what = "confirm draft" if isinstance(fate, Confirm) else what
            would.append({"action": what, "note": row.note, **asdict(fate)})
    if whole:
        read_sent(session.server, session.account, session.journal)
        for draft, became in draft_wiring.reconciler(session).foreseen():
            why = str(getattr(became, "why", ""))
            would.append({"action": NOTICED[type(became).__name__], "note": draft.note, "reason": why})
        would += _sent(session)
    looks = look_at_mailboxes(session, options)
    candidates = list(_waiting(session)) if drafting else []
    with ExitStack() as stack:
        knowledge = know(session, the_index(session, stack))
        if isinstance(knowledge, MailbotError):
            session.report.remark(f"{knowledge}; what is known beside the mails is left out here")
        decides = knowledge.of if drafting and isinstance(knowledge, Knowledge) else None
        for seen in looks:
            candidates += _mailbox(session, options, seen, decides)
    if drafting:
        _choose(session, options, candidates)


def _sent(session: Session) -> list[Entry]:
    """What becomes of the approved drafts."""
    sender, rules, now = draft_wiring.sender(session), session.settings.send, session.clock()
    if not rules.allow:
        return [{"action": "wait for `mailbot send`", "note": d.note} for d in sender.approved()]
    most = rules.per_hour - session.journal.drafts.sent_between(session.account.name, now - HOUR, now)
    due, entries = {d.id for d in sender.due(now, keep=False)}, []
    for draft in sender.approved():
        try:
            preview = sender.preview(draft)
        except BadData as error:
            entries.append({"action": "hold the draft", "note": draft.note, "reason": str(error)})
            continue
        if why := "; ".join(filter(None, (preview.hindrance, *preview.doubts))):
            entries.append({"action": "hold the draft", "note": draft.note, "reason": why})
        elif draft.id not in due or most <= 0:
            why = "its time has not come" if draft.id not in due else "no more this hour (send.per_hour)"
            entries.append({"action": "send later", "note": draft.note, "reason": why})
        else:
            most -= 1
            entries.append({"action": "send", "note": draft.note})
    return entries


def _waiting(session: Session) -> Iterator[_Candidate]:
    """The mails of earlier runs that wait, and those of which the user has thought better."""
    name, mails = session.account.name, session.journal.mails
    for row, said in second_thoughts(name, mails, session.notes):
        entry = {"note": row.note, "disposition": said, "reason": "You set it in the note"}
        session.report.would.append({"action": "obey", **entry})
    read = ReadMails(session.spool)
    for row in mails.waiting(name, utc_time()):
        entry = {
            "action": "draft",
            "note": row.note,
            "disposition": row.disposition or "undecided",
            "reason": "It has been waiting since an earlier run",
        }
        if mail := read.get(row):
            yield _Candidate(entry, mail, Verdict(asks=mails.asks(row.id)))


def _mailbox(
    session: Session, options: Options, seen: Look, decides: KnowledgeOf | None
) -> Iterator[_Candidate]:
    """Add the actions of one mailbox to the report; gives the mails that may get a draft."""
    mailbox, would = seen.opened.name, session.report.would
    for action in seen.actions:
        match action:
            case ForgetRenumbered(before):
                would.append({"action": "recognise renumbered mails", "mailbox": mailbox, "before": before})
            case Quarantine(uid, reason):
                would.append({"action": "try again later", "mailbox": mailbox, "uid": uid, "reason": reason})
            case ForgetFailure(uid):
                would.append({"action": "forget the failure", "mailbox": mailbox, "uid": uid})
    current = opened_again(session, options, seen) if seen.has_mail else None
    if current is None:
        return
    steps = chain.from_iterable(wiring.arrivals(session, decides).read(current))
    for done, (wanted, arrival) in enumerate(steps, 1):
        session.progress(f"{session.account.name}: {mailbox}", done, current.wanted)
        place = {"mailbox": mailbox, "uid": wanted.listing.uid}
        if isinstance(arrival, MailbotError):
            would.append({"action": "try again later", **place, "reason": str(arrival)})
            continue
        entry = _entry(place, arrival)
        would.append(entry)
        if entry["action"] == "keep" and entry["disposition"] in ("reply", "undecided"):
            yield _Candidate(entry, arrival.mail, arrival.verdict)


def _entry(place: Entry, arrival: Arrival) -> Entry:
    verdict, subject = arrival.verdict, arrival.mail.message.subject
    if arrival.known:
        kept = {"disposition": arrival.known.disposition, "reason": "It has already been saved"}
        return {"action": "recognise", **place, "subject": subject, **kept}
    reason = verdict.reason if verdict.disposition else "The model decides"
    return {
        "action": "keep",
        **place,
        "subject": subject,
        "disposition": verdict.disposition or "undecided",
        "reason": reason,
    }


def _choose(session: Session, options: Options, candidates: Sequence[_Candidate]) -> None:
    """Say of each mail that may get a draft whether it gets one now: one answer for each thread, the newest first."""
    candidates = sorted(candidates, key=lambda c: c.mail.message.date or session.clock())
    wanting = [Wanting(n, c.mail, c.verdict) for n, c in enumerate(candidates)]
    threads = one_per_thread(wanting)
    chosen_now = {w.mail_id for w in newest(threads.answered, wiring.most_drafts(session, options))}
    session.report.waiting = len(threads.answered) - len(chosen_now)
    for number, candidate in enumerate(candidates):
        candidate.entry["draft"] = number in chosen_now
        if candidate.entry["action"] == "draft" and number in chosen_now:
            session.report.would.append(candidate.entry)
