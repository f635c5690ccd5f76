"""Waiting mails -> drafts: triage, context, draft, draft note, server draft. Model calls overlap; all else is in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from mailbot.assistant.context import Circle, Context, gather
from mailbot.assistant.draft import Draft
from mailbot.assistant.outline import outline
from mailbot.assistant.steering import attempts
from mailbot.assistant.triage import Circumstances, Triage, detected, facts, judged, only_copied
from mailbot.errors import BudgetSpent, MailbotError, ServerUnavailable, TryAgain
from mailbot.mail.mailbox import Mailbox
from mailbot.mail.message import MessageId
from mailbot.mail.parse import parse
from mailbot.mail.reply import split
from mailbot.mail.special_use import SpecialUse
from mailbot.sync import deliver, notebook
from mailbot.sync.fetch import verdict_of
from mailbot.sync.journal import MailRow, now
from mailbot.sync.learning import styles
from mailbot.sync.overlap import overlapping
from mailbot.sync.run import Run, log
from mailbot.sync.sent import exchanged, never_met
from mailbot.sync.standing import traffic, word_on
from mailbot.sync.vectors import fill, vectors_of
from mailbot.sync.waiting import (
    Waiting,
    composed,
    corrected,
    draft_on_disk,
    readers,
    remembered,
    write_draft_note,
)
from mailbot.vault.index import Index, index_path
from mailbot.vault.vectors import Vectors

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


Put = Callable[[Run, Mailbox, int, str, str, MessageId, bytes], None]
"""`deliver.store` or `deliver.adopt`."""


def answer(run: Run, server: Mailbox, models: Models | None) -> None:
    """Bring every waiting mail of the account as far as it goes. Raises MailbotError where the server, or the model as a
    whole, fails; what fails for one mail is recorded and tried again by a later run."""
    waiting = _adopted(run, server, list(_read(run, run.journal.waiting(run.account.name, now()))))
    waiting = _settled_by_facts(run, server, _obeyed(run, waiting))
    to_draft = [w for w in _triaged(run, waiting, models) if w.triage and w.triage.disposition == "reply"]
    asked = run.options.max_drafts
    most = run.settings.drafts.max_per_run if asked is None else asked
    chosen = to_draft[-most:] if most else []  # the newest: an answer that comes late is worth least
    run.report.waiting += len(to_draft) - len(chosen)
    if chosen:
        _drafted(run, server, chosen, models)


def _read(run: Run, rows: Iterable[MailRow]) -> Iterator[Waiting]:
    for row in rows:
        try:
            message = parse((run.spool / f"{row.sha256}.eml").read_bytes())
        except FileNotFoundError:
            reason = f"its copy in the spool is gone; run `mailbot draft '{row.note}'`"
            run.journal.mail_failed(row.id, reason, now())
            run.report.failed.append(f"{row.note}: {reason}")
            continue
        if notebook.read(run.vault, row.note) is None:
            _done(run, row, None)  # the user has removed the note: that is an answer too
            continue
        yield Waiting(row, message, split(message))


def _done(run: Run, row: MailRow, triage: Triage | None) -> None:
    """Nothing more is wanted of a mail: say why in its note, then in the journal."""
    note_hash, disposition = row.note_hash, row.disposition
    if triage:
        disposition = triage.disposition
        note_hash = notebook.change(run.vault, row.note, row.note_hash, verdict_of(triage).properties())
    run.journal.update_mail(row.id, stage="done", disposition=disposition, note_hash=note_hash)
    (run.spool / f"{row.sha256}.eml").unlink(missing_ok=True)
    run.report.count(disposition or "removed")


def _adopted(run: Run, server: Mailbox, waiting: list[Waiting]) -> list[Waiting]:
    """Store the drafts whose notes lie in the vault though the journal knows none: the run that wrote them was killed
    before it could say so, or the journal was lost. The model is not asked again."""
    left = []
    for w in waiting:
        found = draft_on_disk(run, w)
        if found is None:
            left.append(w)
            continue
        _put(run, server, w, *found, deliver.adopt)
    return left


def _noted(run: Run, w: Waiting, note: str) -> None:
    """A draft that is only a note is finished where the mail's note names it."""
    link = f"[[{note.removesuffix('.md')}]]"
    note_hash = notebook.change(run.vault, w.row.note, w.row.note_hash, {"draft": link})
    run.journal.update_mail(w.row.id, stage="done", disposition="reply", note_hash=note_hash)
    (run.spool / f"{w.row.sha256}.eml").unlink(missing_ok=True)


