"""What the user did with the drafts: noticed in Drafts, Sent, Trash and in the notes, and written down. The note is changed first, then
the server, then the journal, so that a run which is killed is finished by the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from mailbot.errors import AuthenticationFailed, BadData, MailbotError, TryAgain
from mailbot.mail.mail import read_mail
from mailbot.mail.message import MessageId
from mailbot.sync.decide.content import content_of
from mailbot.sync.decide.life import (
    Approve,
    Disagree,
    Discard,
    Doubt,
    Leave,
    Life,
    Miss,
    Relocate,
    Return,
    Store,
    TakeText,
    Unapprove,
    WasAnswered,
    WasSent,
    life,
)
from mailbot.sync.decide.noted import Noted, noted
from mailbot.sync.decide.said_status import Answer, said_status
from mailbot.sync.decide.seen import InNote, OnServer, Seen
from mailbot.sync.decide.sendable import lacking
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.session.report import in_log, log
from mailbot.sync.steps.compose import with_files
from mailbot.sync.steps.edited import Edited
from mailbot.sync.steps.ended import Ended
from mailbot.sync.steps.said import Said
from mailbot.sync.steps.sent import read_sent
from mailbot.sync.steps.take_back import TakeBack
from mailbot.sync.steps.telling import Meanwhile, Side, Telling
from mailbot.vault import read_draft
from mailbot.vault.files import content_hash
from mailbot.vault.read_back import sender_in
from mailbot.vault.read_draft import ReadDraft

WATCHED = timedelta(days=30)
"""How long a draft that a mail client has deleted is looked for: the user may take that back."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Notices what became of the drafts of an account. `moved_note` finds the note of a draft that is no longer where it
    was, by its properties."""

    telling: Telling
    edited: Edited
    ended: Ended
    taking: TakeBack
    said: Said
    moved_note: Callable[[DraftRow], str]

    def notice(self, only: Sequence[int] = ()) -> None:
        """Notice and act, for all drafts of the account of which more is to come, or `only` those of these ids. What fails for one
        is reported, and the others go on. Raises MailbotError if the server as a whole fails."""
        if not only:
            self.said.of_ended()
        drafts = self.watched()
        if not drafts:
            return
        self.telling.delivery.clear()
        self.taking.make_way(drafts)
        drafts = [d for d in self.watched() if not only or d.id in only]
        read_sent(self.telling.delivery.server, self.telling.delivery.account, self.telling.journal)
        sides = {}
        for number, draft in enumerate(drafts):
            drafts[number], sides[draft.id] = self._side(draft)
        said = {id_: side.said for id_, side in sides.items()}
        servers = self.telling.sightings.of(drafts, said, {d.id: self._author(d) for d in drafts})
        for draft in drafts:
            try:
                self._one(draft, servers[draft.id], sides[draft.id])
            except (TryAgain, AuthenticationFailed):
                raise
            except Meanwhile:
                continue  # the next run sees what the user has written
            except BadData as error:
                self._could_not(draft, sides[draft.id], error)
            except MailbotError as error:
                self.telling.report.failed.append(
                    str(error) if draft.note in str(error) else f"{draft.note}: {error}"
                )
                log.warning(
                    "account %s: draft %d: %s", self.telling.delivery.account.name, draft.id, in_log(error)
                )
                self.telling.delivery.server.ensure()

    def _one(self, draft: DraftRow, server: OnServer, side: Side) -> None:
        """Notice one draft. One that was found again is looked at once more: its note may have been edited meanwhile."""
        if server.placed and draft.ours and not draft.server_base:  # of a version that did not remember it
            raw = self.telling.delivery.bytes_of(draft)
            draft = replace(draft, server_base=content_of(read_mail(raw)).hash) if raw else draft
        fate = life(draft, Seen(server, side.note, self.telling.clock()))
        self._act(draft, fate, side)
        if isinstance(fate, (Relocate, Return)):
            draft, side = self._side(self.telling.journal.drafts.get(draft.id))
            self._act(draft, life(draft, Seen(OnServer(placed=True), side.note, self.telling.clock())), side)

    def _could_not(self, draft: DraftRow, side: Side, error: BadData) -> None:
        """What the note says cannot be done: told once, and a note that is not approved does not say that it is."""
        if side.note.why:  # the note cannot be read, which was said when it was looked at
            self.telling.remember(draft)
            return
        why = str(error).removeprefix(f"{draft.note}: ")
        if side.read and side.note.status == "approved" and draft.status != "approved":
            self.telling.tell(draft, draft.status, f"Not approved: {why}.", why=why, lenient=True)
            self.telling.report.failed.append(f"{draft.note}: not approved: {why}")
        elif draft.why != why:
            self.telling.journal.drafts.save(replace(draft, why=why))
            self.telling.report.failed.append(f"{draft.note}: {why}")

    def watched(self) -> list[DraftRow]:
        """The drafts of which more is to come."""
        return self.telling.journal.drafts.watched(
            self.telling.delivery.account.name, self.telling.clock() - WATCHED
        )

    def foreseen(self) -> list[tuple[DraftRow, Life | Answer]]:
        """What `notice` would do, changing nothing but the memory of Sent."""
        answers: list[tuple[DraftRow, Life | Answer]] = list(self.said.foreseen())
        drafts = self.watched()
        sides = {d.id: self._side(d)[1] for d in drafts}
        said = {id_: side.said for id_, side in sides.items()}
        servers = (
            self.telling.sightings.of(drafts, said, {d.id: self._author(d) for d in drafts}) if drafts else {}
        )
        for draft in drafts:
            side = sides[draft.id]
            fate = life(draft, Seen(servers[draft.id], side.note, self.telling.clock()))
            answer = said_status(draft, side.read) if isinstance(fate, Leave) and side.read else None
            if answer or not isinstance(fate, Leave):
                answers.append((draft, answer or fate))
        return answers

    def _side(self, draft: DraftRow) -> tuple[DraftRow, Side]:
        """(the draft, with the path of its note as it is now; what the note says)."""
        found = self._read(draft.note)
        if found is None and (path := self._moved(draft)):
            draft, found = replace(draft, note=path), self._read(path)
            self.telling.journal.drafts.save(draft)
        if found is None:
            # A vault that is not there, because its disk or its sync is away, says nothing.
            away = not self.telling.files.exists(self.telling.settings.email_folder)
            return draft, Side(InNote(there=away, read=False))
        try:
            read = read_draft.parse(found, draft.note)
        except BadData as error:
            status = str((self.telling.files.properties(draft.note) or {}).get("status") or "").casefold()
            if draft.why != str(error):  # said once
                self.telling.report.failed.append(str(error))
                draft = replace(draft, why=str(error))
            return draft, Side(InNote(read=status == "discarded", status=status, why=str(error)))
        if draft.why.startswith(f"{draft.note}:"):  # it can be read again
            draft = replace(draft, why="")
        said = with_files(noted(read), self.telling.settings.vault)
        if not draft.note_base:  # of a version that remembered only the bytes that it wrote
            untouched = content_hash(found.encode("utf-8", "replace")) == draft.note_hash
            draft = replace(draft, note_base=said.hash if untouched else "edited since")
        return draft, Side(_in_note(draft, read, said), read, said)

    def _author(self, draft: DraftRow) -> str:
        """Who wrote the mail that a draft answers, as its note says."""
        row = self.telling.journal.mails.get(draft.mail_id)
        return sender_in(self.telling.files.properties(row.note) or {}).key

    def _read(self, path: str) -> str | None:
        try:
            found = self.telling.files.read(path)
        except BadData as error:
            self.telling.report.remark(str(error))
            return ""
        return found[0].replace("\r\n", "\n") if found else None

    def _moved(self, draft: DraftRow) -> str:
        path = self.moved_note(draft)
        return path if path != draft.note else ""

    def _act(self, draft: DraftRow, fate: Life, side: Side) -> None:
        match fate:
            case Leave():
                self.telling.remember(draft)
                if draft.status != "conflict":
                    self.edited.decided(draft, side)  # a run that was killed may have left it
                if side.read:
                    self.said.of(draft, side.read)
            case Relocate(found):
                self.edited.relocate(draft, found, side)
            case TakeText(found):
                self.edited.take(draft, found, side)
            case Store():
                self.edited.store(draft, fate, side)
            case Disagree(found):
                self.edited.disagree(draft, found, side)
            case WasSent():
                self.ended.went_out(draft, fate, side, "sent")
            case WasAnswered():
                self.ended.went_out(draft, fate, side, "answered")
            case Discard():
                self.ended.discard(draft, fate)
            case Miss():
                self.ended.miss(draft, side)
            case Return():
                self.ended.back(draft, side)
            case Approve():
                self.edited.approve(draft, side)
            case Unapprove(why):
                self.edited.unapprove(draft, why)
            case Doubt(why):
                if draft.mailbox:
                    self.telling.delivery.spool.drop_draft(MessageId(draft.message_id))
                self.telling.tell(draft, "unknown", f"Unclear: {why}.", why=why, lenient=True)


def _in_note(draft: DraftRow, read: ReadDraft, said: Noted) -> InNote:
    changed, approved = said.hash != draft.note_base, said.hash == draft.approved
    return InNote(True, True, changed, read.status, read.resolve, approved, lacking(said.text))
