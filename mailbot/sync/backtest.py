"""Drafts for mails that the user has answered already, made as they would have been made then, beside the answers.

Nothing is stored on the server and no note but the report is written. Time travel is ruled out: a note that was changed
after the mail came, a mail or an answer dated after it, reach neither context nor style.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.assistant.comparison import Comparison, compare
from mailbot.assistant.context import Context
from mailbot.assistant.draft import Draft
from mailbot.assistant.triage import Triage, detected
from mailbot.errors import BadData, MailbotError, ServerUnavailable
from mailbot.mail.message import Message
from mailbot.mail.mime.parse import parse
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.text.split import split
from mailbot.settings import Settings
from mailbot.sync import asking
from mailbot.sync.answer import context_for, draft_for, searching
from mailbot.sync.circle import Then
from mailbot.sync.journal import Journal, MailRow
from mailbot.sync.learning import SentMail, learned
from mailbot.sync.lock import locked
from mailbot.sync.overlap import overlapping
from mailbot.sync.pipeline import check_vault, chosen, models_of, spent_today
from mailbot.sync.run import Options, Progress, Report, Run, login, silent, vault_state
from mailbot.sync.sent import remember_sent
from mailbot.sync.waiting import Waiting, readers
from mailbot.vault import backtest_note
from mailbot.vault.backtest_note import Row
from mailbot.vault.files import inside, write_atomic

READ = 20_000
"""Mails of a mailbox among which those that were answered are looked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """A mail, the user's answer to it, and to whom that went."""

    waiting: Waiting
    answer: str
    answered_to: frozenset[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """A case with its draft, the context that it was given, and how it compares; or why there is no draft."""

    case: Case
    draft: Draft | None
    context: Context
    comparison: Comparison | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Backtest:
    """All results of an account, the report's path inside the vault, and what it cost."""

    account: str
    results: tuple[Result, ...]
    note: str
    tokens: int
    cost: float

    @property
    def summary(self) -> tuple[tuple[str, str], ...]:
        """The figures, in words."""
        done = [r for r in self.results if r.comparison and r.draft]
        compared = [r.comparison for r in done if r.comparison]
        asked = sum(len(c.taken_up) + len(c.left_out) for c in compared)
        lanes = [r.draft.lane for r in done if r.draft]
        return (
            ("mails", f"{len(self.results)}, of which {len(done)} were drafted"),
            (
                "asks that you took up and the draft too, by its words",
                f"{sum(len(c.taken_up) for c in compared)} of {asked}",
            ),
            ("drafts that leave out something you answered", str(sum(bool(c.left_out) for c in compared))),
            (
                "what your answers said beyond the mail and the draft too (median)",
                f"{statistics.median(c.agreement for c in compared):.0%}" if compared else "-",
            ),
            ("drafts with something invented", str(sum(bool(c.invented) for c in compared))),
            ("drafts with blanks", str(sum(bool(c.blanks) for c in compared))),
            (
                "length, against yours (median)",
                f"{statistics.median(c.length for c in compared):.2f}" if compared else "-",
            ),
            ("same language", f"{sum(c.same_language for c in compared)} of {len(compared)}"),
            ("recipients right", f"{sum(c.recipients_right for c in compared)} of {len(compared)}"),
            ("lanes", ", ".join(f"{lane}: {lanes.count(lane)}" for lane in dict.fromkeys(lanes)) or "-"),
            ("tokens", str(self.tokens)),
            ("cost", f"{self.cost:.4f}" if self.cost else "no prices are set (llm.prices)"),
        )


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
    check_vault(settings.vault)
    of = chosen(settings, [account] if account else [])[0]
    state = vault_state(settings.vault)
    report = Report(of.name)
    with (
        locked(state, of.name),
        Journal(state / "journal.sqlite") as journal,
        ImapAccount(login(of)) as server,
    ):
        run = Run(settings, of, journal, state, Options(), report, progress)
        remember_sent(run, server)
        cases = _cases(run, server, last)
        results = _drafted(run, server, cases, trust_dates)
    at = run.clock()
    path = f"Mailbot/Backtest {at:%Y-%m-%d %H%M%S}.md"
    done = Backtest(of.name, tuple(results), path, report.tokens_in + report.tokens_out, report.cost)
    model = next((r.draft.model for r in results if r.draft), "none")
    text = backtest_note.render(at, model, [_row(r) for r in results], done.summary)
    write_atomic(inside(settings.vault, path), text.encode())
    return done


def _cases(run: Run, server: ImapAccount, last: int) -> list[Case]:
    """The newest answers of the user whose mails are still on the server. Raises BadData where there is none."""
    sent = run.journal.correspondence.sent_mails(run.account.name, limit=10_000)
    answers = [s for s in sent if s.parent][: 4 * last]
    lying = _lying(run, server, {s.parent for s in answers})
    found: list[Case] = []
    for row in answers:
        if len(found) == last:
            break
        run.progress("backtest: reading", len(found), min(last, len(answers)))
        parent = _raw(server, *lying[row.parent]) if row.parent in lying else None
        own = _raw(server, row.mailbox, row.uid) if parent else None
        if parent is None or own is None:
            continue
        message, answer = parse(parent), parse(own)
        if message.sender and message.sender.key in run.settings.own_addresses:
            continue
        # A sender's clock may be wrong; the answer was certainly written after the mail had come.
        dates = [d for d in (message.date, answer.date) if d]
        if dates:
            found.append(_case(run, message, answer, min(dates)))
    if not found:
        raise BadData(
            f"account {run.account.name}: of {len(answers)} answers in Sent none is to a mail that is still on the server;"
            " is `sent_mailbox` right?"
        )
    return found


def _lying(run: Run, server: ImapAccount, wanted: set[str]) -> dict[str, tuple[str, int]]:
    """Message-ID -> (mailbox, uid) of the mails wanted: in the account's mailboxes, then wherever they were filed."""
    others = [m.name for m in server.mailboxes() if m.selectable and m.name not in run.account.mailboxes]
    found: dict[str, tuple[str, int]] = {}
    for name in (*run.account.mailboxes, *others):
        if wanted <= found.keys():
            break
        try:
            opened = server.examine(name)
            uids = server.search(["ALL"], first=1, last=max(opened.uidnext - 1, 0), exists=opened.exists)
            for uid, header in server.headers(uids[-READ:] if opened.exists else []):
                if header.message_id in wanted:
                    found.setdefault(header.message_id, (name, uid))
        except ServerUnavailable:
            server.ensure()
    return found


def _raw(server: ImapAccount, mailbox: str, uid: int) -> bytes | None:
    server.examine(mailbox)
    return next((raw for _, raw in server.bodies(server.listings([uid]))), None)


def _case(run: Run, message: Message, answer: Message, at: datetime) -> Case:
    reply = split(message)
    asks = detected(reply, message.subject, known=True).asks
    triage = Triage("reply", "user", "You have answered it", asks=asks)
    known = next(iter(run.journal.by_message_id(message.message_id or "")), None)
    row = MailRow(
        0,
        run.account.name,
        message.message_id or "",
        message.sha256,
        known.note if known else "",
        "",
        at.isoformat(),
        "draft",
        "reply",
        0,
        "",
        "",
    )
    own = set(run.settings.own_addresses)
    to = frozenset(a.key for a in (*answer.to, *answer.cc)) - own
    return Case(Waiting(row, message, reply, triage), split(answer).newest, to, at)


def _drafted(run: Run, server: ImapAccount, cases: Sequence[Case], trust_dates: bool) -> list[Result]:
    sent = SentMail(run, server)
    contexts: list[Context] = []
    voices: list[str] = []
    with searching(run) as (index, vectors):
        for case in cases:
            then = Then(case.at, trust_dates)
            contexts.append(context_for(run, index, case.waiting, vectors, then))
            style = learned(sent, case.waiting, then.utc)[1]
            voices.append(style.in_words() if style else "")
    results: list[Result] = []
    with models_of(run.settings.llm, spent_today(run)) as models:
        asked = list(range(len(cases)))

        def ask(n: int) -> Draft:
            on_that_day = replace(run, clock=lambda: cases[n].at)
            return draft_for(on_that_day, cases[n].waiting, contexts[n], models, style=voices[n])

        for n, draft in overlapping(asked, ask, asking.concurrency(run, models), "backtest"):
            run.progress("backtest: drafting", n + 1, len(cases))
            if isinstance(draft, MailbotError):
                asking.lost(run, "backtest", draft)
                results.append(Result(cases[n], None, contexts[n], None, str(draft)))
                continue
            asking.spent(run, "backtest", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
            results.append(Result(cases[n], draft, contexts[n], _compared(run, cases[n], draft, contexts[n])))
    return results


def _compared(run: Run, case: Case, draft: Draft, context: Context) -> Comparison:
    message = case.waiting.message
    to, cc = readers(run.settings, message)
    people = " ".join(str(a) for a in (*message.authors, *message.to, *message.cc))
    given = [case.waiting.reply.plain("newest", "quoted", "forwarded", "signature"), message.subject, people]
    given += [run.account.display_name, *(s.text for s in context.sources)]
    asks = case.waiting.triage.asks if case.waiting.triage else ()
    drafted_to = {a.key for a in (*to, *cc)}
    return compare(draft.reply, case.answer, asks, given, drafted_to, case.answered_to)


def _row(result: Result) -> Row:
    message, compared = result.case.waiting.message, result.comparison
    verdicts: list[tuple[str, str]] = [("no draft", result.error)]
    if compared:
        verdicts = [
            ("taken up", "; ".join(compared.taken_up)),
            ("left out", "; ".join(compared.left_out)),
            ("invented", ", ".join(compared.invented)),
            ("of what you said", f"{compared.agreement:.0%}"),
            ("length against yours", str(compared.length)),
            ("language", "" if compared.same_language else "another than yours"),
            ("recipients", "" if compared.recipients_right else "others than yours"),
        ]
    return Row(
        message.subject,
        f"{result.case.at:%Y-%m-%d}",
        result.draft.reply if result.draft else "",
        result.case.answer,
        result.draft.lane if result.draft else "",
        verdicts,
        tuple(dict.fromkeys(s.wikilink for s in result.context.sources)),
    )