# --- triage --------------------------------------------------------------------------------------------------------


def _obeyed(run: Run, waiting: list[Waiting]) -> list[Waiting]:
    """What the user wrote into the notes comes first; what an earlier run wrote there is not asked again."""
    left = []
    for w in waiting:
        properties = notebook.properties(run.vault, w.row.note) or {}
        said = corrected(w, properties)
        if said and w.message.sender:
            run.journal.correspondence.corrected(w.row.id, w.message.sender.key, said.disposition, now())
        if said and said.disposition != "reply":
            _done(run, w.row, said)
        elif said:
            left.append(_judged_reply(run, w, said))
        elif w.row.stage == "draft" or properties.get("decided_by"):
            # Written by a run that was killed before it could journal it, or by the one that could not draft.
            written = remembered(w, properties)
            if written.disposition == "reply":
                left.append(replace(w, triage=written))
            else:
                _done(run, w.row, written)
        else:
            left.append(w)
    return left


def _judged_reply(run: Run, w: Waiting, triage: Triage) -> Waiting:
    """A mail that wants a reply: say so in its note, then in the journal."""
    note_hash = notebook.change(run.vault, w.row.note, w.row.note_hash, verdict_of(triage).properties())
    run.journal.update_mail(w.row.id, stage="draft", disposition="reply", note_hash=note_hash)
    run.report.count("reply")
    return replace(w, row=run.journal.mail(w.row.id), triage=triage)


def _settled_by_facts(run: Run, server: Mailbox, waiting: list[Waiting]) -> list[Waiting]:
    """What Sent and Drafts know: mails that the user has answered, or begun to answer, are done. The user's own word
    in a note stands above that."""
    if not any(w.triage is None or w.triage.decided_by != "user" for w in waiting):
        return waiting
    oldest = min(min(w.message.date or run.clock(), run.clock()) for w in waiting).astimezone()
    floor = run.clock() - run.settings.drafts.newer_than - timedelta(days=30)
    since = max(oldest, floor).date() - timedelta(days=1)
    answered, begun = _parents(run, server, "sent", since), _parents(run, server, "drafts", since)
    left = []
    with Index(index_path(run.state.parent, run.vault), run.vault) as index:
        index.refresh(run.settings.exclude)
        for w in waiting:
            if w.triage and w.triage.decided_by == "user":
                left.append(w)
                continue
            own_id = w.message.message_id
            word, said = word_on(run, index, w.message)
            written, received = traffic(run, index, w.message)
            known = Circumstances(
                frozenset(run.settings.own_addresses),
                answered=own_id in answered or bool(own_id and run.journal.correspondence.answered(own_id)),
                drafted_by_user=own_id in begun,
                written=written,
                received=received,
                word=word,
                said=said,
            )
            triage = facts(w.message, w.reply, known)
            if triage and triage.disposition != "reply":
                _done(run, w.row, triage)
            elif triage and w.triage is None:
                left.append(_judged_reply(run, w, triage))
            else:
                left.append(w)
    return left


def _parents(run: Run, server: Mailbox, use: SpecialUse, since: date) -> set[MessageId]:
    configured = run.account.sent_mailbox if use == "sent" else run.account.drafts_mailbox
    try:
        server.examine(server.find(use, configured))
        return server.parents(since)
    except ServerUnavailable as error:
        log.info("account %s: %s could not be read for earlier answers: %s", run.account.name, use, error)
        return set()


