"""What a backtest found: each draft beside the answer that was really given, and the figures over all."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime

from mailbot.assistant.comparison import Comparison, compare
from mailbot.settings import Account, Settings
from mailbot.sync.decide.audience import recipients
from mailbot.sync.steps.waiting import Waiting
from mailbot.vault.backtest_note import Row
from mailbot.vault.draft import Draft
from mailbot.vault.source import Context


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
                "questions that both you and the draft answered, by their words",
                f"{sum(len(c.taken_up) for c in compared)} of {asked}",
            ),
            ("drafts that leave out something you answered", str(sum(bool(c.left_out) for c in compared))),
            (
                "of what your answers added, the share that the draft says too (median)",
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


def compared(settings: Settings, account: Account, case: Case, draft: Draft, context: Context) -> Comparison:
    """A draft beside the answer of its case."""
    mail, verdict = case.waiting.mail, case.waiting.verdict
    message = mail.message
    people = " ".join(str(a) for a in (*message.authors, *message.to, *message.cc))
    given = [mail.text.plain("newest", "quoted", "forwarded", "signature"), message.subject, people]
    given += [account.display_name, *(s.text for s in context.sources)]
    drafted_to = {a.key for part in recipients(settings, message) for a in part}
    return compare(draft.reply, case.answer, verdict.asks, given, drafted_to, case.answered_to)


def row_of(result: Result) -> Row:
    """A result as the report's note shows it."""
    message, compared = result.case.waiting.mail.message, result.comparison
    verdicts: list[tuple[str, str]] = [("no draft", result.error)]
    if compared:
        verdicts = [
            ("answered by both", "; ".join(compared.taken_up)),
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
