"""What becomes of a draft, written down: in its note, with its time, then in the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot.errors import BadData
from mailbot.settings import Settings
from mailbot.sync.decide.noted import Noted, noted
from mailbot.sync.decide.seen import Found, InNote
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import DraftRow, DraftStatus
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Report
from mailbot.sync.steps.compose import with_files
from mailbot.sync.steps.deliver import Delivery
from mailbot.sync.steps.sightings import Sightings
from mailbot.vault import draft_life, read_draft
from mailbot.vault import note as notes
from mailbot.vault.read_draft import ReadDraft, one_text

TOLD_BY_LIKENESS = (
    "it has another Message-ID, and was recognised by the mail that it answers, its recipients and its text"
)


class Meanwhile(BadData):
    """The user has changed the status of a note since it was read: what was decided does not hold any more, and the next run decides
    anew."""


@dataclass(frozen=True, slots=True)
class Side:
    """A draft note as it is now: how the decision sees it, and what it says."""

    note: InNote
    read: ReadDraft | None = None
    said: Noted | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """Says what became of the drafts of an account. The note is changed first, then the server, then the journal, so that a run which is
    killed is finished by the next."""

    settings: Settings
    journal: Journal
    files: NoteFiles
    delivery: Delivery
    sightings: Sightings
    report: Report
    clock: Callable[[], datetime]

    @property
    def now(self) -> str:
        """The user's time, as notes have it."""
        return f"{self.clock():%Y-%m-%d %H:%M}"

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
        agreed: bool = False,
        expects: str = "",
        lenient: bool = False,
        **row: Any,
    ) -> DraftRow:
        """Say in the note what became of a draft, then in the journal. A note that is gone is not told. Raises BadData, and the journal
        knows nothing, where a note that is there cannot be changed: a later run tells it; with `lenient` it is left as it is.
        Raises Meanwhile where its status is no longer the one that this answers to, `expects`."""
        at = self.now
        said = {"status": status, **(properties or {})}

        def changed(text: str) -> str:
            if expects and status_in(text, draft.note) != expects:
                raise Meanwhile(f"{draft.note}: its status was changed just now")
            text = notes.with_properties(change(text), said)
            return draft_life.with_history(text, at, line, link) if line else text

        note_hash = draft.note_hash
        try:
            before, after = self.files.edit(draft.note, changed)
            note_hash = after if before == draft.note_hash else draft.note_hash
        except Meanwhile:
            raise
        except BadData as error:
            if self.files.exists(draft.note):
                if not lenient:
                    raise
                self.report.remark(
                    f"{draft.note}: it could not say that its draft is now `{status}`: {error}"
                )
        draft = replace(draft, status=status, note_hash=note_hash, **row)
        if agreed:
            draft = replace(draft, note_base=self._base(draft))
        self.journal.drafts.save(draft)
        if line:
            self.report.noticed.append({"note": draft.note, "status": status, "what": line})
        return draft

    def _base(self, draft: DraftRow) -> str:
        """What the note says now, as a hash."""
        try:
            text, _ = self.files.must_read(draft.note)
            return with_files(noted(read_draft.parse(text, draft.note)), self.settings.vault).hash
        except BadData:
            return draft.note_base

    def id_of(self, draft: DraftRow, found: Found) -> str:
        """The Message-ID by which a draft is known from now on."""
        new = found.message_id
        return new if new and not self.journal.drafts.known(new) else draft.message_id


def status_in(text: str, note: str) -> str:
    """The status that a note has at this moment."""
    return one_text(notes.read(text, note).properties.get("status")).casefold()


def approved_meanwhile(side: Side) -> dict[str, str]:
    """The status of a draft that is back, where the user has approved it while it was away: it stays, and the next look takes it up."""
    return {"status": "approved"} if side.note.read and side.note.status == "approved" else {}
