"""mailbot status"""

from __future__ import annotations

import click

from mailbot.cli import console


@click.command(epilog="Example: mailbot status --json")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def status(context: click.Context, as_json: bool) -> None:
    """Show what was kept and drafted, what failed, the tokens of the last 30 days, and where prompts go."""
    from mailbot.sync.commands import status as known

    settings = console.settings(context)
    found, models = known.status(settings), known.models(settings)
    if as_json:
        console.emit({"accounts": found, "models": models})
        return
    rows = []
    for account in found:
        counts = _in_words(account["counts"])
        spent = sum(s["tokens_in"] + s["tokens_out"] for s in account["tokens"])
        rows.append(
            (
                account["account"],
                counts,
                len(account["failing"]) + len(account["quarantined"]),
                spent,
                f"until {account['paused_until'][:16]}: {account['paused']}" if account["paused"] else "",
            )
        )
    console.table(("Account", "Kept and drafted", "Failing", "Tokens (30 days)", "Paused"), rows, headed=True)
    for account in found:
        for item in account["failing"] + account["quarantined"]:
            console.show(
                f"{account['account']}: {item['what']}: {item['error']} (tried {item['attempts']} times, {_next(item['next_try'])})"
            )
        for draft in account["drafts"]:
            why = f": {draft['why']}" if draft["why"] else ""
            console.show(f"{account['account']}: {draft['note']}: {draft['status']}{why}")
    for model in models:
        proxy = f", through the proxy {model['proxy']} that the environment names" if model["proxy"] else ""
        console.show(f"{model['for']}: prompts go to {model['host']}{proxy}")


def _next(at: str) -> str:
    return f"next try {at[:16]}" if at else "given up"


def _in_words(counts: dict[str, int]) -> str:
    """`mail.reply: 2, draft.draft: 1` -> what a person reads."""
    mails = [f"{n} {_MAILS.get(k[5:], k[5:])}" for k, n in sorted(counts.items()) if k.startswith("mail.")]
    drafts = [f"{n} {_DRAFTS.get(k[6:], k[6:])}" for k, n in sorted(counts.items()) if k.startswith("draft.")]
    said = [f"{what}: {', '.join(each)}" for what, each in (("mails", mails), ("drafts", drafts)) if each]
    return "; ".join(said) or "nothing yet"


_MAILS = {"reply": "to answer", "read": "to read", "ignore": "to ignore"}
_DRAFTS = {"draft": "waiting for you"}
