"""Send approved drafts at the user's word, each shown before it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mailbot.errors import BadData, MailbotError
from mailbot.settings import Settings
from mailbot.sync.commands.which import draft_named
from mailbot.sync.decide.life import Approve, Store
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
    sender = draft_wiring.sender(session)
    if dry_run:
        _foreseen(session, sender, newest, ask, again=again)
        return
    draft_wiring.reconciler(session).notice(only=[d.id for d in newest])
    every = [drafts.of(mail_id)[-1] for mail_id in sorted(mails)] if mails else sender.approved()
    for was in before:
        now = drafts.of(was.mail_id)[-1]
        if now.status not in ("approved", "sent"):
            session.report.failed.append(
                f"{now.note}: not sent: it was changed after you approved it, and is now `{now.status}`; look at it again"
            )
    for number, draft in enumerate(every):
        try:
            _one(session, sender, draft, ask, again=again)
        except BadData as error:
            session.report.failed.append(str(error))
        except MailbotError:
            session.report.failed += [f"{each.note}: not sent either" for each in every[number + 1 :]]
            raise


def _foreseen(session: Session, sender: Sender, drafts: Sequence[DraftRow], ask: Ask, *, again: bool) -> None:
    """Show what would go out, of these drafts or of all, with what their notes say though no run has read it yet."""
    fates = draft_wiring.reconciler(session).foreseen()
    unread = {d.id for d, f in fates if isinstance(f, Approve) or (isinstance(f, Store) and f.approved)}
    every = drafts or [*sender.approved(), *(d for d, _ in fates if d.id in unread)]
    for draft in every:
        try:
            read = draft.id not in unread
            preview = _previewed(sender, draft, again=again)[1] if read else sender.foreseen(draft)
        except BadData as error:
            session.report.failed.append(str(error))
            continue
        if preview.hindrance:
            session.report.failed.append(f"{draft.note}: not sent: {preview.hindrance}")
        else:
            ask(preview)


def _one(session: Session, sender: Sender, draft: DraftRow, ask: Ask, *, again: bool) -> None:
    draft, preview = _previewed(sender, draft, again=again)
    sender.outbox()  # settings that are missing are told before anything is shown
    if preview.hindrance:
        session.report.failed.append(f"{draft.note}: not sent: {preview.hindrance}")
    elif ask(preview):
        # The question may have stood there for an hour, and the user has been somewhere else in it.
        draft, now = _previewed(sender, sender.noticed(draft), again=again)
        if now.hindrance or now.noted != preview.noted:
            why = now.hindrance or "it was changed while you were asked; look at it, and approve it again"
            session.report.failed.append(f"{draft.note}: not sent: {why}")
        else:
            _sent(session, sender, draft)


def _sent(session: Session, sender: Sender, draft: DraftRow) -> None:
    """Send a draft. One of which nobody knows whether it was sent before stays such a one where this try has not sent it."""
    drafts = session.journal.drafts
    was = drafts.get(draft.id)
    try:
        out = sender.send(draft)
    except MailbotError:
        if was.status in ("unknown", "sending"):
            drafts.save(was)
        raise
    if not out and was.status in ("unknown", "sending"):
        drafts.save(was)


def _previewed(sender: Sender, draft: DraftRow, *, again: bool) -> tuple[DraftRow, Preview]:
    """A draft and what would go out of it; with `again` also one of which nobody knows whether it was sent."""
    if not (again and draft.status in ("unknown", "sending") and draft.sent_at):
        return draft, sender.preview(draft)
    draft = replace(draft, status="approved", sent_at=None)
    draft = replace(draft, approved=sender.preview(draft, again=True).noted)
    return draft, sender.preview(draft, again=True)
