"""The steps of a draft's life, each given what it needs. A step is imported when it is wired: most runs find nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbot.sync.steps import wiring

if TYPE_CHECKING:
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
    )


def newer_mails(session: Session, draft: DraftRow) -> list[str]:
    """Later mails of others in the thread of the mail that a draft answers: links to their notes, and what is not fetched yet."""
    from mailbot.vault.read_back import sender_in

    row = session.journal.mails.get(draft.mail_id)
    own = set(session.settings.own_addresses)
    found = []
    for path in _thread_of(session, row.note):
        later = session.journal.mails.by_note(path)
        sender = sender_in(session.notes.properties(path) or {}).key
        if later and later.date > row.date and later.id != row.id and sender not in own:
            found.append(f"[[{path.removesuffix('.md')}]]")
    return [*found, *_not_fetched(session, row.message_id)]


def _thread_of(session: Session, note: str) -> list[str]:
    """The notes of the mails of a thread, by the index as the last look left it: a note that was changed since is in no other."""
    from mailbot.sync.session.search import opened_index

    with opened_index(session.settings, session.index, refreshed=False) as index:
        thread = index.threads_of([note]).get(note, "")
        return [path for _, path in index.thread_places(thread)] if thread else []


def _not_fetched(session: Session, message_id: str) -> list[str]:
    """Where mails lie that name this one in their References and are not kept yet; none where the server cannot say."""
    from mailbot.errors import ServerUnavailable

    found, name = [], session.account.name
    for mailbox in session.account.mailboxes if message_id else ():
        try:
            opened = session.server.examine(mailbox)
            uids = session.server.search(["HEADER", "References", message_id])
        except ServerUnavailable:
            session.server.ensure()
            continue
        known = session.journal.locations.known_uids(name, mailbox, opened.uidvalidity)
        found += [f"{mailbox} UID {uid} (run `mailbot sync` to see it)" for uid in uids if uid not in known]
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
