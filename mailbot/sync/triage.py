"""Waiting mails -> what is to become of each: the user's word, then facts and rules, then the model or the detector.

What was decided is written into the mail's note first, then into the journal.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mailbot.assistant.triage import Circumstances, Triage, detected, facts, judged, only_copied
from mailbot.errors import MailbotError, ServerUnavailable
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import asking, notebook
from mailbot.sync.fetch import verdict_of
from mailbot.sync.journal import MailRow, now
from mailbot.sync.overlap import overlapping
from mailbot.sync.run import Run, log
from mailbot.sync.sent import exchanged
from mailbot.sync.standing import traffic, word_on
from mailbot.sync.waiting import Waiting, corrected, remembered
from mailbot.vault.index import Index

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


SUPERSEDED = "A later mail of the thread is answered in its place"


def triaged(
    run: Run, server: ImapAccount, waiting: list[Waiting], models: Models | None, index: Index
) -> list[Waiting]:
    """The mails that want a reply, oldest first; the others are done with, and those whose triage failed wait. Raises
    MailbotError where the server, or the model as a whole, fails."""
    return _one_a_thread(
        run, _judged(run, _settled_by_facts(run, server, _obeyed(run, waiting), index), models)
    )


def done(run: Run, row: MailRow, triage: Triage | None) -> None:
    """Nothing more is wanted of a mail: say why in its note, then in the journal."""
    note_hash, disposition = row.note_hash, row.disposition
    if triage:
        disposition = triage.disposition
        note_hash = notebook.change(run.vault, row.note, row.note_hash, verdict_of(triage).properties())
    run.journal.update_mail(row.id, stage="done", disposition=disposition, note_hash=note_hash)
    (run.spool / f"{row.sha256}.eml").unlink(missing_ok=True)
    run.report.count(disposition or "removed")


def _obeyed(run: Run, waiting: list[Waiting]) -> list[Waiting]:
    """What the user wrote into the notes comes first; what an earlier run wrote there is not asked again."""
    left = []
    for w in waiting:
        properties = notebook.properties(run.vault, w.row.note) or {}
        said = corrected(w, properties)
        if said and w.message.sender:
            run.journal.correspondence.corrected(w.row.id, w.message.sender.key, said.disposition, now())
        if said and said.disposition != "reply":
            done(run, w.row, said)
        elif said:
            left.append(wants_reply(run, w, said))
        elif w.row.stage == "draft" or properties.get("decided_by"):
            # Written by a run that was killed before it could journal it, or by the one that could not draft.
            written = remembered(run, w, properties)
            if written.disposition == "reply":
                left.append(replace(w, triage=written))
            else:
                done(run, w.row, written)
        else:
            left.append(w)
    return left


def wants_reply(run: Run, w: Waiting, triage: Triage) -> Waiting:
    """A mail that wants a reply: say so in its note, then in the journal."""
    note_hash = notebook.change(run.vault, w.row.note, w.row.note_hash, verdict_of(triage).properties())
    with run.journal.together():
        run.journal.remember_asks(w.row.id, ((a.kind, a.text) for a in triage.asks))
        run.journal.update_mail(w.row.id, stage="draft", disposition="reply", note_hash=note_hash)
    run.report.count("reply")
    return replace(w, row=run.journal.mail(w.row.id), triage=triage)


def _settled_by_facts(run: Run, server: ImapAccount, waiting: list[Waiting], index: Index) -> list[Waiting]:
    """What Sent, Drafts, rules and person notes know: mails that the user has answered, or begun to answer, and those of a
    sender on whom there is a rule, are done. The user's own word in a note stands above that."""
    if not any(w.triage is None or w.triage.decided_by != "user" for w in waiting):
        return waiting
    oldest = min(min(w.message.date or run.clock(), run.clock()) for w in waiting).astimezone()
    floor = run.clock() - run.settings.drafts.newer_than - timedelta(days=30)
    since = max(oldest, floor).date() - timedelta(days=1)
    begun = _begun(run, server, since)
    left = []
    for w in waiting:
        if w.triage and w.triage.decided_by == "user":
            left.append(w)
            continue
        word, said = word_on(run, index, w.message)
        written, received = traffic(run, index, w.message)
        # An answer to a later mail of the thread, sent or begun, was written by somebody who had read this one.
        thread = _from_here(index, w)
        known = Circumstances(
            frozenset(run.settings.own_addresses),
            answered=any(run.journal.correspondence.answered(i) for i in thread),
            drafted_by_user=not thread.isdisjoint(begun) or _begun_before(index, w, begun),
            written=written,
            received=received,
            word=word,
            said=said,
        )
        triage = facts(w.message, w.reply, known)
        if triage and triage.disposition != "reply":
            done(run, w.row, triage)
        elif triage and w.triage is None:
            left.append(wants_reply(run, w, triage))
        else:
            left.append(w)
    return left


