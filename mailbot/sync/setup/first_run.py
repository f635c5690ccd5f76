"""The first look at real mail, the first drafts, and what runs mailbot from then on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from mailbot.errors import MailbotError
from mailbot.settings import Settings
from mailbot.sync.commands import schedule
from mailbot.sync.commands.foresee import foresee_all
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, Progress, Report
from mailbot.sync.setup.person import Person, counted

NEWEST = 20
Bars = Callable[[], AbstractContextManager[Progress]]
"""Shows the progress of one piece of work."""


def foreseen(person: Person, settings: Settings, name: str, bars: Bars) -> int:
    """Show what would become of the newest unread mails, and why; returns how many would get a draft now."""
    with bars() as progress:
        (report,) = foresee_all(settings, Options(limit=NEWEST), [name], progress)
    if report.error:
        person.say(f"  {report.error}")
        return 0
    kept = [w for w in report.would if w["action"] == "keep"]
    if not kept:
        person.say("Nothing is unread there now.")
        return 0
    rows = [
        (
            w.get("subject", ""),
            w.get("disposition", ""),
            "now" if w.get("draft") else "later" if "draft" in w else "",
            w.get("reason", ""),
        )
        for w in kept
    ]
    person.table(("Mail", "What becomes of it", "Draft", "Why"), rows)
    counts = Counter(w["disposition"] for w in kept)
    open_ = counts.pop("undecided", 0)
    said = ", ".join(f"{count} to {what}" for what, count in sorted(counts.items()))
    person.say(
        f"The newest {len(kept)}: {said}" + (f", {open_} that the model decides" if open_ else "") + "."
    )
    return sum(1 for w in kept if w.get("draft"))


def make_drafts(person: Person, settings: Settings, name: str, bars: Bars) -> Report | None:
    """Keep the newest mails and draft what wants an answer, if the user says so."""
    if not person.agrees("drafts-now", "Keep these as notes and make the first drafts now?"):
        return None
    with bars() as progress:
        (report,) = fetch_all(settings, Options(limit=NEWEST), [name], progress)
    for failure in (*report.failed, *filter(None, [report.error])):
        person.say(f"  {failure}")
    person.say(f"Made: {counted(len(report.notes), 'note')} and {counted(len(report.drafts), 'draft')}")
    for path in report.drafts:
        person.say(f"  {settings.vault / path}")
    if report.drafts:
        person.say("They lie in your Drafts mailbox too: open your mail client and look.")
    return report


def offer_schedule(person: Person, settings: Settings, path: Path) -> None:
    """Have mailbot run by itself, if the user says so."""
    if any(schedule.installed(keeper) for keeper in schedule.KEEPERS):
        return
    usual = _usual()
    ways = [("no", "not now; `mailbot schedule` does it later"), *((k, _MEANS[k]) for k in _here(usual))]
    word = person.choose(
        "schedule", "Should mailbot run by itself every 10 minutes?", ways, usual if person.there() else "no"
    )
    if word == "no":
        return
    keeper = next(k for k in schedule.KEEPERS if k == word)
    try:
        made = schedule.install(settings, schedule.job_of(path, 10, watch=False), keeper)
    except MailbotError as error:
        person.say(f"  {error}")
        return
    for where in made.written:
        person.say(f"  written: {where}")
    for remark in made.remarks:
        person.say(f"  note: {remark}")


_MEANS: dict[schedule.Keeper, str] = {
    "cron": "yes, by cron",
    "systemd": "yes, by a timer of systemd",
    "launchd": "yes, by launchd",
}


def _usual() -> schedule.Keeper:
    """What this system runs things with."""
    if sys.platform == "darwin":
        return "launchd"
    return "systemd" if Path("/run/systemd/system").exists() else "cron"


def _here(usual: schedule.Keeper) -> tuple[schedule.Keeper, ...]:
    others: dict[schedule.Keeper, schedule.Keeper] = {"launchd": "cron", "systemd": "cron", "cron": "systemd"}
    return (usual, others[usual])
