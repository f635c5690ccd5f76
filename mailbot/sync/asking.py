"""What a run's questions to a model cost, and what becomes of a mail whose question failed."""

from __future__ import annotations

from datetime import timedelta

from mailbot.errors import BudgetSpent, MailbotError, TryAgain
from mailbot.sync.journal import now
from mailbot.sync.run import Run, log
from mailbot.sync.waiting import Waiting


def concurrency(run: Run, models: object | None) -> int:
    """How many questions may be in flight."""
    return run.settings.llm.concurrency if run.settings.llm and models else 1


def user_of(run: Run) -> str:
    """How a prompt calls the user."""
    return run.account.display_name or run.account.address


def failed(run: Run, w: Waiting, what: str, error: MailbotError) -> None:
    """Record that `what` (`triage`, `draft`) failed for a mail: a later run tries again. A spent budget is no failure of the
    mail's: it waits, and the user is told once."""
    if isinstance(error, BudgetSpent):
        run.report.waiting += 1
        if str(error) not in run.report.remarks:
            run.report.remarks.append(str(error))
        return
    lost(run, what, error)
    wait = timedelta(seconds=error.retry_after) if isinstance(error, TryAgain) and error.retry_after else None
    run.journal.mail_failed(w.row.id, str(error), now(), wait)
    run.report.failed.append(f"{w.row.note}: {error}")
    log.warning("account %s: %s of mail %d failed: %s", run.account.name, what, w.row.id, error)


def lost(run: Run, what: str, error: MailbotError) -> None:
    """Journal what was paid for nothing."""
    spent(run, what, "failed", error.tokens_in, error.tokens_out, error.cost)


def spent(run: Run, purpose: str, model: str, tokens_in: int, tokens_out: int, cost: float = 0.0) -> None:
    """Journal what a model was asked and what it cost."""
    if tokens_in or tokens_out:
        run.journal.spent(run.account.name, purpose, model, tokens_in, tokens_out, now(), cost)
        run.report.tokens_in += tokens_in
        run.report.tokens_out += tokens_out
        run.report.cost += cost
