"""Two machines that run mailbot on one account draft the same mail: each looks once more when its draft is stored, and the one that was
stored later gives way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.errors import BadData
from mailbot.mail.message import MessageId
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.steps.deliver import Delivery
from mailbot.vault import draft_life
from mailbot.vault import note as notes

LATER = "another machine, or a mail client, had put an answer to this mail into Drafts a moment before"


@dataclass(frozen=True, slots=True)
class Rivals:
    """Looks for other answers beside a new draft. Every call may raise MailbotError if the server as a whole fails."""

    delivery: Delivery
    clock: Callable[[], datetime]

    def give_way(self, mail_id: int) -> None:
        """Take the first draft of a mail away again, if an answer to the mail lies in Drafts that was stored before it. Where two see
        each other, the lower UID stays: both decide alike."""
        journal, server = self.delivery.journal, self.delivery.server
        rows, mail = journal.drafts.of(mail_id), journal.mails.get(mail_id)
        draft = rows[-1] if rows else None
        if len(rows) != 1 or draft is None or draft.status != "draft" or not draft.uid or not mail.message_id:
            return
        if not server.can_remove():
            return  # it stays beside the other; the user sees both
        before = [u for u in server.answers(draft.mailbox, MessageId(mail.message_id)) if u < draft.uid]
        if not before:
            return
        same = server.copies(draft.mailbox, MessageId(draft.message_id))
        if self.delivery.take_away(draft):
            self._gave_way(draft, [uid for uid in same if uid in before])

    def _gave_way(self, draft: DraftRow, same: list[int]) -> None:
        """It is the other's draft too, where both had the same note; else it is superseded, and its note says so."""
        journal = self.delivery.journal
        if same:
            uidvalidity = self.delivery.server.examine(draft.mailbox).uidvalidity
            journal.drafts.save(replace(draft, uidvalidity=uidvalidity, uid=same[-1]))
            return

        def changed(text: str) -> str:
            text = notes.with_properties(text, {"status": "superseded"})
            return draft_life.with_history(
                text, f"{self.clock():%Y-%m-%d %H:%M}", f"It was taken out of Drafts: {LATER}."
            )

        try:
            self.delivery.notes.edit(draft.note, changed)
        except BadData as error:
            self.delivery.report.remark(f"{draft.note}: it could not say that it gave way: {error}")
        journal.drafts.mark(draft.id, "superseded", LATER)
        self.delivery.report.remark(f"{draft.note}: it gave way: {LATER}")
