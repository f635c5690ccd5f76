"""What is done when the life of a draft is known: the note is changed first, then the server, then the journal, so that a run which is
killed is finished by the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot.errors import BadData
from mailbot.mail.mail import read_mail
from mailbot.settings import Settings
from mailbot.sync.decide.content import folded, likeness, reply_in
from mailbot.sync.decide.life import Discard, Found, InNote, Store, missed_enough
from mailbot.sync.decide.noted import Noted, as_noted, checked, noted
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import DraftRow, DraftStatus
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report
from mailbot.sync.steps.compose import attached, ready, revised
from mailbot.sync.steps.deliver import Delivery
from mailbot.sync.steps.draft_note import new_message_id
from mailbot.sync.steps.sightings import Sightings
from mailbot.vault import draft_life, draft_note
from mailbot.vault import note as notes
from mailbot.vault.draft_note import ReadDraft

MOST_LOOKS = 2
"""Runs that are counted while a draft is missing; after that only time counts, and nothing is written."""
TOLD_BY_LIKENESS = "it has another Message-ID, and was recognised by the mail that it answers and by its text"


@dataclass(frozen=True, slots=True)
class Side:
    """A draft note as it is now: how the decision sees it, and what it says."""

    note: InNote
    read: ReadDraft | None = None
    said: Noted | None = None


@dataclass(frozen=True, slots=True)
class Acts:
    """Does what was decided for the drafts of an account. Every call may raise BadData for one draft, and MailbotError if the server
    as a whole fails."""

    settings: Settings
    journal: Journal
    files: NoteFiles
    delivery: Delivery
    sightings: Sightings
    report: Report
    clock: Callable[[], datetime]

    def remember(self, draft: DraftRow) -> None:
        """Write down what a first look has told."""
        if self.journal.drafts.get(draft.id) != draft:
            self.journal.drafts.save(draft)

    def tell(
        self,
        draft: DraftRow,
        status: DraftStatus,
        line: str,
        change: Callable[[str], str] = lambda text: text,
        properties: Mapping[str, Any] | None = None,
        link: str = "",
        **row: Any,
    ) -> DraftRow:
        """Say in the note what became of a draft, then in the journal. A note that cannot be changed is left as it is."""
        at = f"{self.clock():%Y-%m-%d %H:%M}"
        said = {"status": status, **(properties or {})}

        def changed(text: str) -> str:
            text = notes.with_properties(change(text), said)
            return draft_life.with_history(text, at, line, link) if line else text

        note_hash = draft.note_hash
        try:
            before, after = self.files.edit(draft.note, changed)
            note_hash = after if before == draft.note_hash else draft.note_hash
        except BadData as error:
            if self.files.exists(draft.note):
                self.report.remark(
                    f"{draft.note}: it could not say that its draft is now `{status}`: {error}"
                )
        draft = replace(draft, status=status, note_hash=note_hash, **row)
        self.journal.drafts.save(draft)
        if line:
            self.report.noticed.append({"note": draft.note, "status": status, "what": line})
        return draft

    def relocate(self, draft: DraftRow, found: Found) -> None:
        row = replace(
            draft, mailbox=found.at.mailbox, uidvalidity=found.at.uidvalidity, uid=found.at.uid, ours=found.ours,
            sha256=found.sha256, message_id=self._id(draft, found), since=None, looks=0, ended_by="",
        )  # fmt: skip
        if draft.status in ("missing", "discarded", "unknown"):
            self.tell(row, row.becomes, "It is in Drafts again.", approved="", approved_at=None)
        elif row.message_id != draft.message_id:
            self.tell(row, row.status, "", properties={"draft_message_id": row.message_id})
        else:
            self.journal.drafts.save(row)

    def _id(self, draft: DraftRow, found: Found) -> str:
        new = found.message_id
        return new if new and not self.journal.drafts.known(new) else draft.message_id

    def take(self, draft: DraftRow, found: Found, side: Side) -> None:
        """The text of a mail client becomes the note's."""
        there = self.sightings.mail(found.at)
        if there is None:
            return  # changed again in this moment: the next run sees it
        _, mail = there
        reply, message = reply_in(mail.text, self.delivery.account.signature), mail.message
        when = f"{self.clock():%Y-%m-%d %H:%M}"

        def change(text: str) -> str:
            text = draft_life.without_rival(text)
            if side.read is None:
                return draft_life.with_rival(text, f"{when}, in Drafts", reply)
            if folded(side.read.reply) != folded(reply):
                text = draft_life.with_revision(
                    text, f"{when}, before you edited it in your mail client", side.read.reply
                )
            return draft_life.with_reply(text, draft.note, reply)

        properties: dict[str, Any] = {
            **as_noted(message.to, message.cc),
            "subject": notes.property_text(message.subject),
        }
        properties["draft_message_id"] = notes.property_text(self._id(draft, found))
        if side.note.resolve:
            properties["resolve"] = ""
        line = (
            "You edited it in your mail client."
            if found.by_id
            else f"You edited it in your mail client ({TOLD_BY_LIKENESS})."
        )
        if draft.status == "conflict":
            line = "You chose the text of Drafts."
        if draft.status == "approved":
            line += " Approve it again to have it sent."
        row = replace(
            draft, mailbox=found.at.mailbox, uidvalidity=found.at.uidvalidity, uid=found.at.uid, ours=False, sha256=found.sha256,
            server_base=found.content, message_id=self._id(draft, found), becomes="edited", approved="", approved_at=None,
            since=None, looks=0, ended_by="", why="",
        )  # fmt: skip
        row = self.tell(row, "edited", line, change, properties)
        self.journal.drafts.save(replace(row, note_base=self._base(row)))

    def _base(self, draft: DraftRow) -> str:
        """What the note says now, as a hash."""
        try:
            return noted(
                draft_note.parse((self.files.read(draft.note) or ("", ""))[0] or "", draft.note)
            ).hash
        except BadData:
            return draft.note_base

    def store(self, draft: DraftRow, fate: Store, side: Side) -> None:
        """Put the text of the note into Drafts, in the place of ours."""
        assert side.said is not None
        account, delivery = self.delivery.account, self.delivery
        said = checked(side.said, draft.note)
        old = delivery.bytes_of(draft)
        if old is None:
            return  # it was changed in this moment: the next run sees it
        if draft.mailbox and not delivery.server.can_remove():
            why = "the server cannot remove one message alone (it lacks UIDPLUS)"
            self.tell(
                draft,
                "unknown",
                f"You edited it in the note, but {why}: copy your text into the draft in your mail client.",
                why=why,
            )
            return
        lines = draft.quote_lines if draft.ours else 0
        reply = revised(old, lines, said, account.signature, new_message_id(account.address), self.clock())
        reply = replace(reply, files=attached(self.settings.vault, draft.note, said.attach))
        status: DraftStatus = "approved" if fate.approved else "edited"
        line = f"{fate.why[0].upper()}{fate.why[1:]}."
        properties: dict[str, Any] = {"draft_message_id": reply.message_id}
        if side.note.resolve:
            properties["resolve"] = ""
        at = f"{self.clock():%Y-%m-%d %H:%M}"

        def changed(text: str) -> str:
            text = notes.with_properties(draft_life.without_rival(text), {"status": status, **properties})
            return draft_life.with_history(text, at, line)

        _, note_hash = self.files.edit(draft.note, changed)
        composed = replace(
            ready(draft.mail_id, draft.note, note_hash, reply, said),
            becomes=status,
            approved=said.hash if fate.approved else "",
            approved_at=(draft.approved_at or self.clock()) if fate.approved else None,
        )
        if draft.mailbox:
            delivery.store(composed, theirs=fate.theirs)
        else:
            delivery.keep_here(composed)
        self.report.noticed.append({"note": draft.note, "status": status, "what": line})

    def disagree(self, draft: DraftRow, found: Found | None) -> None:
        there = self.sightings.mail(found.at) if found else None
        reply = reply_in(there[1].text, self.delivery.account.signature) if there else ""
        when = f"{self.clock():%Y-%m-%d %H:%M}"
        line = "You edited it in your mail client and in the note: write `resolve: server` or `resolve: note` into the properties."
        if found is None:
            line = "You edited it in the note, but a mail client has saved it too: write `resolve: note` to replace it there, or `resolve: server`."
            own = self.delivery.bytes_of(draft)
            reply = reply_in(read_mail(own).text, self.delivery.account.signature) if own else ""
        row = draft
        if found and found.stale and draft.ours:
            self.delivery.withdraw(draft)  # its text stands in the note, and theirs lies beside it
        if found:
            row = replace(
                draft, mailbox=found.at.mailbox, uidvalidity=found.at.uidvalidity, uid=found.at.uid, ours=False,
                sha256=found.sha256, server_base=found.content, message_id=self._id(draft, found),
            )  # fmt: skip
        self.tell(
            row,
            "conflict",
            line,
            lambda text: draft_life.with_rival(text, f"{when}, in Drafts", reply),
            {"draft_message_id": row.message_id},
            approved="",
            approved_at=None,
            becomes="edited",
            since=None,
            looks=0,
            ended_by="",
        )

    def went_out(self, draft: DraftRow, found: Found, side: Side, status: DraftStatus) -> None:
        """It was sent, or answered in other words: the note keeps the words that went out."""
        there = self.sightings.mail(found.at)
        written = reply_in(there[1].text, self.delivery.account.signature) if there else ""
        before = side.read.reply if side.read else ""
        share = likeness(before, written) if there and side.read else 0.0
        date = there[1].message.date if there else None
        when = f"{(date or self.clock()).astimezone(self.clock().tzinfo):%Y-%m-%d %H:%M}"
        left = ""
        if draft.status != "discarded":
            left = self._leftover(draft)

        def change(text: str) -> str:
            text = draft_life.without_rival(text)
            if not written or side.read is None or folded(written) == folded(before):
                return text
            if status == "answered" or side.note.changed:
                return draft_life.with_revision(text, f"{when}, what you sent", written)
            text = draft_life.with_revision(text, f"{when}, as it was drafted", before)
            return draft_life.with_reply(text, draft.note, written)

        how = "as it was" if share > 0.995 else f"{share:.0%} as it stood here"
        line = (
            f"You sent it from your mail client, {how}."
            if status == "sent"
            else "You answered in other words."
        )
        todo = draft.todo
        if found.by_id and draft.sent_at:  # the mail server's answer never came
            line, todo = "It was sent after all: it is in Sent.", "answered"
        if status == "sent" and not found.by_id:
            line = f"{line[:-1]} ({TOLD_BY_LIKENESS})."
        properties: dict[str, Any] = (
            {"sent_message_id": notes.property_text(found.message_id)} if found.message_id else {}
        )
        if status == "sent":
            properties["likeness"] = round(share, 2)
        self.tell(
            draft, status, f"{line}{left}", change, properties, why="", approved="", since=None, todo=todo
        )

    def _leftover(self, draft: DraftRow) -> str:
        """Take away our copy that still lies in Drafts; what to say where it stays."""
        if not draft.mailbox:
            self.delivery.withdraw(draft)
            return ""
        if not self.delivery.lies(draft):
            return ""
        why = self.delivery.withdraw(draft)
        return f" A draft is still in Drafts: {why}." if why else ""

    def discard(self, draft: DraftRow, fate: Discard) -> None:
        why = self.delivery.withdraw(draft) if fate.remove else ""
        left = f" It is still in Drafts: {why}." if why else ""
        if (
            not fate.remove
            and fate.by == "user"
            and draft.mailbox
            and not draft.ours
            and self.delivery.lies(draft)
        ):
            left = " The draft that you edited is still in Drafts."
        line = f"Discarded: {fate.why}.{left}"
        self.tell(draft, "discarded", line, ended_by=fate.by, why=fate.why, approved="", since=None, looks=0)

    def miss(self, draft: DraftRow) -> None:
        now = self.clock()
        if draft.status != "missing":
            line = "It is no longer in Drafts; perhaps a mail client has it open."
            becomes = draft.becomes if draft.status == "approved" else draft.status
            becomes = becomes if becomes in ("draft", "edited") else "edited"
            self.tell(
                draft, "missing", line, since=now, looks=1, becomes=becomes, approved="", approved_at=None
            )
        elif missed_enough(draft, now):
            why = "it was found nowhere in three runs and six hours"
            self.tell(draft, "discarded", f"Discarded: {why}.", ended_by="client", why=why)
        elif draft.looks < MOST_LOOKS:
            self.journal.drafts.save(replace(draft, looks=draft.looks + 1))

    def back(self, draft: DraftRow) -> None:
        becomes = draft.becomes if draft.becomes in ("draft", "edited") else "edited"
        self.tell(draft, becomes, "It is in Drafts again.", since=None, looks=0, ended_by="", why="")

    def approve(self, draft: DraftRow, side: Side) -> None:
        assert side.said is not None
        checked(side.said, draft.note)
        self.journal.drafts.save(draft)
        self.tell(
            replace(draft, becomes=draft.status if draft.status in ("draft", "edited") else "edited"),
            "approved",
            "You approved it.",
            approved=side.said.hash,
            approved_at=self.clock(),
            attempts=0,
            next_try=None,
            why="",
        )

    def unapprove(self, draft: DraftRow, why: str) -> None:
        becomes = draft.becomes if draft.becomes in ("draft", "edited") else "edited"
        self.tell(draft, becomes, f"Not approved any more: {why}.", approved="", approved_at=None)
