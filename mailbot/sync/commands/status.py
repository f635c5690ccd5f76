"""What mailbot has kept, drafted and could not do, as the journal remembers it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from mailbot.assistant.host import proxy_for
from mailbot.http import host_of
from mailbot.settings import Settings
from mailbot.sync.memory.journal import Journal, opened_journal
from mailbot.sync.session.opening import utc_time
from mailbot.sync.session.state import State

MONTH = timedelta(days=30)
YOURS = ("conflict", "unknown", "missing", "approved")
"""Drafts that wait for somebody: for the user to decide, for a mail client, or for `mailbot send`."""


def status(settings: Settings) -> list[dict[str, Any]]:
    """One entry for each account, in the shape that `mailbot status --json` prints. Raises what opening the journal raises."""
    path = State(settings.vault).journal
    if not path.exists():
        return [_entry(account.name) for account in settings.accounts]
    with opened_journal(path) as journal:
        return [_of_account(journal, account.name) for account in settings.accounts]


def models(settings: Settings) -> list[dict[str, str]]:
    """Where prompts go: the host of each configured server, and the proxy on the way there, empty for none."""
    llm, vectors = settings.llm, settings.embeddings
    urls = {"llm": llm.base_url} if llm else {}
    urls |= {f"llm.fallbacks[{n}]": f.base_url for n, f in enumerate(llm.fallbacks)} if llm else {}
    if vectors and vectors.model and vectors.base_url:
        urls["embeddings"] = vectors.base_url
    return [{"for": name, "host": host_of(url), "proxy": proxy_for(url)} for name, url in urls.items()]


def _entry(account: str) -> dict[str, Any]:
    return {
        "account": account,
        "counts": {},
        "failing": [],
        "quarantined": [],
        "tokens": [],
        "drafts": [],
        "paused": "",
        "paused_until": "",
    }


def _of_account(journal: Journal, account: str) -> dict[str, Any]:
    pause = journal.pauses.active(account, utc_time())
    mails = journal.mails.counts(account).items()
    return _entry(account) | {
        "counts": {f"mail.{disposition or 'undecided'}": count for disposition, count in mails}
        | {f"draft.{status}": count for status, count in journal.drafts.counts(account).items()},
        "failing": [
            _failure(m.note, m.error, m.attempts, m.next_try) for m in journal.mails.failing(account)
        ],
        "quarantined": [
            _failure(
                f"{f.location.mailbox} UID {f.location.uid}",
                f.error,
                f.attempts,
                None if f.given_up else f.next_try,
            )
            for f in journal.failures.all(account)
        ],
        "tokens": [
            {
                "purpose": u.purpose,
                "model": u.model,
                "calls": u.calls,
                "tokens_in": u.tokens_in,
                "tokens_out": u.tokens_out,
            }
            for u in journal.costs.usage(account, utc_time() - MONTH)
        ],
        "drafts": [
            {"note": d.note, "status": d.status, "why": d.why}
            for d in journal.drafts.watched(account, utc_time() - MONTH)
            if d.status in YOURS
        ],
        "paused": pause.reason if pause else "",
        "paused_until": pause.until.isoformat() if pause else "",
    }


def _failure(what: str, error: str, attempts: int, next_try: datetime | None) -> dict[str, Any]:
    return {
        "what": what,
        "error": error,
        "attempts": attempts,
        "next_try": next_try.isoformat() if next_try else "",
    }
