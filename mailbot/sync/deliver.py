"""A draft into the server's Drafts, exactly once: intent, APPEND, result (DESIGN 7.3)."""

from __future__ import annotations

from pathlib import Path

from mailbot.errors import ServerUnavailable
from mailbot.mail.mailbox import Mailbox
from mailbot.mail.message import MessageId
from mailbot.sync import notebook
from mailbot.sync.journal import DraftRow, now
from mailbot.sync.run import Run, log
from mailbot.vault.files import content_hash, write_atomic


def settle(run: Run, server: Mailbox) -> None:
    """Finish what an earlier run began: each intended draft is looked for in Drafts, and appended only if it is not there.

    Raises MailbotError where the server fails.
    """
    for row in run.journal.intents(run.account.name):
        _finish(run, server, row)


def store(
    run: Run, server: Mailbox, mail_id: int, note: str, note_hash: str, message_id: MessageId, composed: bytes
) -> None:
    """Append a new draft whose note is durable. Raises MailbotError; after AppendUnknown a later run looks first."""
    server.ensure()  # the model may have taken minutes
    mailbox = drafts_mailbox(run, server)
    write_atomic(_spooled(run, message_id), composed)
    run.journal.intend_draft(mail_id, message_id, note, note_hash, mailbox, content_hash(composed), now())
    row = next(d for d in run.journal.intents(run.account.name) if d.message_id == message_id)
    _append(run, server, row, composed)


def drafts_mailbox(run: Run, server: Mailbox) -> str:
    """The account's Drafts; made where the user allowed that. Raises ServerUnavailable where there is none."""
    try:
        return server.find("drafts", run.account.drafts_mailbox)
    except ServerUnavailable:
        if not run.account.create_drafts_mailbox:
            raise
        return server.create("Drafts" if run.account.drafts_mailbox == "auto" else run.account.drafts_mailbox)


def _finish(run: Run, server: Mailbox, row: DraftRow) -> None:
    found = server.with_message_id(row.mailbox, MessageId(row.message_id))
    if found:
        _stored(run, server, row, found[-1])
        return
    spooled = _spooled(run, MessageId(row.message_id))
    if not spooled.exists():
        # Not in Drafts, and nothing left to append: the user has moved or deleted it. Theirs to decide.
        run.journal.draft_status(row.id, "unknown")
        return
    _append(run, server, row, spooled.read_bytes())


def _append(run: Run, server: Mailbox, row: DraftRow, composed: bytes) -> None:
    uid = server.append_draft(row.mailbox, composed, MessageId(row.message_id))
    _stored(run, server, row, uid or 0)


def _stored(run: Run, server: Mailbox, row: DraftRow, uid: int) -> None:
    opened = server.examine(row.mailbox)
    mail = run.journal.mail(row.mail_id)
    link = f"[[{row.note.removesuffix('.md')}]]"
    note_hash = notebook.change(run.vault, mail.note, mail.note_hash, {"draft": link})
    with run.journal.together():
        run.journal.draft_stored(row.id, opened.uidvalidity, uid)
        run.journal.update_mail(mail.id, stage="done", disposition="reply", note_hash=note_hash)
    _spooled(run, MessageId(row.message_id)).unlink(missing_ok=True)
    (run.spool / f"{mail.sha256}.eml").unlink(missing_ok=True)
    log.info(
        "account %s: draft %s stored in %s as uid %d", run.account.name, row.message_id, row.mailbox, uid
    )


def _spooled(run: Run, message_id: MessageId) -> Path:
    return run.spool / f"{content_hash(message_id.encode())}.draft.eml"
