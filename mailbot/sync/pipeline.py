"""The story, top to bottom: unread mail becomes notes, and notes that want an answer become drafts.

unread mail ─▶ Mail ─▶ disposition ─▶ email note ─▶ triage ─▶ context ─▶ Draft ─▶ draft note ─▶ Drafts
(IMAP, PEEK)  (parse)  (rules)        (durable)     (model)   (vault)    (model)  (durable)     (APPEND)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from mailbot.errors import MailbotError, ServerUnavailable
from mailbot.sync.session.accounts import each_account
from mailbot.sync.session.opening import Session, utc_time
from mailbot.sync.session.report import Options, Progress, Report, silent
from mailbot.sync.steps import draft_wiring, wiring
from mailbot.sync.steps.look import Look, look
from mailbot.sync.steps.second_thoughts import second_thoughts

if TYPE_CHECKING:
    from mailbot.assistant.models import Models
    from mailbot.mail.server.listing import Opened
    from mailbot.settings import Settings
    from mailbot.sync.memory.rows import MailRow
    from mailbot.sync.steps.circumstances import Knowledge, KnowledgeOf
    from mailbot.sync.steps.reading import ReadMails
    from mailbot.sync.steps.waiting import Waiting
    from mailbot.vault.index import Index
    from mailbot.vault.verdict import Disposition

# What only a run with new mail needs is imported where it is first used: most runs find nothing, and end in a moment.


def fetch_all(
    settings: Settings, options: Options, names: Sequence[str] = (), progress: Progress = silent
) -> list[Report]:
    """One run over the named accounts, or all. An account that fails does not stop the others.

    Raises ConfigError for an unknown name or a vault that is not there.
    """
    return each_account(settings, names, progress, lambda session: _told(session, options))


def sync_all(
    settings: Settings, options: Options, names: Sequence[str] = (), progress: Progress = silent
) -> list[Report]:
    """One run as cron wants it: what became of earlier drafts is noticed, then all that `fetch_all` does, then what was approved is
    sent, where the settings allow it. An account that fails does not stop the others. Raises ConfigError for an unknown name or a vault that is not there."""
    return each_account(settings, names, progress, lambda session: _synced(session, options))


def _synced(session: Session, options: Options) -> None:
    begin(session)
    put_in_order(session)
    draft_wiring.reconciler(session).notice()
    _told(session, options, noticed=True)
    if _has_approved(session):
        draft_wiring.sender(session).send_due()


def _has_approved(session: Session) -> bool:
    """Whether anything was approved, or sent and not finished."""
    counts = session.journal.drafts.counts(session.account.name)
    return bool(counts.get("approved") or session.journal.drafts.unfinished(session.account.name))


def _told(session: Session, options: Options, *, noticed: bool = False) -> None:
    """The story: nothing more happens where there is nothing new. `noticed` says that what became of the drafts is known."""
    drafting, account, journal = not options.no_drafts, session.account.name, session.journal
    if not noticed:
        begin(session)
        if drafting:
            put_in_order(session)
    looks = look_at_mailboxes(session, options)
    thoughts = second_thoughts(account, journal.mails, session.notes) if drafting else []
    waiting = bool(thoughts) or (drafting and bool(journal.mails.waiting(account, utc_time())))
    if waiting or any(each.has_mail for each in looks):
        if drafting and not noticed:  # so that nothing is drafted beside an answer of the user's
            draft_wiring.reconciler(session).notice()
        _worked_on(session, options, looks, thoughts)
    else:
        ledger = wiring.ledger(session)
        for seen in looks:
            ledger.begin(seen)
            ledger.end(seen)


def begin(session: Session) -> None:
    """Log in; where the journal may have been lost, remember what the notes know; clear away what killed runs have left."""
    session.server.connect()
    begun = session.journal.cursors.any(session.account.name, "inbox")
    if not begun and session.notes.exists(session.settings.email_folder):
        from mailbot.sync.steps.restore_wiring import remember_again

        remember_again(session)
    wiring.sweep(session)


def put_in_order(session: Session) -> None:
    """Finish the drafts that earlier runs began, and look again at what a wrong clock has decided."""
    account, journal = session.account.name, session.journal
    if journal.drafts.due_intents(account, utc_time()):
        draft_wiring.delivery(session).settle()
    if journal.mails.kept_after(account, utc_time()):
        wiring.wrong_clock(session).put_right(utc_time())


def _worked_on(
    session: Session,
    options: Options,
    looks: Sequence[Look],
    thoughts: Sequence[tuple[MailRow, Disposition]],
) -> None:
    """The rest of the story, and once more where the index turns out to be damaged: it is a cache, and every step goes on where
    it was."""
    from mailbot.sync.session.search import IndexDamaged

    try:
        _kept_and_answered(session, options, looks, thoughts)
    except IndexDamaged:
        _kept_and_answered(session, options, look_at_mailboxes(session, options), thoughts)


def _kept_and_answered(
    session: Session,
    options: Options,
    looks: Sequence[Look],
    thoughts: Sequence[tuple[MailRow, Disposition]],
) -> None:
    from mailbot.sync.steps.circumstances import Knowledge
    from mailbot.vault.indexing import refresh

    drafting = not options.no_drafts
    account, journal, mails = session.account.name, session.journal, wiring.read_mails(session)
    waiting = bool(thoughts) or (drafting and bool(journal.mails.waiting(account, utc_time())))
    with ExitStack() as stack:
        index = the_index(session, stack)
        knowledge = know(session, index)
        decides = knowledge.of if drafting and isinstance(knowledge, Knowledge) else None
        known_notes = None if isinstance(index, MailbotError) else index
        _keep(session, options, looks, mails, known_notes, decides)
        if isinstance(knowledge, MailbotError):
            raise knowledge  # the mails are kept; all else waits for the next run
        index = knowledge.index
        if session.report.notes:
            refresh(index, session.settings.exclude)
            knowledge = replace(knowledge, up_to=index.newest_id())
        if session.report.notes or waiting:
            wiring.person_notes(session, index).update()
        if drafting:
            wiring.second_thoughts_of(session).obey(thoughts)
            if rows := journal.mails.waiting(account, utc_time()):
                _answer(session, options, rows, mails, knowledge)
            draft_wiring.open_drafts(session, index).more_to_answer(session.report.notes)


def the_index(session: Session, stack: ExitStack) -> Index | MailbotError:
    """The index of the vault, open as long as `stack` is, or why it cannot be used now: no mail is lost for that."""
    from mailbot.sync.session.search import opened_index

    try:
        return stack.enter_context(opened_index(session.settings, session.index))
    except MailbotError as error:
        return error


def know(session: Session, index: Index | MailbotError) -> Knowledge | MailbotError:
    """What Sent, Drafts and the notes say beside a mail, or why that cannot be told now."""
    from mailbot.sync.steps.sent import read_sent

    if isinstance(index, MailbotError):
        return index
    try:
        read_sent(session.server, session.account, session.journal)
        return wiring.knowledge(session, index)
    except MailbotError as error:
        return error


def look_at_mailboxes(session: Session, options: Options) -> list[Look]:
    """What is to be done with each mailbox of the account. One that cannot be opened is reported and does not stop the
    others. Raises MailbotError if the server as a whole fails."""
    found = []
    for name in session.account.mailboxes:
        if opened := _examined(session, name):
            wish = wiring.wish(session, options)
            found.append(look(session.server, session.account.name, opened, session.journal, wish))
    return found


def opened_again(session: Session, options: Options, seen: Look) -> Look | None:
    """The mailbox of a look, open again, and the look itself; another one if the server has renumbered the mailbox meanwhile,
    None if it cannot be opened any more, which is reported."""
    opened = _examined(session, seen.opened.name)
    if opened is None or opened.uidvalidity == seen.opened.uidvalidity:
        return seen if opened else None
    wish = wiring.wish(session, options)
    return look(session.server, session.account.name, opened, session.journal, wish)


def _examined(session: Session, name: str) -> Opened | None:
    server = session.server
    try:
        return server.examine(name)
    except ServerUnavailable as error:
        server.ensure()
        has = server.names()
        session.report.failed.append(f"{error}; fix `mailboxes` in accounts.yaml; the server has: {has}")
        return None


def _keep(
    session: Session,
    options: Options,
    looks: Sequence[Look],
    mails: ReadMails,
    index: Index | None,
    knows: KnowledgeOf | None,
) -> None:
    """Make each plan true: every mail is kept as a note, or its failure is recorded."""
    keeper, arrivals = wiring.keeper(session, mails, index), wiring.arrivals(session, knows)
    for seen in looks:
        current = opened_again(session, options, seen) if seen.has_mail else seen
        if current:
            keeper.run(current, arrivals.read(current) if current.has_mail else ())


def _answer(
    session: Session, options: Options, rows: Sequence[MailRow], mails: ReadMails, knowledge: Knowledge
) -> None:
    """Bring the waiting mails as far as they go: triage, then a draft. Of those that want a draft already no more are read than
    get one now, however many wait."""
    from mailbot.sync.decide.thread import backlog, newest
    from mailbot.sync.session.models import opened_models
    from mailbot.sync.steps.triage import triage
    from mailbot.sync.steps.waiting import read_waiting

    record, storage = wiring.record(session, knowledge.index), wiring.storage(session, knowledge.index)
    drafts = storage.open_drafts
    most = wiring.most_drafts(session, options)
    undecided, threads = backlog(rows, knowledge.index.threads_of(row.note for row in rows), mails.holds)
    with opened_models(session.settings.llm, session.spent_today()) as models:
        judge = wiring.judge(session, models, knowledge.index)
        wanting: list[Waiting] = []
        part, count = [*undecided, *(row for thread in threads[:most] for row in thread)], most
        while part:
            waiting = storage.adopt(read_waiting(part, mails, record))
            wanting += triage(waiting, knowledge.of, judge, record, drafts)
            more = max(0, most - len(wanting))
            part = [row for thread in threads[count : count + more] for row in thread]
            count += more
        wanting.sort(key=lambda each: (each.row.date, each.row.id))
        chosen_now = newest(wanting, most)
        session.report.waiting += len(wanting) - len(chosen_now) + len(threads[count:])
        if chosen_now:
            _draft(session, chosen_now, models, knowledge.index)


def _draft(session: Session, wanting: Sequence[Waiting], models: Models | None, index: Index) -> None:
    from mailbot.sync.session.search import filled_vectors, opened_reranker
    from mailbot.sync.steps.context import ContextSearch
    from mailbot.sync.steps.draft import draft_all, draft_for, within_budget
    from mailbot.sync.steps.style import styles

    storage, bill = wiring.storage(session, index), wiring.bill(session)
    if storage.to_server:
        # Where there is no Drafts, no model is paid for a draft that cannot be stored.
        storage.delivery.drafts_mailbox()
    if not within_budget(models, wanting, bill):
        return
    with (
        filled_vectors(index, session.settings, session.report) as vectors,
        opened_reranker(session.settings) as reranker,
    ):
        sent = wiring.sent_style(session)
        search = ContextSearch(
            session.settings, index, vectors, session.journal.sent, session.report, reranker, sent.samples
        )
        contexts = {each.row.id: search.context(each) for each in wanting}
    voice = styles(sent, session.notes, wanting) if models else {}
    requests = [
        (each, wiring.request(session, each, contexts[each.row.id], voice.get(each.row.id)))
        for each in wanting
    ]
    folder = session.settings.folder
    draft_all(
        requests,
        lambda request: draft_for(request, models, folder),
        wiring.concurrency(session, models),
        storage,
        bill,
        session.progress,
        session.ends,
    )
