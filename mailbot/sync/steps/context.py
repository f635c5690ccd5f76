"""A mail that wants a reply -> what the vault knows for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailbot.assistant.context import gather
from mailbot.errors import ServerUnavailable, TryAgain
from mailbot.settings import Settings
from mailbot.sync.decide.audience import context_tokens, recipients, scope_of
from mailbot.sync.memory.sent import SentMails
from mailbot.sync.session.report import Report
from mailbot.sync.steps.sent import strangers_among
from mailbot.sync.steps.triage import Waiting
from mailbot.vault.index import Index
from mailbot.vault.source import Context
from mailbot.vault.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Then:
    """A time in the past from which a mail is looked at, with no knowledge of later; `trust_dates` as in `Scope`."""

    at: datetime
    trust_dates: bool = False


@dataclass(frozen=True, slots=True)
class ContextSearch:
    """Where a context is looked up: the index, vectors where there are some, and what is known of strangers."""

    settings: Settings
    index: Index
    vectors: Vectors | None
    sent: SentMails
    report: Report

    def context(self, waiting: Waiting, then: Then | None = None) -> Context:
        """What the vault knows for the answer to one mail, or knew `then`. Where the embedding model fails, words must do."""
        message, until = waiting.mail.message, then.at if then else None
        to, cc = recipients(self.settings, message)
        scope = scope_of(
            self.settings,
            message,
            strangers_among(self.sent, message, (*to, *cc), until),
            own_note=waiting.row.note,
            until=until,
            trust_dates=bool(then and then.trust_dates),
        )
        asks, budget = waiting.verdict.asks, context_tokens(self.settings)
        try:
            return gather(self.index, waiting.mail, asks, scope, budget=budget, vectors=self.vectors)
        except (ServerUnavailable, TryAgain) as error:
            self.report.remark(f"{error}; only the word search was used")
            return gather(self.index, waiting.mail, asks, scope, budget=budget)
