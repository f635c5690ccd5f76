"""A kept mail as it came."""

from __future__ import annotations

from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.journal import MailRow
from mailbot.sync.run import Run
from mailbot.vault.files import content_hash


def raw_mail(run: Run, server: ImapAccount, row: MailRow) -> bytes:
    """The mail as it came: from the spool, or from where it lies on the server. Never guessed from the note.
    Raises BadData where it is to be had nowhere any more."""
    spooled = run.spool / f"{row.sha256}.eml"
    if spooled.exists():
        return spooled.read_bytes()
    for mailbox, uidvalidity, uid in run.journal.locations(row.id):
        try:
            if server.examine(mailbox).uidvalidity != uidvalidity:
                continue
        except ServerUnavailable:
            continue
        found = server.listings([uid])
        if any(m.size > run.settings.max_mail_size * 1_000_000 for m in found):
            raise BadData(
                f"{row.note}: only its header was kept, it is above max_mail_size; raise that and fetch it again"
            )
        for _, raw in server.bodies(found):
            if content_hash(raw) == row.sha256:
                return raw
    if row.message_id:
        for mailbox in run.account.mailboxes:
            for uid in server.copies(mailbox, MessageId(row.message_id)):
                for _, raw in server.bodies(server.listings([uid])):
                    if content_hash(raw) == row.sha256:
                        return raw
    raise BadData(
        f"{row.note}: the mail is no longer in {', '.join(run.account.mailboxes)}; move it back there to have it drafted"
    )
