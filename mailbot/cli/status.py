"""mailbot status"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from mailbot.cli import console
from mailbot.settings import Settings
from mailbot.sync.journal import Journal, now
from mailbot.sync.run import vault_state


@click.command(epilog="Example: mailbot status --json")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def status(context: click.Context, as_json: bool) -> None:
    """What mailbot has kept, drafted and could not do, with the tokens of the last 30 days."""
    found = _status(console.settings(context))
    if as_json:
        console.emit({"accounts": found})
        return
    rows = []
    for account in found:
        counts = (
            ", ".join(f"{name.replace('.', ' ')}: {n}" for name, n in sorted(account["counts"].items()))
            or "nothing yet"
        )
        spent = sum(s["tokens_in"] + s["tokens_out"] for s in account["tokens"])
        rows.append(
            (
                account["account"],
                counts,
                len(account["failing"]) + len(account["quarantined"]),
                spent,
                account["paused"],
            )
        )
    console.table(("Account", "Kept and drafted", "Failing", "Tokens (30 days)", "Paused"), rows, headed=True)
    for account in found:
        for item in account["failing"] + account["quarantined"]:
            click.echo(
                f"{account['account']}: {item['what']}: {item['error']} (tried {item['attempts']} times, next try {item['next_try'][:16]})"
            )


def _status(settings: Settings) -> list[dict[str, Any]]:
    path = vault_state(settings.vault) / "journal.sqlite"
    if not path.exists():
        return [
            {"account": a.name, "counts": {}, "failing": [], "quarantined": [], "tokens": [], "paused": ""}
            for a in settings.accounts
        ]
    found: list[dict[str, Any]] = []
    with Journal(path) as journal:
        for account in settings.accounts:
            pause = journal.paused(account.name, now())
            spending = journal.spending(account.name, now() - timedelta(days=30))
            found.append(
                {
                    "account": account.name,
                    "counts": journal.counts(account.name),
                    "failing": [
                        {"what": m.note, "error": m.error, "attempts": m.attempts, "next_try": m.next_try}
                        for m in journal.failing_mails(account.name)
                    ],
                    "quarantined": [
                        {
                            "what": f"{mailbox} UID {uid}",
                            "error": error,
                            "attempts": attempts,
                            "next_try": until,
                        }
                        for mailbox, uid, error, attempts, until in journal.quarantined(account.name)
                    ],
                    "tokens": [
                        {
                            "purpose": purpose,
                            "model": model,
                            "calls": calls,
                            "tokens_in": tokens_in,
                            "tokens_out": tokens_out,
                        }
                        for purpose, model, calls, tokens_in, tokens_out in spending
                    ],
                    "paused": pause[1] if pause else "",
                }
            )
    return found
