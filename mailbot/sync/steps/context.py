"""A mail that wants a reply -> what the vault knows for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from mailbot.assistant.context.gather import gather, parties_of
from mailbot.assistant.context.rerank import Reranker
from mailbot.assistant.disclosure.parties import Parties
from mailbot.assistant.scope import Scope
from mailbot.assistant.style import Sample
from mailbot.errors import AuthenticationFailed, BadData, ServerUnavailable, TryAgain
from mailbot.mail.message import Message
from mailbot.settings import Settings
from mailbot.sync.decide.audience import context_tokens, recipients, scope_of
from mailbot.sync.memory.sent import SentMails
from mailbot.sync.session.report import Report
from mailbot.sync.steps.sent import strangers_among
from mailbot.sync.steps.waiting import Waiting
from mailbot.vault.index import Index
from mailbot.vault.index_file import still
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
    reranker: Reranker | None = None
    written: Callable[[str, datetime | None], list[Sample]] | None = None
    """The user's own mails to an address, before a moment."""
    known: dict[tuple[object, ...], Parties] = field(default_factory=dict, init=False)
    """Whom the vault knows, from the place of each account."""

    def context(self, waiting: Waiting, then: Then | None = None) -> Context:
        """What the vault knows for the answer to one mail, or knew `then`. Where the embedding model fails, words must do."""
        message, until = waiting.mail.message, then.at if then else None
        to, cc = recipients(self.settings, message)
        scope = scope_of(
            self.settings,
            message,
            strangers_among(self.sent, message, (*to, *cc), until),
            account=waiting.row.account,
            written_to=self.sent.domains(until),
            own_note=waiting.row.note,
            until=until,
            trust_dates=bool(then and then.trust_dates),
        )
        asks, budget = waiting.verdict.asks, context_tokens(self.settings)
        found = partial(
            gather,
            self.index,
            waiting.mail,
            asks,
            scope,
            budget=budget,
            parties=self._parties(scope),
            sent=self._written(message, until),
        )
        with still(self.index.database):
            try:
                return found(vectors=self.vectors, reranker=self.reranker)
            except (ServerUnavailable, TryAgain, BadData, AuthenticationFailed) as error:
                self.report.remark(f"{error}; only the word search was used")
                return found()

    def _parties(self, scope: Scope) -> Parties:
        key = (scope.internal_domains, scope.written_to)
        if key not in self.known:
            self.known[key] = parties_of(self.index, scope)
        return self.known[key]

    def _written(self, message: Message, before: datetime | None) -> list[Sample]:
        sender = message.sender
        return self.written(sender.key, before) if self.written and sender and sender.email else []