def _from_here(index: Index, w: Waiting) -> set[str]:
    """The Message-IDs of a mail and of the later ones of its thread."""
    found: set[str] = {w.message.message_id} if w.message.message_id else set()
    if w.message.thread and w.message.date:
        for message_id, written in index.thread_dates(w.message.thread).items():
            try:
                if datetime.fromisoformat(written).astimezone() >= w.message.date.astimezone():
                    found.add(message_id)
            except (ValueError, OverflowError):
                continue  # a date that the user has changed into none
    return found


def _begun_before(index: Index, w: Waiting, begun: set[MessageId]) -> bool:
    """Whether the user has a draft of their own open on an earlier mail of the thread: it will say what is to be said."""
    thread = index.thread_dates(w.message.thread) if w.message.thread else {}
    return not begun.isdisjoint({*thread, *w.message.references, *w.message.in_reply_to})


def _one_a_thread(run: Run, wanting: list[Waiting]) -> list[Waiting]:
    """Of several mails of one author in one thread the last is answered, with what the earlier ones ask; where the user has
    said of each that it wants a reply, each is."""
    last: dict[tuple[str, str], Waiting] = {}
    chosen: list[Waiting] = []
    for w in wanting:
        key = (
            str(w.message.thread or w.message.message_id or w.row.id),
            w.message.sender.key if w.message.sender else "",
        )
        earlier = last.get(key)
        if earlier and earlier.triage and w.triage and earlier.triage.decided_by != "user":
            asks = tuple(dict.fromkeys((*earlier.triage.asks, *w.triage.asks)))
            w = replace(w, triage=replace(w.triage, asks=asks))
            run.journal.remember_asks(w.row.id, ((a.kind, a.text) for a in asks))
            chosen.remove(earlier)
            done(
                run,
                earlier.row,
                replace(earlier.triage, disposition="read", decided_by="fact", reason=SUPERSEDED),
            )
        last[key] = w
        chosen.append(w)
    return chosen


def _begun(run: Run, server: ImapAccount, since: date) -> set[MessageId]:
    """The mails that drafts of the user's own answer."""
    try:
        server.examine(server.find("drafts", run.account.drafts_mailbox))
        return server.parents(since)
    except ServerUnavailable as error:
        log.info("account %s: Drafts could not be read for answers begun: %s", run.account.name, error)
        return set()


def _judged(run: Run, waiting: list[Waiting], models: Models | None) -> list[Waiting]:
    """Each waiting mail with its triage, written into its note; those whose triage failed are left out."""
    settings = run.settings.llm
    undecided = [w for w in waiting if w.triage is None]
    decided = [w for w in waiting if w.triage is not None]

    own = run.settings.own_addresses
    known = {w.row.id for w in undecided if exchanged(run.journal, w.message, own)}

    def ask(w: Waiting) -> tuple[Triage, int, int, str, float]:
        if models is None or settings is None:
            found = detected(w.reply, w.message.subject, known=w.row.id in known)
            if found.disposition == "reply" and only_copied(w.message, own):
                found = Triage("read", "detector", "You are only in Cc")
            return found, 0, 0, "", 0.0
        triage, answered = judged(
            w.message, w.reply, own, asking.user_of(run), models, run.settings.folder, known=w.row.id in known
        )
        if not triage.asks:  # a model that names none must not make a draft that leaves all of them out
            triage = replace(triage, asks=detected(w.reply, w.message.subject).asks)
        return triage, answered.tokens_in, answered.tokens_out, answered.model, answered.cost

    results = overlapping(undecided, ask, asking.concurrency(run, models), "triage")
    for number, (w, result) in enumerate(results, 1):
        run.progress(f"{run.account.name}: triage", number, len(undecided))
        if isinstance(result, MailbotError):
            asking.failed(run, w, "triage", result)
            continue
        triage, tokens_in, tokens_out, name, cost = result
        asking.spent(run, "triage", name, tokens_in, tokens_out, cost)
        if triage.disposition == "reply":
            decided.append(wants_reply(run, w, triage))
        else:
            done(run, w.row, triage)
    return sorted(decided, key=lambda w: (w.row.date, w.row.id))
