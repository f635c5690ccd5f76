"""A kept mail as it came."""

from __future__ import annotations

from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.memory.locations import Locations
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.memory.spool import Spool
from mailbot.vault.files import content_hash


def raw_mail(
    mail: MailRow,
    spool: Spool,
    locations: Locations,
    server: ImapAccount,
    mailboxes: tuple[str, ...],
    max_size: int,
) -> bytes:
    """The mail as it came: from the spool, or from where it lies on the server, in the account's `mailboxes` if not where it
    was. Never guessed from the note. Raises BadData if it is to be had nowhere any more, or is larger than `max_size`
    octets."""
    if (spooled := spool.mail(mail.sha256)) is not None:
        return spooled
    for at in locations.of(mail.id):
        try:
            if server.examine(at.mailbox).uidvalidity != at.uidvalidity:
                continue
        except ServerUnavailable:
            continue
        found = server.listings([at.uid])
        if any(m.size > max_size for m in found):
            raise BadData(
                f"{mail.note}: only its header was kept, because it is larger than max_mail_size; raise that and fetch it again"
            )
        for _, raw in server.bodies(found):
            if content_hash(raw) == mail.sha256:
                return raw
    if mail.message_id:
        for mailbox in mailboxes:
            for uid in server.copies(mailbox, MessageId(mail.message_id)):
                for _, raw in server.bodies(server.listings([uid])):
                    if content_hash(raw) == mail.sha256:
                        return raw
    raise BadData(
        f"{mail.note}: the mail is no longer in {', '.join(mailboxes)}; move it back there to have it drafted"
    )
