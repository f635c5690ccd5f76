"""What questions to a model cost, and what becomes of a mail whose question failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailbot.errors import BudgetSpent, MailbotError, TryAgain
from mailbot.sync.decide.retry import backoff
from mailbot.sync.memory.costs import Costs
from mailbot.sync.memory.mails import Mails
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.session.report import Report, in_log, log


def wait_after(error: MailbotError, attempts: int) -> timedelta:
    """How long to wait after the n-th failure: what the server asks for, else a growing while."""
    hint = error.retry_after if isinstance(error, TryAgain) else None
    return timedelta(seconds=hint) if hint else backoff(attempts)


@dataclass(frozen=True, slots=True)
class Bill:
    """Where an account's questions are counted."""

    account: str
    costs: Costs
    report: Report

    def charge(self, purpose: str, model: str, tokens_in: int, tokens_out: int, cost: float = 0.0) -> None:
        """Record what a model was asked and what it cost."""
        if tokens_in or tokens_out:
            self.costs.add(self.account, purpose, model, tokens_in, tokens_out, datetime.now(UTC), cost)
            self.report.tokens_in += tokens_in
            self.report.tokens_out += tokens_out
            self.report.cost += cost

    def charge_failure(self, purpose: str, error: MailbotError) -> None:
        """Record what was paid for nothing."""
        self.charge(purpose, "failed", error.tokens_in, error.tokens_out, error.cost)


def postpone(mail: MailRow, purpose: str, error: MailbotError, mails: Mails, bill: Bill) -> None:
    """Record that `purpose` (`triage`, `draft`) failed for a mail: a later run tries again. A spent budget is no failure of the
    mail: it waits, and the user is told once."""
    report = bill.report
    if isinstance(error, BudgetSpent):
        report.waiting += 1
        report.remark(str(error))
        return
    bill.charge_failure(purpose, error)
    attempts = mails.get(mail.id).attempts + 1
    mails.failed(mail.id, str(error), attempts, datetime.now(UTC) + wait_after(error, attempts))
    report.failed.append(f"{mail.note}: {error}")
    log.warning("account %s: %s of mail %d failed: %s", bill.account, purpose, mail.id, in_log(error))
