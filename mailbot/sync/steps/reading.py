"""The mails of a run, each parsed and split once."""

from __future__ import annotations

from mailbot.hearsay import confidence
from mailbot.mail.mail import Mail, dated, read_mail
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.memory.spool import Spool

HELD = 64 * 1024 * 1024
"""Octets of raw mail whose parsed form is held. What does not fit is read again from the spool."""


class ReadMails:
    """What a run has read of its mails, by their SHA-256."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._held: dict[str, Mail] = {}
        self._octets = 0

    def hold(self, mail: Mail) -> None:
        """Remember a mail that a later step of the run wants."""
        size = mail.message.size
        if self._octets + size <= HELD and mail.message.sha256 not in self._held:
            self._held[mail.message.sha256] = mail
            self._octets += size

    def holds(self, row: MailRow) -> bool:
        """Whether a kept mail need not be read for it."""
        return row.sha256 in self._held

    def get(self, row: MailRow) -> Mail | None:
        """A kept mail, from memory or from the spool; None if it is in neither."""
        if (held := self._held.get(row.sha256)) is not None:
            return held
        raw = self._spool.mail(row.sha256)
        if raw is None:
            return None
        mail = dated(read_mail(raw), row.date)
        confidence.text(mail.message.subject, mail.text.plain("newest", "quoted", "forwarded"))
        self.hold(mail)
        return mail
