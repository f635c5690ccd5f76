"""Waiting mails -> drafts: triage, context, draft, draft note, server draft. Model calls overlap; all else is in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailbot.assistant.context import Context, gather
from mailbot.assistant.draft import Draft
from mailbot.assistant.outline import outline
from mailbot.assistant.steering import attempts
from mailbot.errors import (
    AuthenticationFailed,
    BadData,
    BudgetSpent,
    MailbotError,
    ServerUnavailable,
    TryAgain,
)
from mailbot.mail.message import MessageId
from mailbot.mail.mime.parse import parse
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.text.split import split
from mailbot.sync import asking, deliver, notebook
from mailbot.sync.circle import Then, budget_of, circle_of
from mailbot.sync.journal import MailRow, now
from mailbot.sync.learning import styles
from mailbot.sync.overlap import overlapping
from mailbot.sync.run import Run
from mailbot.sync.triage import done, triaged
from mailbot.sync.vectors import fill, vectors_of
from mailbot.sync.waiting import Waiting, composed, draft_on_disk, write_draft_note
from mailbot.vault.index import Index, index_path
from mailbot.vault.vectors import Vectors

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


Put = Callable[[Run, ImapAccount, int, str, str, MessageId, bytes], None]
"""`deliver.store` or `deliver.adopt`."""


def answer(run: Run, server: ImapAccount, models: Models | None, index: Index) -> None:
    """Bring every waiting mail of the account as far as it goes. Raises MailbotError where the server, or the model as a
    whole, fails; what fails for one mail is recorded and tried again by a later run."""
    waiting = _adopted(run, server, list(_read(run, run.journal.waiting(run.account.name, now()))))
    to_draft = triaged(run, server, waiting, models, index)
    asked = run.options.max_drafts
    most = run.settings.drafts.max_per_run if asked is None else asked
    chosen = to_draft[-most:] if most else []  # the newest: an answer that comes late is worth least
    run.report.waiting += len(to_draft) - len(chosen)
    if chosen:
        _drafted(run, server, chosen, models, index)


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
            done(run, row, None)  # the user has removed the note: that is an answer too
            continue
        yield Waiting(row, message, split(message))


def _adopted(run: Run, server: ImapAccount, waiting: list[Waiting]) -> list[Waiting]:
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


def _drafted(
    run: Run, server: ImapAccount, chosen: list[Waiting], models: Models | None, index: Index
) -> None:
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
    with vectors_for(run, index) as vectors:
        for w in chosen:
            contexts[w.row.id] = context_for(run, index, w, vectors)
    style = styles(run, server, chosen) if models else {}

    def ask(w: Waiting) -> Draft:
        return draft_for(run, w, contexts[w.row.id], models, style=style.get(w.row.id, ""))

    results = overlapping(chosen, ask, asking.concurrency(run, models), "draft")
    for number, (w, draft) in enumerate(results, 1):
        run.progress(f"{run.account.name}: draft", number, len(chosen))
        if isinstance(draft, MailbotError):
            asking.failed(run, w, "draft", draft)
            continue
        asking.spent(run, "draft", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
        store_draft(run, server, w, draft, contexts[w.row.id])


@contextmanager
def vectors_for(run: Run, index: Index) -> Iterator[Vectors | None]:
    """The vectors of the vault, up to date with its index. Where the embedding model does not answer, words must do."""
    with vectors_of(index, run.settings.embeddings, run.settings.llm) as vectors:
        try:
            fill(index, vectors, run.settings.disclosure)
        except (ServerUnavailable, TryAgain, BadData, AuthenticationFailed) as error:
            run.report.remarks.append(f"{error}; this run searched by words alone")
            vectors = None
        yield vectors


@contextmanager
def searching(run: Run) -> Iterator[tuple[Index, Vectors | None]]:
    """The index of the vault and its vectors, both up to date."""
    with Index(index_path(run.state.parent, run.vault), run.vault) as index:
        index.refresh(run.settings.exclude)
        with vectors_for(run, index) as vectors:
            yield index, vectors


def store_draft(run: Run, server: ImapAccount, w: Waiting, draft: Draft, context: Context) -> None:
    """Draft note, then server draft. A draft that the server refuses is reported and waits, the note is there."""
    _put(run, server, w, *write_draft_note(run, w, draft, context), deliver.store)


def _put(run: Run, server: ImapAccount, w: Waiting, note: str, message_id: MessageId, how: Put) -> None:
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


def context_for(
    run: Run, index: Index, w: Waiting, vectors: Vectors | None = None, then: Then | None = None
) -> Context:
    """What the vault knows for the answer to one mail, or knew `then`."""
    circle = circle_of(run.settings, run.journal, w.message, own_note=w.row.note, then=then)
    wanted, budget = (w.triage.asks if w.triage else ()), budget_of(run.settings)
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

    today, user = run.clock().date(), asking.user_of(run)
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
