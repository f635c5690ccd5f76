"""The configured models: an ordered list of servers, the first that answers, within a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mailbot.assistant.budget import Budget
from mailbot.assistant.llm import Answered, Model
from mailbot.assistant.llm_errors import UnusableAnswer
from mailbot.assistant.shape import Answer
from mailbot.errors import MailbotError, ServerUnavailable, TryAgain
from mailbot.settings import Price

Tier = Literal["triage", "draft"]


@dataclass(frozen=True, slots=True)
class Served:
    """A server, and the name there of the model for each tier."""

    client: Model
    names: Mapping[Tier, str]


class Models:
    """Asks the first server that answers."""

    def __init__(
        self,
        served: Sequence[Served],
        prices: Mapping[str, Price] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._served = tuple(served)
        self._prices = dict(prices or {})
        self._budget = budget

    def close(self) -> None:
        for served in self._served:
            served.client.close()

    def check(self) -> None:
        """Raises BudgetSpent if nothing may be asked any more."""
        if self._budget:
            self._budget.check()

    def ask(self, tier: Tier, system: str, user: str, shape: type[Answer]) -> Answered[Answer]:
        """An object of `shape` from the first server that is there.

        Raises BudgetSpent before anything is asked; UnusableAnswer where a server answered, but not usably; else what the
        last server raised, after all were tried.
        """
        self.check()
        last: MailbotError | None = None
        lost_in = lost_out = 0
        lost = 0.0
        """What servers were paid before they failed."""
        for served in self._served:
            name = served.names[tier]
            try:
                answered = served.client.ask(name, system, user, shape)
            except MailbotError as error:
                lost += self._paid(name, error.tokens_in, error.tokens_out)
                lost_in, lost_out = lost_in + error.tokens_in, lost_out + error.tokens_out
                error.tokens_in, error.tokens_out, error.cost = lost_in, lost_out, lost
                if isinstance(error, UnusableAnswer) or not isinstance(error, ServerUnavailable | TryAgain):
                    raise
                last = error
                continue
            cost = self._paid(name, answered.tokens_in, answered.tokens_out)
            return replace(
                answered,
                tokens_in=answered.tokens_in + lost_in,
                tokens_out=answered.tokens_out + lost_out,
                cost=cost + lost,
            )
        assert last is not None
        raise last

    def cost(self, name: str, tokens_in: int, tokens_out: int) -> float:
        """What an answer costs, by the prices in the settings; 0 for a model without a price."""
        price = self._prices.get(name)
        return (tokens_in * price.input + tokens_out * price.output) / 1_000_000 if price else 0.0

    def _paid(self, name: str, tokens_in: int, tokens_out: int) -> float:
        cost = self.cost(name, tokens_in, tokens_out)
        if self._budget:
            self._budget.charge(tokens_in + tokens_out, cost)
        return cost
