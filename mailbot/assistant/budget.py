"""What may be spent on models, in tokens and in money."""

from __future__ import annotations

import threading

from mailbot.errors import BudgetSpent
from mailbot.settings import Limit


class Day:
    """What was spent since midnight, by every account of a run together; safe to use from several threads."""

    def __init__(self) -> None:
        self._spent: tuple[int, float] | None = None
        self._lock = threading.Lock()

    def begin(self, spent: tuple[int, float]) -> None:
        """(tokens, money) that were spent before this run. Only the first word counts: what follows is in it already."""
        with self._lock:
            self._spent = self._spent or spent

    def charge(self, tokens: int, money: float) -> None:
        with self._lock:
            had_tokens, had_money = self._spent or (0, 0.0)
            self._spent = had_tokens + tokens, had_money + money

    @property
    def spent(self) -> tuple[int, float]:
        return self._spent or (0, 0.0)


class Budget:
    """What may be spent in this run of an account, and today; safe to use from several threads."""

    def __init__(self, per_run: Limit, per_day: Limit, today: Day | None = None) -> None:
        self._limits = (("run", per_run), ("day", per_day))
        self._run, self._day = Day(), today or Day()

    def check(self) -> None:
        """Raises BudgetSpent, with the setting that says so, where nothing is left."""
        spent = {"run": self._run.spent, "day": self._day.spent}
        for name, limit in self._limits:
            tokens, money = spent[name]
            if limit.tokens is not None and tokens >= limit.tokens:
                raise BudgetSpent(
                    f"llm.budget.per_{name}.tokens is spent ({tokens:,} of {limit.tokens:,}); notes are kept, drafts wait"
                )
            if limit.money is not None and money >= limit.money:
                raise BudgetSpent(
                    f"llm.budget.per_{name}.money is spent ({money:,.2f} of {limit.money:,.2f}); notes are kept, drafts wait"
                )

    def charge(self, tokens: int, money: float) -> None:
        self._run.charge(tokens, money)
        self._day.charge(tokens, money)
