"""Draft one mail at the user's word, or draft it again: a new revision beside or in the place of the earlier one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mailbot.errors import BadData, MailbotError
from mailbot.mail.mail import dated, read_mail
from mailbot.settings import Account, Settings
from mailbot.sync.commands.which import mail_named
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.session.models import opened_models
from mailbot.sync.session.opening import Session, check_vault, opened
from mailbot.sync.session.report import Report
from mailbot.sync.session.search import filled_vectors, opened_index, opened_reranker
from mailbot.sync.session.state import State
from mailbot.sync.steps import draft_wiring, wiring
from mailbot.sync.steps.context import ContextSearch
from mailbot.sync.steps.draft import draft_for
from mailbot.sync.steps.sent import read_sent
from mailbot.sync.steps.style import styles
from mailbot.sync.steps.waiting import Waiting, remembered
from mailbot.vault.index import Index
from mailbot.vault.source import Context

OVER = ("sent", "answered", "discarded", "sending", "approved")
"""The drafts that are done with, or that wait for nothing but to be sent."""


def redraft(
    settings: Settings, which: str, instruct: str = "", *, again: Callable[[str], bool] = lambda _: False
) -> Report:
    """Draft the mail of a note (its path or name) or of a Message-ID, with an instruction if there is one. `again` is asked, with
    what became of the last draft, where that was sent or deleted.

    Raises BadData if no such mail is kept, its text can no longer be had, or `again` says no, and MailbotError of server and model.
    """
    check_vault(settings.vault)
    row, account = _find(settings, which)
    report = Report(account.name)
    with opened(settings, account, report) as session:
        session.server.connect()
        draft_wiring.delivery(session).settle()
        _unless_over(session, session.journal.mails.get(row.id), again)
        _redraft(session, session.journal.mails.get(row.id), instruct)
    return report


def _unless_over(session: Session, row: MailRow, again: Callable[[str], bool]) -> None:
    """Raises BadData if the last draft is done with, and the user does not want another."""
    last = next(reversed(session.journal.drafts.of(row.id)), None)
    if last:
        draft_wiring.reconciler(session).notice(only=[last.id])
        # An edit in the note has made another revision of it.
        last = next(reversed(session.journal.drafts.of(row.id)))
    if last is None or last.status not in OVER:
        return
    what = f"{last.note}: its draft is `{last.status}`{f': {last.why}' if last.why else ''}"
    if not again(what):
        raise BadData(f"{what}; `mailbot draft {row.stem} --again` makes another one anyway")


def _redraft(session: Session, row: MailRow, instruct: str) -> None:
    waiting = _asked_for(session, row)
    read_sent(session.server, session.account, session.journal)
    with (
        opened_index(session.settings, session.index) as index,
        filled_vectors(index, session.settings, session.report) as vectors,
        opened_reranker(session.settings) as reranker,
    ):
        written = wiring.sent_style(session).samples
        context = ContextSearch(
            session.settings, index, vectors, session.journal.sent, session.report, reranker, written
        ).context(waiting)
        if instruct and session.settings.llm is None:
            session.report.remark("no model is configured (llm): an outline cannot follow an instruction")
        _draft(session, waiting, context, index, instruct)


def _asked_for(session: Session, row: MailRow) -> Waiting:
    """The mail as one that wants a reply, because the user says so."""
    waiting = Waiting(row, dated(read_mail(wiring.mail_as_it_came(session, row)), row.date))
    written = remembered(waiting, session.notes, session.journal)
    if written.disposition == "reply" and written.decided_by:
        return replace(waiting, verdict=written)
    verdict = replace(written, disposition="reply", decided_by="user", reason="You asked for it")
    return replace(waiting, verdict=verdict)


def _draft(session: Session, waiting: Waiting, context: Context, index: Index, instruct: str) -> None:
    bill, storage = wiring.bill(session), wiring.storage(session, index)
    with opened_models(session.settings.llm, session.spent_today()) as models:
        voice = styles(wiring.sent_style(session), session.notes, [waiting]) if models else {}
        earlier = storage.draft_notes.earlier(waiting.row)
        request = replace(
            wiring.request(session, waiting, context, voice.get(waiting.row.id)),
            instruct=instruct,
            earlier=earlier[0][1] if earlier else "",
            why_earlier=storage.draft_notes.doubts(waiting.row) if instruct else (),
        )
        try:
            draft = draft_for(request, models, session.settings.folder)
        except MailbotError as error:
            bill.charge_failure("draft", error)
            raise
    bill.charge("draft", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
    # Its note says so too: else the next run would read the old disposition there as the user's second thought.
    row = storage.record.wants_reply(waiting.row, waiting.verdict)
    storage.store(replace(waiting, row=row), draft, context, asked=True)


def _find(settings: Settings, which: str) -> tuple[MailRow, Account]:
    """The mail that is meant, and its account. Raises BadData if there is none."""
    with opened_journal(State(settings.vault).journal) as journal:
        row = mail_named(journal.mails, settings, which)
    account = next((a for a in settings.accounts if a.name == row.account), None)
    if account is None:
        raise BadData(f"{row.note}: its account {row.account!r} is no longer in accounts.yaml")
    return row, account
