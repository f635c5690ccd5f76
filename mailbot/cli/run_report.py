"""What `fetch` and `sync` print of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mailbot.cli import console
from mailbot.sync.session.report import Report, exit_code


def print_run(reports: Sequence[Report], *, dry_run: bool, as_json: bool) -> int:
    """Print a run for a person or as JSON; returns its exit code."""
    code = exit_code(reports)
    if as_json:
        console.emit({"exit_code": code, "dry_run": dry_run, "accounts": [_as_json(r) for r in reports]})
    else:
        for report in reports:
            print_report(report, dry_run=dry_run)
    return code


def _as_json(report: Report) -> dict[str, object]:
    data = asdict(report)
    return {
        key: value for key, value in data.items() if not key.startswith("_") and (key != "would" or value)
    }


def giving_way(reports: list[Report], *, as_json: bool) -> list[Report]:
    """Reports without those of accounts that another run is at work on: from cron that is nothing to speak of."""
    if as_json or console.answers():
        return reports
    return [r for r in reports if not r.busy] or [Report(r.account, exit_code=r.exit_code) for r in reports]


def print_report(report: Report, *, dry_run: bool) -> None:
    """One account's run, for a person: what needs them goes to standard error."""
    if dry_run:
        rows = [_foreseen(w) for w in report.would]
        columns = ("Action", "Mailbox", "UID", "Disposition", "Draft", "Why", "Mail")
        console.table(columns, rows, f"{report.account}: a run would do this ({len(rows)})")
    elif report.notes or report.drafts or not report.error:
        said = ", ".join(f"{count} to {what}" for what, count in sorted(report.dispositions.items()))
        console.say(
            f"{report.account}: {len(report.notes) - report.adopted} new mail(s) kept{f' ({said})' if said else ''}, {len(report.drafts)} draft(s) written"
        )
        if report.adopted:
            console.say(
                f"  {report.adopted} mail(s) had a note already, made by another machine or by a run that this journal does not know;"
                " it is used as it is"
            )
        for path in report.drafts:
            console.say(f"  draft: {path}")
        if report.waiting:
            console.say(f"  {report.waiting} more mail(s) want a draft; a later run will write them")
        for each in report.noticed:
            told = any(each["note"] in failure for failure in report.failed)
            if each["status"] in ("conflict", "unknown") and not told:  # only the user can go on
                console.complain(f"mailbot: {each['note']}: {each['what']}")
            elif each["status"] != "sent" or each["what"].startswith("You"):
                console.say(f"  {each['status']}: {each['note']}: {each['what']}")
        for sent in report.sent:
            console.say(f"  sent: {sent['note']} to {', '.join(sent['to'])}")
    for remark in report.remarks:
        console.say(f"  note: {remark}")
    told = report.told and not console.answers()  # under cron once is enough
    for failure in (*report.failed, *filter(None, [report.error if not told else ""])):
        about = "" if failure.startswith("account ") else f"account {report.account}: "
        console.complain(f"mailbot: {about}{failure}")


def _foreseen(would: dict[str, Any]) -> tuple[str, ...]:
    """One line of a dry run."""
    draft = "" if "draft" not in would else "yes" if would["draft"] else "later"
    why = would.get("reason") or would.get("why") or ""
    cells = (would["action"], would.get("mailbox", ""), would.get("uid", ""), would.get("disposition", ""))
    return *map(str, cells), draft, str(why), str(would.get("subject") or would.get("note") or "")
