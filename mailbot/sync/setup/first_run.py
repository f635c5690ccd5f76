"""The first look at real mail, the first drafts, and what runs mailbot from then on."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from mailbot.errors import MailbotError
from mailbot.settings import Settings
from mailbot.sync.commands import schedule
from mailbot.sync.commands.foresee import foresee_all
from mailbot.sync.commands.keeper import KEEPERS, Keeper
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, Progress, Report
from mailbot.sync.setup.person import Person, counted

NEWEST = 20
SHOWN = 5
Bars = Callable[[], AbstractContextManager[Progress]]
"""Shows the progress of one piece of work."""


def foreseen(person: Person, settings: Settings, name: str, bars: Bars) -> int:
    """Show what would become of the newest unread mails, and why; returns how many would be kept."""
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
    said = [f"{count} to {what}" for what, count in sorted(counts.items())]
    said += [f"{open_} for the model to decide"] if open_ else []
    person.say(f"The newest {len(kept)}: {', '.join(said)}.")
    return len(kept)


def make_drafts(person: Person, settings: Settings, name: str, bars: Bars) -> Report | None:
    """Keep the newest mails and draft what wants an answer, if the user says so."""
    if not person.agrees("drafts-now", "Keep these as notes and make the first drafts now?"):
        return None
    with bars() as progress:
        (report,) = fetch_all(settings, Options(limit=NEWEST), [name], progress)
    for failure in (*report.failed, *filter(None, [report.error])):
        person.say(f"  {failure}")
    made = f"{counted(len(report.notes), 'note')} and {counted(len(report.drafts), 'draft')}"
    person.say(f"Made: {made}{', in ' + str(settings.vault) + ':' if report.drafts else ''}")
    for path in report.drafts[:SHOWN]:
        person.say(f"  {path}")
    if len(report.drafts) > SHOWN:
        person.say(f"  and {len(report.drafts) - SHOWN} more")
    if report.drafts:
        person.say("They are in your Drafts mailbox too: open your mail client and look.")
    return report


def offer_schedule(person: Person, settings: Settings, path: Path) -> None:
    """Have mailbot run by itself, if the user says so."""
    if any(schedule.installed(keeper) for keeper in KEEPERS):
        return
    keepers = _here()
    if not keepers:
        person.say(
            "Nothing here runs programs by themselves (cron, systemd, launchd): run `mailbot sync`, or `mailbot watch`."
        )
        return
    ways = [("no", "not now; `mailbot schedule` does it later"), *((k, _MEANS[k]) for k in keepers)]
    while True:
        word = person.choose("schedule", "Run automatically, every 10 minutes?", ways, "no")
        keeper = next((k for k in KEEPERS if k == word), None)
        if keeper is None:
            return
        try:
            made = schedule.install(settings, schedule.job_of(path, 10, watch=False), keeper)
        except MailbotError as error:
            person.say(f"  {error}")
            if not person.there():
                return
            ways = [way for way in ways if way[0] != word]
            continue
        for where in made.written:
            person.say(f"  written: {where}")
        for remark in made.remarks:
            person.say(f"  note: {remark}")
        return


_MEANS: dict[Keeper, str] = {
    "cron": "yes, with cron",
    "systemd": "yes, with a systemd timer",
    "launchd": "yes, with launchd",
}


def _here() -> list[Keeper]:
    """What this system can run things with."""
    programs: dict[Keeper, bool] = {
        "launchd": sys.platform == "darwin",
        "systemd": Path("/run/systemd/system").exists(),
        "cron": shutil.which("crontab") is not None,
    }
    return [keeper for keeper, there in programs.items() if there]
