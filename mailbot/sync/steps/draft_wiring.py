"""The steps of a draft's life, each given what it needs. A step is imported when it is wired: most runs find nothing to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailbot.sync.steps import wiring

BEHIND = timedelta(days=1)
"""How far the clock of somebody who writes may be behind."""

if TYPE_CHECKING:
    from collections.abc import Collection

    from mailbot.mail.message import MessageId
    from mailbot.sync.memory.rows import DraftRow
    from mailbot.sync.session.opening import Session
    from mailbot.sync.steps.composed import Composed
    from mailbot.sync.steps.deliver import Delivery
    from mailbot.sync.steps.open_drafts import OpenDrafts
    from mailbot.sync.steps.reconcile import Reconciler
    from mailbot.sync.steps.send import Sender
    from mailbot.sync.steps.sightings import Sightings
    from mailbot.sync.steps.telling import Telling
    from mailbot.vault.index import Index


def delivery(session: Session) -> Delivery:
    from mailbot.sync.steps.deliver import Delivery

    return Delivery(
        session.account, session.server, session.journal, session.notes, session.spool, session.report
    )


def sightings(session: Session) -> Sightings:
    from mailbot.sync.steps.sightings import Sightings

    return Sightings(session.account, session.server, session.journal, session.spool)


def telling(session: Session, seen: Sightings) -> Telling:
    from mailbot.sync.steps.telling import Telling

    return Telling(
        session.settings,
        session.journal,
        session.notes,
        delivery(session),
        seen,
        session.report,
        session.clock,
    )


def reconciler(session: Session) -> Reconciler:
    from mailbot.sync.steps.edited import Edited
    from mailbot.sync.steps.ended import Ended
    from mailbot.sync.steps.reconcile import Reconciler
    from mailbot.sync.steps.said import Said
    from mailbot.sync.steps.take_back import TakeBack

    says = telling(session, sightings(session))
    said = Said(says, lambda draft, message_id: composed_again(session, draft, message_id))
    return Reconciler(
        says, Edited(says), Ended(says), TakeBack(says), said, lambda draft: moved_note(session, draft)
    )


def composed_again(session: Session, draft: DraftRow, message_id: MessageId) -> Composed:
    """The draft of a note as it lies in the vault, in answer to the mail as it came. Raises BadData where either cannot be had."""
    from mailbot.mail.mail import dated, read_mail
    from mailbot.sync.steps.compose import of_note

    row = session.journal.mails.get(draft.mail_id)
    mail = dated(read_mail(wiring.mail_as_it_came(session, row)), row.date)
    return of_note(
        session.settings, session.account, session.notes, row, mail, draft.note, message_id, session.clock()
    )


def sender(session: Session) -> Sender:
    from mailbot.mail.server.outbox import Outbox
    from mailbot.sync.session.login import smtp_login
    from mailbot.sync.steps.after_sending import AfterSending
    from mailbot.sync.steps.send import Sender

    says = telling(session, sightings(session))
    return Sender(
        says,
        AfterSending(session.account, session.journal, says.delivery, session.report, session.clock),
        lambda: Outbox(smtp_login(session.account, session.ends)),
        lambda draft: newer_mails(session, draft),
        lambda draft: noticed(session, draft),
    )


def noticed(session: Session, draft: DraftRow) -> DraftRow:
    """A draft after another look at the server and at its note: its newest revision."""
    session.server.ensure()
    reconciler(session).notice(only=[draft.id])
    return session.journal.drafts.of(draft.mail_id)[-1]


def newer_mails(session: Session, draft: DraftRow) -> list[str]:
    """Later mails of others in the thread of the mail that a draft answers: links to their notes, and what is not fetched yet."""
    from mailbot.vault.read_back import sender_in

    mails, row = session.journal.mails, session.journal.mails.get(draft.mail_id)
    own = set(session.settings.own_addresses)
    since = {each.id for each in mails.kept_after(session.account.name, draft.created)}
    found, thread = [], _thread_of(session, row.note)
    for path in thread:
        later = mails.by_note(path)
        if later is None or later.id == row.id:
            continue
        # A sender's clock may be behind: what came after the draft, and is not much older, is newer too.
        newer = later.date > row.date or (later.id in since and later.date > row.date - BEHIND)
        if newer and sender_in(session.notes.properties(path) or {}).key not in own:
            found.append(f"[[{path.removesuffix('.md')}]]")
    root = str((session.notes.properties(row.note) or {}).get("thread") or "")
    return [*found, *_not_fetched(session, {row.message_id, root} - {""}, own)]


def _thread_of(session: Session, note: str) -> list[str]:
    """The notes of the mails of a thread, by the index as the last look left it: a note that was changed since is in no other."""
    from mailbot.sync.session.search import opened_index

    for refreshed in (False, True):  # an index that was deleted knows nothing before it is filled again
        with opened_index(session.settings, session.index, refreshed=refreshed) as index:
            if thread := index.threads_of([note]).get(note, ""):
                return [path for _, path in index.thread_places(thread)]
    return []


def _not_fetched(session: Session, ids: Collection[str], own: Collection[str]) -> list[str]:
    """Where mails of others lie that answer one of these, or name it in their References, and are not kept yet; or that this cannot be
    told."""
    from mailbot.errors import ServerUnavailable, TryAgain

    found, name = [], session.account.name
    for mailbox in session.account.mailboxes if ids else ():
        uids: set[int] = set()
        try:
            opened = session.server.examine(mailbox)
            for each in ids:
                for header in ("References", "In-Reply-To"):
                    uids |= set(session.server.search(["HEADER", header, each]))
            known = session.journal.locations.known_uids(name, mailbox, opened.uidvalidity)
            fresh = [
                uid
                for uid, header in session.server.headers(sorted(uids - known))
                if header.sender not in own
            ]
        except TryAgain:
            raise
        except ServerUnavailable:
            session.server.ensure()
            found.append(f"perhaps, in {mailbox}, which cannot be searched")
            continue
        found += [f"{mailbox} UID {uid} (run `mailbot sync` to see it)" for uid in fresh]
    return found


def moved_note(session: Session, draft: DraftRow) -> str:
    """Where the note of a draft lies now, empty if it is nowhere: the user may have moved it, or given it another name."""
    from mailbot.sync.session.search import opened_index
    from mailbot.vault.note import property_text

    source = property_text(session.journal.mails.get(draft.mail_id).message_id)
    wanted = property_text(draft.message_id)
    with opened_index(session.settings, session.index) as index:
        found = index.draft_notes(source)
    return next(
        (p for p in found if (session.notes.properties(p) or {}).get("draft_message_id") == wanted), ""
    )


def open_drafts(session: Session, index: Index) -> OpenDrafts:
    from mailbot.sync.steps.open_drafts import OpenDrafts
    from mailbot.sync.steps.take_back import TakeBack

    return OpenDrafts(
        session.account.name,
        TakeBack(telling(session, sightings(session))),
        wiring.record(session, index),
        index,
    )
