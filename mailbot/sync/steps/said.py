"""The status that the user has written into a draft note: taken up where it can be, else put right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from mailbot.errors import AuthenticationFailed, BadData, MailbotError, TryAgain
from mailbot.mail.message import MessageId
from mailbot.mail.mime.compose import new_message_id
from mailbot.sync.decide.noted import noted
from mailbot.sync.decide.said_status import Answer, Arrived, Correct, NeverSent, TakeUp, said_status
from mailbot.sync.decide.sendable import lacking
from mailbot.sync.memory.rows import DraftRow, DraftStatus
from mailbot.sync.steps.compose import with_files
from mailbot.sync.steps.composed import Composed
from mailbot.sync.steps.telling import Telling
from mailbot.vault import draft_life, read_draft
from mailbot.vault import note as notes
from mailbot.vault.read_draft import ReadDraft

MONTH = timedelta(days=30)
"""How long the notes of drafts that have ended are looked at."""
_STATUS = re.compile(r"\A---\r?\n(?:(?!---).*\r?\n)*?status:[ \t]*(\w+)[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class Said:
    """Answers to what the user has written. `composed` makes a draft of a note as it lies in the vault, with this Message-ID; it raises
    BadData where that cannot be."""

    telling: Telling
    composed: Callable[[DraftRow, MessageId], Composed]

    def of_ended(self) -> None:
        """Look at the notes of the drafts that have ended. What fails for one is reported, and the others go on. Raises MailbotError if
        the server as a whole fails."""
        for draft, read in list(self._ended()):
            try:
                self.of(draft, read)
            except (TryAgain, AuthenticationFailed):
                raise
            except MailbotError as error:
                about = "" if draft.note in str(error) else f"{draft.note}: "
                self.telling.report.failed.append(f"{about}{error}")
                self.telling.delivery.server.ensure()

    def foreseen(self) -> list[tuple[DraftRow, Answer]]:
        """What `of_ended` would do, changing nothing."""
        found = [(draft, said_status(draft, read)) for draft, read in self._ended()]
        return [(draft, answer) for draft, answer in found if answer]

    def _ended(self) -> Iterator[tuple[DraftRow, ReadDraft]]:
        """The drafts that have ended and whose notes say something else."""
        telling = self.telling
        since = telling.clock() - MONTH
        for draft in telling.journal.drafts.ended(telling.delivery.account.name, since):
            try:
                found = telling.files.read(draft.note)
                if found and _status_in(found[0]) != draft.status:
                    yield draft, read_draft.parse(found[0].replace("\r\n", "\n"), draft.note)
            except BadData:
                continue  # what cannot be read says nothing

    def of(self, draft: DraftRow, read: ReadDraft) -> None:
        """Answer to the status of one note. Raises BadData where its draft cannot be made again, and MailbotError if the server as a
        whole fails."""
        match said_status(draft, read):
            case TakeUp():
                try:
                    self._take_up(draft, read)
                except BadData as error:
                    why = str(error).removeprefix(f"{draft.note}: ")
                    self._correct(draft, read, f"It stays `discarded`: {why}.")
            case Arrived():
                line, now = "You say that it arrived.", self.telling.clock()
                self.telling.tell(
                    draft, "sent", line, why="", sent_at=draft.sent_at or now, todo="answered remove"
                )
            case NeverSent():
                line = "You say that it was not sent."
                self.telling.tell(draft, "edited", line, why="", sent_at=None, becomes="edited", approved="")
            case Correct(why, typo):
                self._correct(draft, read, why, tell=typo)
            case None:
                pass

    def _correct(self, draft: DraftRow, read: ReadDraft, why: str, *, tell: bool = False) -> None:
        self.telling.tell(draft, draft.status, why, properties={"resolve": ""} if read.resolve else {})
        if tell:
            self.telling.report.failed.append(f"{draft.note}: {why}")
        if read.status == "approved":
            self.telling.report.failed.append(f"{draft.note}: not approved: {why[0].lower()}{why[1:-1]}")

    def _take_up(self, draft: DraftRow, read: ReadDraft) -> None:
        telling = self.telling
        if draft.mailbox and telling.delivery.lies(
            draft
        ):  # what a mail client had saved has stayed in Drafts
            kept = {"status": "approved"} if read.status == "approved" else {}
            telling.tell(
                draft,
                "edited",
                "You took it up again.",
                properties=kept,
                why="",
                ended_by="",
                becomes="edited",
            )
            return
        said = with_files(noted(read), telling.settings.vault)
        why_not = lacking(said.text) if read.status == "approved" else ""
        approved = read.status == "approved" and not why_not
        status: DraftStatus = "approved" if approved else "draft" if read.status == "draft" else "edited"
        message_id = new_message_id(telling.delivery.account.address)
        self.composed(draft, message_id)  # what cannot be made is said before anything is changed
        line = f"You took it up again.{' You approved it.' if approved else ''}"
        if why_not:
            line += f" It is not approved: {why_not}."
        at = telling.now

        def changed(text: str) -> str:
            text = notes.with_properties(text, {"status": status, "draft_message_id": message_id})
            return draft_life.with_history(text, at, line)

        telling.files.edit(draft.note, changed)
        made = replace(
            self.composed(draft, message_id),
            becomes=status,
            approved=said.hash if approved else "",
            approved_at=telling.clock() if approved else None,
        )
        if draft.mailbox:
            telling.delivery.store(made)
        else:
            telling.delivery.keep_here(made)
        telling.report.noticed.append({"note": draft.note, "status": status, "what": line})
        if why_not:
            telling.report.failed.append(f"{draft.note}: not approved: {why_not}")


def _status_in(text: str) -> str:
    """The status that stands in the properties of a note, as far as it is plain: most notes need no closer look."""
    found = _STATUS.match(text)
    return found[1].casefold() if found else ""
