"""What a run would do: the same looks and the same decisions as a run's, and none of its acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mailbot.errors import MailbotError
from mailbot.settings import Settings
from mailbot.sync.decide.mailbox import (
    Fetch,
    ForgetFailure,
    ForgetRenumbered,
    KeepHeader,
    MoveCursor,
    Quarantine,
)
from mailbot.sync.pipeline import look_at_mailboxes
from mailbot.sync.session.accounts import each_account
from mailbot.sync.session.opening import Session, utc_time
from mailbot.sync.session.report import Options, Progress, Report, silent
from mailbot.sync.session.search import opened_index
from mailbot.sync.steps import wiring
from mailbot.sync.steps.fetch import Arrival, Arrivals, Look


def foresee_all(
    settings: Settings, options: Options, names: Sequence[str] = (), progress: Progress = silent
) -> list[Report]:
    """What `fetch_all` would do, as `would` of each account's report. Nothing is written: no note, no draft, no journal row;
    no model is asked. Raises ConfigError for an unknown name or a vault that is not there."""
    return each_account(settings, names, progress, lambda session: _foresee(session, options))


def _foresee(session: Session, options: Options) -> None:
    would = session.report.would
    session.server.connect()
    if not options.no_drafts:
        for row, fate in wiring.delivery(session).foreseen():
            what = {"Append": "append", "Confirm": "confirm"}.get(type(fate).__name__, "leave")
            would.append({"action": f"{what} draft", "note": row.note, **asdict(fate)})
    looks = look_at_mailboxes(session, options)
    with opened_index(session.settings) as index:
        arrivals = wiring.arrivals(session, wiring.knowledge(session, index))
        for look in looks:
            for entry in _of_mailbox(look, arrivals, session):
                would.append(entry)
    if not options.no_drafts:
        _drafts(session, options)


def _of_mailbox(look: Look, arrivals: Arrivals, session: Session) -> list[dict[str, Any]]:
    """The actions of one mailbox, each with what becomes of its mail."""
    mailbox = look.opened.name
    found: list[dict[str, Any]] = []
    for action in look.actions:
        match action:
            case ForgetRenumbered(before):
                found.append({"action": "recognise renumbered mails", "mailbox": mailbox, "before": before})
            case Quarantine(uid, reason):
                found.append({"action": "try again later", "mailbox": mailbox, "uid": uid, "reason": reason})
            case ForgetFailure(uid):
                found.append({"action": "forget the failure", "mailbox": mailbox, "uid": uid})
            case Fetch() | KeepHeader() | MoveCursor():
                pass  # the mails follow, and a cursor is no concern of the user's
    total = sum(isinstance(a, Fetch | KeepHeader) for a in look.actions)
    for done, (action, arrival) in enumerate(arrivals.read(look), 1):
        session.progress(f"{session.account.name}: {mailbox}", done, total)
        uid = action.listing.uid
        if isinstance(arrival, MailbotError):
            found.append(
                {"action": "try again later", "mailbox": mailbox, "uid": uid, "reason": str(arrival)}
            )
        else:
            found.append(_mail(mailbox, uid, arrival))
    return found


def _mail(mailbox: str, uid: int, arrival: Arrival) -> dict[str, Any]:
    verdict, message = arrival.verdict, arrival.mail.message
    entry = {"mailbox": mailbox, "uid": uid, "subject": message.subject}
    if arrival.known:
        return {
            "action": "recognise",
            **entry,
            "disposition": arrival.known.disposition,
            "reason": "It is kept already",
        }
    reason = verdict.reason if verdict.disposition else "The model decides"
    return {"action": "keep", **entry, "disposition": verdict.disposition or "undecided", "reason": reason}


def _drafts(session: Session, options: Options) -> None:
    """Which of the mails that wait, and of those that would be kept, get a draft in the next run: the newest ones."""
    report = session.report
    rows = session.journal.mails.waiting(session.account.name, utc_time())
    waiting = [
        {
            "action": "draft",
            "note": row.note,
            "disposition": row.disposition or "undecided",
            "reason": "It has been waiting since an earlier run",
        }
        for row in rows
    ]
    new = [w for w in report.would if w["action"] == "keep" and w["disposition"] in ("reply", "undecided")]
    most = session.settings.drafts.max_per_run if options.max_drafts is None else options.max_drafts
    ready = [*waiting, *new]
    chosen_now = ready[-most:] if most else []
    report.waiting = len(ready) - len(chosen_now)
    for entry in new:
        entry["draft"] = entry in chosen_now
    report.would += [w for w in waiting if w in chosen_now]
