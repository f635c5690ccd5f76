"""A draft that was edited, moved or approved: note and server made to agree, or the user asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mailbot.errors import BadData
from mailbot.mail.mail import read_mail
from mailbot.mail.message import Address, Message
from mailbot.mail.mime.compose import new_message_id
from mailbot.sync.decide.content import content_of, folded, quote_in, reply_in
from mailbot.sync.decide.life import NO_UIDPLUS, Store
from mailbot.sync.decide.noted import Noted, as_noted, checked, chosen_subject
from mailbot.sync.decide.said_status import Correct, said_status
from mailbot.sync.decide.seen import Found
from mailbot.sync.memory.rows import DraftRow, DraftStatus
from mailbot.sync.steps.compose import attached, ready, revised
from mailbot.sync.steps.telling import (
    TOLD_BY_LIKENESS,
    Meanwhile,
    Side,
    Telling,
    approved_meanwhile,
    status_in,
)
from mailbot.vault import draft_life
from mailbot.vault import note as notes


@dataclass(frozen=True, slots=True)
class Edited:
    """Acts on what was edited in the drafts of an account. Every call may raise BadData for one draft, and MailbotError if the server
    as a whole fails."""

    telling: Telling

    def relocate(self, draft: DraftRow, found: Found, side: Side) -> None:
        """It lies elsewhere, and says the same."""
        row = replace(
            draft, mailbox=found.at.mailbox, uidvalidity=found.at.uidvalidity, uid=found.at.uid, ours=found.ours,
            sha256=found.sha256, message_id=self.telling.id_of(draft, found), since=None, looks=0, ended_by="",
        )  # fmt: skip
        if draft.status in ("missing", "discarded", "unknown"):
            kept = approved_meanwhile(side)
            self.telling.tell(
                row, row.becomes, "It is in Drafts again.", properties=kept, approved="", approved_at=None
            )
        elif draft.status == "approved" and not found.ours:
            line = "Not approved any more: a mail client has saved it anew. Look at it, and approve it again."
            self._gone(draft, "a mail client has saved it anew")
            self.telling.tell(row, "edited", line, approved="", approved_at=None, becomes="edited")
        elif row.message_id != draft.message_id:
            self.telling.tell(row, row.status, "", properties={"draft_message_id": row.message_id})
        elif draft.status == "approved" and row.uidvalidity != draft.uidvalidity:
            # The mailbox was renumbered: what was approved is there, and waits once more before it goes out.
            self.telling.journal.drafts.save(replace(row, approved_at=self.telling.clock()))
        else:
            self.telling.journal.drafts.save(row)

    def take(self, draft: DraftRow, found: Found, side: Side) -> None:
        """The text of a mail client becomes the note's."""
        there = self.telling.sightings.mail(found.at)
        if there is None:
            return  # changed again in this moment: the next run sees it
        _, mail = there
        reply, message = reply_in(mail.text, self.telling.delivery.account.signature), mail.message
        when = self.telling.now

        if (
            side.read is None
        ):  # what a client has written must stand in the note before anything of it is sent
            raise BadData(side.note.why or f"{draft.note}: it cannot be read")
        said = side.read

        def change(text: str) -> str:
            text = draft_life.without_rival(text)
            if folded(said.reply) != folded(reply):
                text = draft_life.with_revision(
                    text, f"{when}, before you edited it in your mail client", said.reply
                )
            text = draft_life.with_reply(text, draft.note, reply)
            return _headed(text, message.to, message.cc, message.subject)

        properties: dict[str, Any] = {
            **as_noted(message.to, message.cc),
            "subject": notes.property_text(message.subject),
        }
        properties["draft_message_id"] = notes.property_text(self.telling.id_of(draft, found))
        if said.attach:
            properties["attach"] = []  # the files are those of the mail client now
        line = (
            "You edited it in your mail client."
            if found.by_id
            else f"You edited it in your mail client ({TOLD_BY_LIKENESS})."
        )
        if draft.status == "conflict":
            line = "You chose the text of Drafts."
        approved = "approved" in (draft.status, side.note.status)
        if approved:
            line += " Approve it again to have it sent."
        if message.attachments:
            line += f" Its files: {', '.join(a.name or 'unnamed' for a in message.attachments)}."
        if hidden := sorted(content_of(mail).bcc):
            line += f" Bcc: {', '.join(hidden)}."
        row = replace(
            draft, mailbox=found.at.mailbox, uidvalidity=found.at.uidvalidity, uid=found.at.uid, ours=False, sha256=found.sha256,
            server_base=found.content, message_id=self.telling.id_of(draft, found), becomes="edited", approved="", approved_at=None,
            since=None, looks=0, ended_by="", why="",
        )  # fmt: skip
        if approved:
            self._gone(draft, "you edited it in your mail client")
        row = replace(row, note_hash="")  # what the user wrote is theirs, wherever they wrote it
        self.telling.tell(row, "edited", line, change, properties, agreed=True)
        self.decided(row, side)

    def store(self, draft: DraftRow, fate: Store, side: Side) -> None:
        """Put the text of the note into Drafts, in the place of ours."""
        assert side.said is not None
        account, delivery = self.telling.delivery.account, self.telling.delivery
        said = checked(side.said, draft.note)
        old = delivery.bytes_of(draft)
        if old is None:
            return  # it was changed in this moment: the next run sees it
        if draft.mailbox and not delivery.server.can_remove():
            why = NO_UIDPLUS
            self.telling.tell(
                draft,
                "unknown",
                f"You edited it in the note, but {why}: copy your text into the draft in your mail client.",
                why=why,
            )
            return
        theirs = reply_in(read_mail(old).text, account.signature) if fate.theirs else ""
        if fate.theirs:  # so that a run which is killed from here on takes it away all the same
            self.telling.journal.drafts.save(replace(draft, ours=True))
        # Nobody counted the lines of a client's quote, nor an earlier version those of its own.
        mine = draft.ours and not fate.theirs
        quote = None if mine and draft.quote_lines else quote_in(read_mail(old).text)
        reply = revised(
            old,
            draft.quote_lines,
            said,
            account.signature,
            new_message_id(_sender_of(old) or account.address),
            self.telling.clock(),
            quote,
            keep_files=not mine,
        )
        files = attached(self.telling.settings.vault, draft.note, said.attach)
        own = {file.name for file in files}
        reply = replace(reply, files=(*(f for f in reply.files if f.name not in own), *files))
        status: DraftStatus = "approved" if fate.approved else "edited"
        line = f"{fate.why[0].upper()}{fate.why[1:]}.{' You approved it.' if fate.approved else ''}"
        answer = said_status(draft, side.read) if side.read else None
        if isinstance(answer, Correct) and answer.typo:
            line += f" {answer.why}"
            self.telling.report.failed.append(f"{draft.note}: {answer.why}")
        properties = {"draft_message_id": reply.message_id}
        at = self.telling.now

        def changed(text: str) -> str:
            if status_in(text, draft.note) != side.note.status:
                raise Meanwhile(f"{draft.note}: its status was changed just now")
            text = draft_life.without_rival(text)
            if theirs and folded(theirs) != folded(said.text):
                text = draft_life.with_revision(text, f"{at}, as it stood in Drafts", theirs)
            text = _headed(text, reply.to, reply.cc, reply.subject)
            text = notes.with_properties(text, {"status": status, **properties})
            return draft_life.with_history(text, at, line)

        before, after = self.telling.files.edit(draft.note, changed)
        note_hash = (
            after if before == draft.note_hash else draft.note_hash
        )  # what the user wrote stays known as theirs
        composed = replace(
            ready(draft.mail_id, draft.note, note_hash, reply, said),
            becomes=status,
            ours=len(reply.files) == len(files) and not reply.bcc,
            approved=said.hash if fate.approved else "",
            approved_at=(draft.approved_at or self.telling.clock()) if fate.approved else None,
        )
        if draft.mailbox:
            delivery.store(composed)
        else:
            delivery.keep_here(composed)
        self.decided(draft, side)
        self.telling.report.noticed.append({"note": draft.note, "status": status, "what": line})
        if side.note.status == "approved" and not fate.approved:
            self.telling.report.failed.append(f"{draft.note}: not approved: {side.note.lacking or fate.why}")

    def disagree(self, draft: DraftRow, found: Found | None, side: Side) -> None:
        """Both were changed: both texts stand in the note until the user has chosen."""
        there = self.telling.sightings.mail(found.at) if found else None
        reply = reply_in(there[1].text, self.telling.delivery.account.signature) if there else ""
        when = self.telling.now
        line = "You edited it in your mail client and in the note: write `resolve: server` or `resolve: note` into the properties."
        if found is None:
            line = "You edited it in the note, but a mail client has saved it too: write `resolve: note` to replace it there, or `resolve: server`."
            own = self.telling.delivery.bytes_of(draft)
            reply = reply_in(read_mail(own).text, self.telling.delivery.account.signature) if own else ""
        if there and side.said:
            reply = f"{_differs(side.said, there[1].message)}{reply}"
        row = draft
        if found and found.stale and draft.ours:
            self.telling.delivery.withdraw(draft)  # its text stands in the note, and theirs lies beside it
        if found:
            row = replace(
                draft, mailbox=found.at.mailbox, uidvalidity=found.at.uidvalidity, uid=found.at.uid, ours=False,
                sha256=found.sha256, server_base=found.content, message_id=self.telling.id_of(draft, found),
            )  # fmt: skip
        self.telling.tell(
            row,
            "conflict",
            line,
            lambda text: draft_life.with_rival(text, f"{when}, in Drafts", reply),
            {"draft_message_id": row.message_id, **({"resolve": ""} if side.note.resolve else {})},
            approved="",
            approved_at=None,
            becomes="edited",
            since=None,
            looks=0,
            ended_by="",
        )

    def decided(self, draft: DraftRow, side: Side) -> None:
        """A choice is carried out, and the journal knows it: only now it leaves the note, so that a run which is killed before finds it
        again."""
        if side.note.resolve:
            self.telling.files.edit(draft.note, lambda text: notes.with_properties(text, {"resolve": ""}))

    def _gone(self, draft: DraftRow, why: str) -> None:
        """An approval does not hold any more: who waits for the mail to go out is told."""
        self.telling.report.failed.append(
            f"{draft.note}: not approved any more: {why}; look at it, and approve it again"
        )

    def approve(self, draft: DraftRow, side: Side) -> None:
        """The user has set its note to approved: what that says now is what was approved."""
        assert side.said is not None
        checked(side.said, draft.note)
        self.telling.journal.drafts.save(draft)
        self.telling.tell(
            replace(draft, becomes=draft.status if draft.status in ("draft", "edited") else "edited"),
            "approved",
            "You approved it.",
            expects=side.note.status,
            approved=side.said.hash,
            approved_at=self.telling.clock(),
            attempts=0,
            next_try=None,
            why="",
        )

    def unapprove(self, draft: DraftRow, why: str) -> None:
        """The user has taken the approval back."""
        kept = draft.becomes if draft.status == "approved" else draft.status
        becomes: DraftStatus = kept if kept in ("draft", "edited") else "edited"
        line = f"{'Not approved any more' if draft.status == 'approved' else 'Not approved'}: {why}."
        self.telling.tell(draft, becomes, line, approved="", approved_at=None)
        if draft.status != "approved":
            self.telling.report.failed.append(f"{draft.note}: not approved: {why}")


def _sender_of(raw: bytes) -> str:
    sender = read_mail(raw).message.sender
    return sender.email if sender else ""


def _differs(said: Noted, message: Message) -> str:
    """The recipients and the subject of a draft, as lines above its text, where its note has others."""
    lines = []
    if {a.key for a in (*said.to, *said.cc)} != {a.key for a in (*message.to, *message.cc)}:
        lines += [f"To: {', '.join(map(str, message.to))}", *(f"Cc: {a}" for a in message.cc)]
    if chosen_subject(said, message.subject) != message.subject:
        lines.append(f"Subject: {message.subject}")
    return "\n".join([*lines, "", ""]) if lines else ""


def _headed(text: str, to: Iterable[Address], cc: Iterable[Address], subject: str) -> str:
    return draft_life.with_head(text, ", ".join(map(str, to)), ", ".join(map(str, cc)), subject)
