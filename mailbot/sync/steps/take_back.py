"""A draft that nobody wants any more, because of what came after it: out of Drafts, if it is still ours."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.decide.disposition import LATER
from mailbot.sync.decide.life import NO_UIDPLUS
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.steps.telling import Telling


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Takes drafts back, and says so in their notes and in those of their mails."""

    telling: Telling

    def take_back(self, draft: DraftRow, line: str, reason: str, link: str = "") -> None:
        """Take one back. One that was touched meanwhile stays, and its note says why."""
        why = (
            self.telling.delivery.withdraw(draft)
            if not draft.mailbox or self.telling.delivery.lies(draft)
            else ""
        )
        if why == NO_UIDPLUS:
            left = f"It is not wanted any more: {reason[0].lower()}{reason[1:]}. Delete it yourself: {why}."
            self.telling.tell(draft, "unknown", left, why=why, lenient=True)
            return
        if why:
            left = f"It is not wanted any more: {reason[0].lower()}{reason[1:]}. It stays, because {why}."
            self.telling.tell(draft, "edited", left, ours=False, lenient=True)
            return
        self.telling.tell(draft, "superseded", line, link=link, why=reason, lenient=True)
        mails, notes = self.telling.journal.mails, self.telling.files
        row = mails.get(draft.mail_id)
        changes = {"disposition": "read", "decided_by": "fact", "reason": reason}
        note_hash = notes.change(row.note, row.note_hash, changes)
        mails.update(row.id, stage="done", disposition="read", note_hash=note_hash)

    def make_way(self, drafts: list[DraftRow]) -> None:
        """Take those back in whose place a newer draft of their thread is stored by now, as was announced."""
        for draft in drafts:
            newer = self.telling.journal.drafts.of_note(draft.thread_note) if draft.thread_note else None
            if newer and newer.status != "intent" and draft.status in ("draft", "missing"):
                line = "A newer mail came into the thread, and one draft answers both:"
                self.take_back(draft, line, LATER, link=draft.thread_note)