def _triaged(run: Run, waiting: list[Waiting], models: Models | None) -> list[Waiting]:
    """Each waiting mail with its triage, written into its note; those whose triage failed are left out."""
    settings = run.settings.llm
    undecided = [w for w in waiting if w.triage is None]
    done = [w for w in waiting if w.triage is not None]

    own = run.settings.own_addresses
    known = {w.row.id for w in undecided if exchanged(run.journal, w.message, own)}

    def ask(w: Waiting) -> tuple[Triage, int, int, str, float]:
        if models is None or settings is None:
            found = detected(w.reply, w.message.subject, known=w.row.id in known)
            if found.disposition == "reply" and only_copied(w.message, own):
                found = Triage("read", "detector", "You are only in Cc")
            return found, 0, 0, "", 0.0
        triage, answered = judged(
            w.message, w.reply, own, _user(run), models, run.settings.folder, known=w.row.id in known
        )
        return triage, answered.tokens_in, answered.tokens_out, answered.model, answered.cost

    results = overlapping(undecided, ask, _concurrency(run, models), "triage")
    for number, (w, result) in enumerate(results, 1):
        run.progress(f"{run.account.name}: triage", number, len(undecided))
        if isinstance(result, MailbotError):
            _failed(run, w, "triage", result)
            continue
        triage, tokens_in, tokens_out, name, cost = result
        spent(run, "triage", name, tokens_in, tokens_out, cost)
        if triage.disposition == "reply":
            done.append(_judged_reply(run, w, triage))
        else:
            _done(run, w.row, triage)
    return sorted(done, key=lambda w: (w.row.date, w.row.id))


# --- drafts --------------------------------------------------------------------------------------------------------


