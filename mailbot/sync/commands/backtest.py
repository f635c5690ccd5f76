"""Drafts for mails that the user has answered already, made as they would have been made then, beside the answers.

Nothing is stored on the server and no note but the report is written. Nothing later than the mail is used: no note
that changed after it came, and no later mail or answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from mailbot.assistant.request import DraftRequest
from mailbot.errors import BadData, MailbotError, ServerUnavailable
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Settings
from mailbot.sync.commands.backtest_report import Backtest, Case, Result, compared, row_of
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.sync.decide.users_word import Word
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.session.models import opened_models
from mailbot.sync.session.opening import Session, chosen, opened
from mailbot.sync.session.report import Progress, Report, silent
from mailbot.sync.session.search import filled_vectors, opened_index, opened_reranker
from mailbot.sync.steps import wiring
from mailbot.sync.steps.context import ContextSearch, Then
from mailbot.sync.steps.draft import draft_for
from mailbot.sync.steps.pool import in_order
from mailbot.sync.steps.sent import read_sent
from mailbot.sync.steps.waiting import Waiting
from mailbot.vault import backtest_note

READ = 20_000
"""Mails of a mailbox among which those that were answered are looked for."""
ANSWERS = 10_000
"""Answers in Sent that are considered, the newest first."""


def backtest(
    settings: Settings,
    account: str = "",
    last: int = 50,
    *,
    trust_dates: bool = False,
    progress: Progress = silent,
) -> Backtest:
    """Draft the last answered mails of an account again, and write the report into the vault.

    `trust_dates` takes a note's `date` property for the time of all that stands in it; without that, a note that was changed
    since is left out. Raises MailbotError of the server, and what ends all drafting.
    """
    of = chosen(settings, [account] if account else [])[0]
    report = Report(of.name)
    with opened(settings, of, report, progress) as session:
        session.server.connect()
        read_sent(session.server, of, session.journal)
        requests = _requests(session, _cases(session, last), trust_dates)
        results = _drafted(session, requests)
        at = session.clock()
        path = _unused(session, f"Mailbot/Backtest {at:%Y-%m-%d %H%M%S}")
        done = Backtest(of.name, tuple(results), path, report.tokens_in + report.tokens_out, report.cost)
        model = next((r.draft.model for r in results if r.draft), "none")
        text = backtest_note.render(at, model, [row_of(r) for r in results], done.summary)
        session.notes.create(path, text)
    return done


def _unused(session: Session, stem: str) -> str:
    """The path of a report that is not there yet."""
    number, path = 1, f"{stem}.md"
    while session.notes.exists(path):
        number += 1
        path = f"{stem} ({number}).md"
    return path


def _cases(session: Session, last: int) -> list[Case]:
    """The newest answers of the user whose mails are still on the server. Raises BadData if there is none."""
    name, server = session.account.name, session.server
    sent = session.journal.sent.newest(name, limit=ANSWERS)
    answers = [s for s in sent if s.parent][: 4 * last]
    lying = _lying(session, {s.parent for s in answers})
    found: list[Case] = []
    for row in answers:
        if len(found) == last:
            break
        session.progress("backtest: reading", len(found), min(last, len(answers)))
        parent = _read(server, *lying[row.parent]) if row.parent in lying else None
        answer = _read(server, row.location.mailbox, row.location.uid) if parent else None
        if parent and answer and (case := _case(session, parent, answer)):
            found.append(case)
    if not found:
        raise BadData(
            f"account {name}: none of your {len(answers)} answers in Sent is to a mail that is still on the server;"
            " is `sent_mailbox` right?"
        )
    return found


def _lying(session: Session, wanted: set[str]) -> dict[str, tuple[str, int]]:
    """Message-ID -> (mailbox, uid) of the mails wanted: in the account's mailboxes, then wherever they were filed."""
    server, own = session.server, session.account.mailboxes
    others = [m.name for m in server.mailboxes() if m.selectable and m.name not in own]
    found: dict[str, tuple[str, int]] = {}
    for name in (*own, *others):
        if wanted <= found.keys():
            break
        try:
            opened_mailbox = server.examine(name)
            uids = server.search(["ALL"], exists=opened_mailbox.exists)
            for uid, header in server.headers(uids[-READ:] if opened_mailbox.exists else []):
                if header.message_id in wanted:
                    found.setdefault(header.message_id, (name, uid))
        except ServerUnavailable:
            server.ensure()
    return found


def _read(server: ImapAccount, mailbox: str, uid: int) -> Mail | None:
    server.examine(mailbox)
    raw = next((raw for _, raw in server.bodies(server.listings([uid]))), None)
    return read_mail(raw) if raw else None


def _case(session: Session, mail: Mail, answer: Mail) -> Case | None:
    """The case of a mail and its answer, None for a mail of the user's own or one that nothing dates."""
    message, own = mail.message, frozenset(session.settings.own_addresses)
    # A sender's clock may be wrong; the answer was certainly written after the mail had come.
    dates = [d for d in (message.date, answer.message.date) if d]
    if not dates or (message.sender and message.sender.key in own):
        return None
    at = min(dates)
    said = Word("reply", "You have answered it")
    verdict = disposition(mail, Circumstances(own=own, said_of_mail=said))
    known = next(iter(session.journal.mails.by_message_id(message.message_id or "")), None)
    row = MailRow(
        0,
        session.account.name,
        message.message_id or "",
        message.sha256,
        known.note if known else "",
        "",
        at,
        "draft",
        "reply",
    )
    to = frozenset(a.key for a in (*answer.message.to, *answer.message.cc)) - own
    return Case(Waiting(row, mail, verdict), answer.text.newest, to, at)


def _requests(session: Session, cases: Sequence[Case], trust_dates: bool) -> list[tuple[Case, DraftRequest]]:
    """What each draft would have been made from on its day."""
    sent, found = wiring.sent_style(session), []
    with (
        opened_index(session.settings, session.index) as index,
        filled_vectors(index, session.settings, session.report) as vectors,
        opened_reranker(session.settings) as reranker,
    ):
        search = ContextSearch(
            session.settings, index, vectors, session.journal.sent, session.report, reranker, sent.samples
        )
        for case in cases:
            context = search.context(case.waiting, Then(case.at, trust_dates))
            style = sent.learned(case.waiting, case.at)[1]
            that_day = replace(session, clock=partial(_same, case.at))
            voice = style.voice() if style else None
            found.append((case, wiring.request(that_day, case.waiting, context, voice)))
    return found


def _drafted(session: Session, requests: Sequence[tuple[Case, DraftRequest]]) -> list[Result]:
    bill, folder = wiring.bill(session), session.settings.folder
    results: list[Result] = []
    with opened_models(session.settings.llm, session.spent_today()) as models:
        concurrency = wiring.concurrency(session, models)
        drafts = in_order(requests, lambda each: draft_for(each[1], models, folder), concurrency, "backtest")
        for number, ((case, request), draft) in enumerate(drafts, 1):
            session.progress("backtest: drafting", number, len(requests))
            context = request.context
            if isinstance(draft, MailbotError):
                bill.charge_failure("backtest", draft)
                results.append(Result(case, None, context, None, str(draft)))
                continue
            bill.charge("backtest", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
            comparison = compared(session.settings, session.account, case, draft, context)
            results.append(Result(case, draft, context, comparison))
    return results


def _same(moment: datetime) -> datetime:
    """A clock that stands still."""
    return moment
