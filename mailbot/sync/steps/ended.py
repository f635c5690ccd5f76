"""A draft that was sent, answered in other words, discarded, or is nowhere to be found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mailbot.sync.decide.content import folded, likeness, reply_in
from mailbot.sync.decide.life import Discard, WasAnswered, WasSent
from mailbot.sync.memory.rows import DraftRow, DraftStatus
from mailbot.sync.steps.telling import TOLD_BY_LIKENESS, Side, Telling, approved_meanwhile
from mailbot.vault import draft_life
from mailbot.vault import note as notes

MOST_LOOKS = 2
"""Runs that are counted while a draft is missing; after that only time counts, and nothing is written."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Acts on the ends of the drafts of an account. Every call may raise BadData for one draft, and MailbotError if the server as a
    whole fails."""

    telling: Telling

    def went_out(self, draft: DraftRow, fate: WasSent | WasAnswered, side: Side, status: DraftStatus) -> None:
        """It was sent, or answered in other words: the note keeps the words that went out."""
        found = fate.found
        there = self.telling.sightings.mail(found.at)
        written = reply_in(there[1].text, self.telling.delivery.account.signature) if there else ""
        before = side.read.reply if side.read else ""
        bare = reply_in(there[1].text, self.telling.delivery.account.signature, signed=False) if there else ""
        same = bool(there) and folded(before) == folded(bare)
        share = 1.0 if same else min(0.99, likeness(before, bare)) if there and side.read else 0.0
        date = there[1].message.date if there else None
        when = f"{(date or self.telling.clock()).astimezone(self.telling.clock().tzinfo):%Y-%m-%d %H:%M}"
        left = ""
        if draft.status != "discarded":
            left = self._leftover(draft)
        removable = bool(fate.left) and self.telling.delivery.server.can_remove()
        for copy in fate.left if removable else ():  # ours too, at another place than where it was put
            self.telling.delivery.server.take_away(
                copy.at.mailbox, copy.at.uidvalidity, copy.at.uid, copy.sha256
            )

        def change(text: str) -> str:
            text = draft_life.without_rival(text)
            if not written or side.read is None or folded(written) == folded(before):
                return text
            if status == "answered" or side.note.changed:
                return draft_life.with_revision(text, f"{when}, what you sent", written)
            text = draft_life.with_revision(text, f"{when}, as it was drafted", before)
            return draft_life.with_reply(text, draft.note, written)

        how = "as it was" if same else f"{share:.0%} as it stood here"
        line = (
            f"You sent it from your mail client, {how}."
            if status == "sent"
            else "You answered in other words."
        )
        todo = draft.todo
        if status == "sent" and draft.sent_at:  # the mail server's answer never came
            line, todo = "It was sent after all: it is in Sent.", "answered"
        if status == "sent" and not found.by_id:
            line = f"{line[:-1]} ({TOLD_BY_LIKENESS})."
        properties: dict[str, Any] = (
            {"sent_message_id": notes.property_text(found.message_id)} if found.message_id else {}
        )
        if status == "sent":
            properties["likeness"] = round(share, 2)
        self.telling.tell(
            draft, status, f"{line}{left}", change, properties, why="", approved="", since=None, todo=todo
        )

    def _leftover(self, draft: DraftRow) -> str:
        """Take away our copy that still lies in Drafts; what to say where it stays."""
        if not draft.mailbox:
            self.telling.delivery.withdraw(draft)
            return ""
        if not self.telling.delivery.lies(draft):
            return ""
        why = self.telling.delivery.withdraw(draft)
        return f" A draft is still in Drafts: {why}." if why else ""

    def discard(self, draft: DraftRow, fate: Discard) -> None:
        """It is not wanted any more: ours leaves Drafts, theirs stays."""
        why = self.telling.delivery.withdraw(draft) if fate.remove else ""
        left = f" It is still in Drafts: {why}." if why else ""
        if fate.theirs:
            left = " What your mail client has saved is still in Drafts."
        line = f"{fate.why[0].upper()}{fate.why[1:]}.{left}"
        self.telling.tell(
            draft, "discarded", line, ended_by=fate.by, why=fate.why, approved="", since=None, looks=0
        )

    def miss(self, draft: DraftRow, side: Side) -> None:
        """It is nowhere: that is said once, then runs and hours are counted."""
        now = self.telling.clock()
        if draft.status != "missing":
            line = "It is no longer in Drafts. Perhaps a mail client has it open; if it is not found for six hours and three runs, it counts as discarded."
            if "approved" in (draft.status, side.note.status):
                line += " Your approval is taken back."
            becomes = draft.becomes if draft.status == "approved" else draft.status
            becomes = becomes if becomes in ("draft", "edited", "conflict") else "edited"
            self.telling.tell(
                draft, "missing", line, since=now, looks=1, becomes=becomes, approved="", approved_at=None
            )
        elif side.note.read and side.note.status != "missing":
            looks = min(draft.looks + 1, MOST_LOOKS)
            line = "It is still not in Drafts."
            if side.note.status == "approved":
                line = "Not approved: it is not in Drafts now."
                self.telling.report.failed.append(f"{draft.note}: not approved: it is not in Drafts now")
            self.telling.tell(draft, "missing", line, looks=looks)
        elif draft.looks < MOST_LOOKS:
            self.telling.journal.drafts.save(replace(draft, looks=draft.looks + 1))

    def back(self, draft: DraftRow, side: Side) -> None:
        """It is back where it lay."""
        becomes = draft.becomes if draft.becomes in ("draft", "edited", "conflict") else "edited"
        self.telling.tell(
            draft, becomes, "It is in Drafts again.", properties=approved_meanwhile(side), since=None, looks=0, ended_by="", why=""
        )  # fmt: skip