def _drafted(run: Run, server: Mailbox, chosen: list[Waiting], models: Models | None) -> None:
    if run.settings.drafts.to_server:
        deliver.drafts_mailbox(
            run, server
        )  # where there is none, no model is paid for a draft that cannot be stored
    try:
        if models:
            models.check()
    except BudgetSpent as error:  # before anything is gathered that nobody will read
        run.report.waiting += len(chosen)
        run.report.remarks.append(str(error))
        return
    contexts: dict[int, Context] = {}
    with searching(run) as (index, vectors):
        for w in chosen:
            contexts[w.row.id] = context_for(run, index, w, vectors)

    style = styles(run, server, chosen) if models else {}

    def ask(w: Waiting) -> Draft:
        return draft_for(run, w, contexts[w.row.id], models, style=style.get(w.row.id, ""))

    results = overlapping(chosen, ask, _concurrency(run, models), "draft")
    for number, (w, draft) in enumerate(results, 1):
        run.progress(f"{run.account.name}: draft", number, len(chosen))
        if isinstance(draft, MailbotError):
            _failed(run, w, "draft", draft)
            continue
        spent(run, "draft", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
        store_draft(run, server, w, draft, contexts[w.row.id])


@contextmanager
def searching(run: Run) -> Iterator[tuple[Index, Vectors | None]]:
    """The index of the vault and its vectors, up to date. Where the embedding model does not answer, words must do."""
    with Index(index_path(run.state.parent, run.vault), run.vault) as index:
        index.refresh(run.settings.exclude)
        with vectors_of(index, run.settings.embeddings, run.settings.llm) as vectors:
            try:
                fill(index, vectors)
            except (ServerUnavailable, TryAgain) as error:
                run.report.remarks.append(f"{error}; this run searched by words alone")
                vectors = None
            yield index, vectors


def store_draft(run: Run, server: Mailbox, w: Waiting, draft: Draft, context: Context) -> None:
    """Draft note, then server draft. A draft that the server refuses is reported and waits, the note is there."""
    _put(run, server, w, *write_draft_note(run, w, draft, context), deliver.store)


def _put(run: Run, server: Mailbox, w: Waiting, note: str, message_id: MessageId, how: Put) -> None:
    """The draft of a note to where drafts go: the server, or nowhere but the note."""
    try:
        raw, note_hash = composed(run, w, note, message_id)
        if run.settings.drafts.to_server:
            how(run, server, w.row.id, note, note_hash, message_id, raw)
        else:
            _noted(run, w, note)
        run.report.drafts.append(note)
    except TryAgain:
        raise
    except MailbotError as error:
        deliver.postponed(run, server, w.row.id, note, error)


def context_for(run: Run, index: Index, w: Waiting, vectors: Vectors | None = None) -> Context:
    """What the vault knows for the answer to one mail."""
    to, cc = readers(run.settings, w.message)
    circle = Circle(
        own=frozenset(run.settings.own_addresses),
        readers=(*to, *cc),
        unknown=never_met(run.journal, w.message, (*to, *cc)),
        rules=run.settings.disclosure,
        own_note=w.row.note,
        drafts_folder=f"{run.settings.email_folder}/Drafts",
    )
    budget = run.settings.llm.context_tokens if run.settings.llm else 3000
    wanted = w.triage.asks if w.triage else ()
    try:
        return gather(index, w.message, w.reply, wanted, circle, budget=budget, vectors=vectors)
    except (ServerUnavailable, TryAgain) as error:
        run.report.remarks.append(f"{error}; its context was searched by words alone")
        return gather(index, w.message, w.reply, wanted, circle, budget=budget)


def draft_for(
    run: Run,
    w: Waiting,
    context: Context,
    models: Models | None,
    *,
    instruct: str = "",
    style: str = "",
    earlier: str = "",
) -> Draft:
    """The draft of one mail: the model's, or without one an outline. Acts on nothing."""
    wanted = w.triage.asks if w.triage else ()
    settings = run.settings.llm
    if models is None or settings is None:
        return outline(w.message.sender, w.reply.newest, wanted, context, attempts(w.message))
    from mailbot.assistant.draft import by_model

    today, user = run.clock().date(), _user(run)
    return by_model(
        w.message,
        w.reply,
        wanted,
        context,
        user=user,
        models=models,
        folder=run.settings.folder,
        today=today,
        instruct=instruct,
        style=style,
        earlier=earlier,
        suspicious=attempts(w.message),
    )


def _concurrency(run: Run, models: Models | None) -> int:
    return run.settings.llm.concurrency if run.settings.llm and models else 1


def _failed(run: Run, w: Waiting, what: str, error: MailbotError) -> None:
    if isinstance(error, BudgetSpent):  # no fault of the mail's: it waits, and the user is told once
        run.report.waiting += 1
        if str(error) not in run.report.remarks:
            run.report.remarks.append(str(error))
        return
    cost = getattr(error, "cost", 0.0)
    spent(run, what, "failed", getattr(error, "tokens_in", 0), getattr(error, "tokens_out", 0), cost)
    wait = timedelta(seconds=error.retry_after) if isinstance(error, TryAgain) and error.retry_after else None
    run.journal.mail_failed(w.row.id, str(error), now(), wait)
    run.report.failed.append(f"{w.row.note}: {error}")
    log.warning("account %s: %s of mail %d failed: %s", run.account.name, what, w.row.id, error)


def spent(run: Run, purpose: str, model: str, tokens_in: int, tokens_out: int, cost: float = 0.0) -> None:
    """Journal what a model was asked and what it cost."""
    if tokens_in or tokens_out:
        run.journal.spent(run.account.name, purpose, model, tokens_in, tokens_out, now(), cost)
        run.report.tokens_in += tokens_in
        run.report.tokens_out += tokens_out
        run.report.cost += cost


def _user(run: Run) -> str:
    return run.account.display_name or run.account.address
