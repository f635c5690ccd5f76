"""Send approved drafts at the user's word, each shown before it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mailbot.errors import BadData
from mailbot.settings import Settings
from mailbot.sync.commands.which import draft_named
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.session.accounts import each_account
from mailbot.sync.session.opening import Session, check_vault
from mailbot.sync.session.report import Report, silent
from mailbot.sync.session.state import State
from mailbot.sync.steps import draft_wiring
from mailbot.sync.steps.send import Preview, Sender

_APPROVABLE = {"draft", "edited", "approved", "missing", "sending"}
"""Where such drafts are, a note may say `approved` that no run has read since; or a run was killed while it sent one."""
Ask = Callable[[Preview], bool]
"""Shows what would go out, and says whether it may."""


def send(
    settings: Settings, which: Sequence[str], ask: Ask, *, again: bool = False, dry_run: bool = False
) -> list[Report]:
    """Send the approved drafts of these notes, or all that are approved, where `ask` agrees. With `again` also one of which nobody
    knows whether it was sent. Raises BadData for a note that has no draft."""
    check_vault(settings.vault)
    wanted: dict[str, set[int]] = {}
    with opened_journal(State(settings.vault).journal) as journal:
        for each in which:
            draft = draft_named(journal, settings, each)
            wanted.setdefault(journal.mails.get(draft.mail_id).account, set()).add(draft.mail_id)
        names = [
            a.name
            for a in settings.accounts
            if a.name in wanted or (not which and _APPROVABLE & set(journal.drafts.counts(a.name)))
        ]
    if not names and which:
        raise BadData("the account of that draft is no longer in accounts.yaml")

    def act(session: Session) -> None:
        _send(session, wanted.get(session.account.name, set()), ask, again=again, dry_run=dry_run)

    # One after the other: the user is asked in between.
    return [report for name in names for report in each_account(settings, [name], silent, act)]


def _send(session: Session, mails: set[int], ask: Ask, *, again: bool, dry_run: bool) -> None:
    session.server.connect()
    drafts = session.journal.drafts
    before = [] if mails else draft_wiring.sender(session).approved()
    newest = [drafts.of(mail_id)[-1] for mail_id in sorted(mails)]
    if not dry_run:
        draft_wiring.reconciler(session).notice(only=[d.id for d in newest])
    sender = draft_wiring.sender(session)
    if not mails:
        every = sender.approved()
    else:
        every = [drafts.of(mail_id)[-1] for mail_id in sorted(mails)]
    for was in before:
        now = drafts.of(was.mail_id)[-1]
        if now.status not in ("approved", "sent"):
            session.report.failed.append(
                f"{now.note}: not sent: it was changed after you approved it, and is now `{now.status}`; look at it again"
            )
    for draft in every:
        try:
            _one(session, sender, draft, ask, again=again, dry_run=dry_run)
        except BadData as error:
            session.report.failed.append(str(error))


def _one(session: Session, sender: Sender, draft: DraftRow, ask: Ask, *, again: bool, dry_run: bool) -> None:
    if again and draft.status in ("unknown", "sending") and draft.sent_at:
        draft = replace(draft, status="approved")
        preview = sender.preview(draft, again=True)
        draft = replace(draft, approved=preview.noted, sent_at=None)
        preview = sender.preview(draft, again=True)
    else:
        preview = sender.preview(draft)
    sender.outbox()  # settings that are missing are told before anything is shown
    if preview.hindrance:
        session.report.failed.append(f"{draft.note}: not sent: {preview.hindrance}")
    elif ask(preview) and not dry_run:
        sender.send(draft)
