"""A draft into the server's Drafts, exactly once: intent, APPEND, result (DESIGN 7.3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailbot.errors import MailbotError, ServerUnavailable, TryAgain
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import notebook
from mailbot.sync.journal import DraftRow, now
from mailbot.sync.run import Run, log
from mailbot.vault.files import content_hash, write_atomic


def settle(run: Run, server: ImapAccount) -> None:
    """Finish what earlier runs began: each intended draft is looked for, and appended only if it is nowhere.

    A draft that fails again is reported and waits; the others, and the run, go on. Raises MailbotError where the
    server as a whole fails.
    """
    for row in run.journal.due_intents(run.account.name, now()):
        try:
            _finish(run, server, row)
        except TryAgain:
            raise
        except MailbotError as error:
            postponed(run, server, row.mail_id, row.note, error)


def store(
    run: Run,
    server: ImapAccount,
    mail_id: int,
    note: str,
    note_hash: str,
    message_id: MessageId,
    composed: bytes,
) -> None:
    """Append a draft whose note is durable. Raises MailbotError; a later run's `settle` goes on from there."""
    server.ensure()  # the model may have taken minutes
    mailbox = drafts_mailbox(run, server)
    write_atomic(_spooled(run, message_id), composed)
    run.journal.intend_draft(mail_id, message_id, note, note_hash, mailbox, content_hash(composed), now())
    row = next(d for d in run.journal.intents(run.account.name) if d.message_id == message_id)
    _append(run, server, row, composed)


def adopt(
    run: Run,
    server: ImapAccount,
    mail_id: int,
    note: str,
    note_hash: str,
    message_id: MessageId,
    composed: bytes,
) -> None:
    """The same for a draft note that was found in the vault and that no journal knows: it may lie on the server."""
    mailbox = drafts_mailbox(run, server)
    write_atomic(_spooled(run, message_id), composed)
    run.journal.intend_draft(mail_id, message_id, note, note_hash, mailbox, content_hash(composed), now())
    _finish(run, server, next(d for d in run.journal.intents(run.account.name) if d.message_id == message_id))


def postponed(run: Run, server: ImapAccount, mail_id: int, note: str, error: MailbotError) -> None:
    """Record that a draft could not be stored; raises where the server does not answer any more."""
    run.journal.mail_failed(mail_id, str(error), now())
    run.report.failed.append(f"{note}: {error}; the draft note is written, a later run stores the draft")
    log.warning("account %s: the draft of mail %d could not be stored: %s", run.account.name, mail_id, error)
    server.ensure()


def drafts_mailbox(run: Run, server: ImapAccount) -> str:
    """The account's Drafts; made where the user allowed that. Raises ServerUnavailable where there is none."""
    try:
        return server.find("drafts", run.account.drafts_mailbox)
    except ServerUnavailable:
        if not run.account.create_drafts_mailbox:
            raise
        return server.create("Drafts" if run.account.drafts_mailbox == "auto" else run.account.drafts_mailbox)


def _finish(run: Run, server: ImapAccount, row: DraftRow) -> None:
    mailbox = row.mailbox
    if mailbox not in {m.name for m in server.mailboxes()}:
        mailbox = drafts_mailbox(run, server)
        run.journal.redirect(row.id, mailbox)
        row = replace(row, mailbox=mailbox)
    message_id = MessageId(row.message_id)
    if found := server.copies(mailbox, message_id):
        _stored(run, server, row, mailbox, found[-1])
        return
    spooled = _spooled(run, message_id)
    elsewhere = _answered_elsewhere(run, server, row, mailbox)
    if elsewhere or not spooled.exists():
        # The user has sent, changed or deleted it, or a server gave it another id: theirs to decide, not ours to repeat.
        run.report.remarks.append(
            f"{row.note}: its server draft was {elsewhere or 'moved or deleted'}; it is not stored again"
        )
        mail = run.journal.mail(row.mail_id)
        with run.journal.together():
            run.journal.draft_status(row.id, "unknown")
            run.journal.update_mail(mail.id, stage="done", disposition="reply", note_hash=mail.note_hash)
        spooled.unlink(missing_ok=True)
        return
    _append(run, server, row, spooled.read_bytes())


def _answered_elsewhere(run: Run, server: ImapAccount, row: DraftRow, drafts: str) -> str:
    """Whether Drafts or Sent hold another answer to the same mail, in words."""
    source = run.journal.mail(row.mail_id).message_id
    if not source:
        return ""
    message_id, parent = MessageId(row.message_id), MessageId(source)
    ours = {
        d.uid for d in run.journal.drafts(row.mail_id) if d.mailbox == drafts
    }  # an earlier revision is no answer
    if set(server.copies(drafts, message_id, parent=parent)) - ours:
        return "changed in Drafts"
    try:
        sent = server.find("sent", run.account.sent_mailbox)
    except ServerUnavailable:
        return ""
    return "sent" if server.copies(sent, message_id, parent=parent) else ""


def _append(run: Run, server: ImapAccount, row: DraftRow, composed: bytes) -> None:
    uid = server.append_draft(row.mailbox, composed, MessageId(row.message_id))
    _stored(run, server, row, row.mailbox, uid or 0)


def _stored(run: Run, server: ImapAccount, row: DraftRow, mailbox: str, uid: int) -> None:
    opened = server.examine(mailbox)
    mail = run.journal.mail(row.mail_id)
    link = f"[[{row.note.removesuffix('.md')}]]"
    note_hash = notebook.change(run.vault, mail.note, mail.note_hash, {"draft": link})
    with run.journal.together():
        run.journal.draft_stored(row.id, opened.uidvalidity, uid)
        run.journal.update_mail(mail.id, stage="done", disposition="reply", note_hash=note_hash)
    _spooled(run, MessageId(row.message_id)).unlink(missing_ok=True)
    (run.spool / f"{mail.sha256}.eml").unlink(missing_ok=True)
    log.info("account %s: draft %s stored in %s as uid %d", run.account.name, row.message_id, mailbox, uid)
    for older in run.journal.drafts(mail.id):
        if older.id < row.id and older.status == "draft":
            _supersede(run, server, older)


def _supersede(run: Run, server: ImapAccount, older: DraftRow) -> None:
    """Take an earlier draft of the same mail away, if it is still byte for byte ours."""
    if older.uid and server.remove_draft(older.mailbox, older.uidvalidity, older.uid, older.sha256):
        run.journal.draft_status(older.id, "superseded")
    else:
        run.report.remarks.append(
            f"the earlier draft in {older.mailbox} was changed by you or moved, or the server cannot remove one"
            " message alone; it is left there"
        )
        run.journal.draft_status(older.id, "edited")


def _spooled(run: Run, message_id: MessageId) -> Path:
    return run.spool / f"{content_hash(message_id.encode())}.draft.eml"
