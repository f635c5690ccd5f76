"""A draft that nobody wants any more, because of what came after it: out of Drafts, if it is still ours."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.decide.disposition import LATER
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.steps.acts import Acts


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Takes drafts back, and says so in their notes and in those of their mails."""

    acts: Acts

    def take_back(self, draft: DraftRow, line: str, reason: str, link: str = "") -> None:
        """Take one back. One that was touched meanwhile stays, and its note says why."""
        why = (
            self.acts.delivery.withdraw(draft) if not draft.mailbox or self.acts.delivery.lies(draft) else ""
        )
        if why:
            self.acts.tell(
                draft, "edited", f"It is not wanted any more ({reason}), but {why}, so it stays.", ours=False
            )
            return
        self.acts.tell(draft, "superseded", line, link=link, why=reason)
        mails, notes = self.acts.journal.mails, self.acts.files
        row = mails.get(draft.mail_id)
        changes = {"disposition": "read", "decided_by": "fact", "reason": reason}
        note_hash = notes.change(row.note, row.note_hash, changes)
        mails.update(row.id, stage="done", disposition="read", note_hash=note_hash)

    def make_way(self, drafts: list[DraftRow]) -> None:
        """Take those back in whose place a newer draft of their thread is stored by now, as was announced."""
        for draft in drafts:
            newer = self.acts.journal.drafts.of_note(draft.thread_note) if draft.thread_note else None
            if newer and newer.status != "intent" and draft.status in ("draft", "missing"):
                line = "A newer mail came into the thread, and one draft answers both:"
                self.take_back(draft, line, LATER, link=draft.thread_note)
