"""Notes -> journal: what the vault, Drafts and Sent say of an account is written down, as if the runs that made it were remembered."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.steps.restore_drafts import RestoreDrafts
from mailbot.sync.steps.restore_mails import RestoreMails


@dataclass(slots=True)
class Restored:
    """How many mails and drafts of an account are remembered again; `waiting` are the mails that still want a look or a draft, `notes`
    the draft notes whose approval was taken back."""

    mails: int = 0
    waiting: int = 0
    drafts: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores what a journal does not know of one account. Raises MailbotError if the server as a whole fails."""

    of_mails: RestoreMails
    of_drafts: RestoreDrafts

    def everything(self, *, cursors: bool = True) -> Restored:
        """Mails, the places where they lie, how far each mailbox was read, and drafts. Without `cursors` in a journal that knows how
        far it was."""
        mails, waiting = self.of_mails.mails()
        if cursors:
            self.of_mails.cursors()
        drafts, notes = self.of_drafts.drafts()
        return Restored(mails, waiting, drafts, tuple(notes))
