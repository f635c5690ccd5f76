"""Mails that want a reply -> drafts: context, draft, draft note, server draft. Model calls overlap; all else is in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.assistant.outline import outline
from mailbot.assistant.request import DraftRequest
from mailbot.errors import BadData, BudgetSpent, MailbotError, TryAgain
from mailbot.mail.message import MessageId
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.session.report import Progress
from mailbot.sync.steps.composed import Composed
from mailbot.sync.steps.cost import Bill, postpone
from mailbot.sync.steps.deliver import Delivery
from mailbot.sync.steps.draft_note import DraftNotes
from mailbot.sync.steps.open_drafts import OpenDrafts
from mailbot.sync.steps.pool import in_order
from mailbot.sync.steps.rivals import Rivals
from mailbot.sync.steps.waiting import TriageRecord, Waiting
from mailbot.vault.draft import Draft
from mailbot.vault.source import Context

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


def draft_for(request: DraftRequest, models: Models | None, folder: Path) -> Draft:
    """The model's draft, or without a model an outline. `folder` is where prompts of the user's own lie. Acts on nothing;
    raises what the model's client raises."""
    if models is None:
        return outline(request)
    from mailbot.assistant.draft import by_model

    return by_model(request, models, folder)


@dataclass(frozen=True, slots=True)
class Storage:
    """Puts drafts where they belong: the note always, the server where the settings say so."""

    draft_notes: DraftNotes
    delivery: Delivery
    record: TriageRecord
    to_server: bool
    open_drafts: OpenDrafts
    rivals: Rivals

    def store(self, waiting: Waiting, draft: Draft, context: Context, *, asked: bool = False) -> None:
        """Draft note, then server draft. A draft that the server refuses is reported and waits; the note is there. Where another
        machine has made the note in the meantime, that is the draft. `asked`: the user wants it also beside another answer."""
        faster = None if asked else self.draft_notes.usual(waiting)
        try:
            path, message_id = faster or self.draft_notes.write(waiting, draft, context)
        except BadData as error:
            self.record.failed(waiting.row, str(error))
            return
        how = partial(self.delivery.adopt, stored=False) if faster else self.delivery.store
        self._deliver(waiting, path, message_id, how, alone=not asked)

    def adopt(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Store the drafts whose notes lie in the vault though the journal knows none: the run that wrote them was killed
        before it could say so, or the journal was lost. The model is not asked again. Returns the other mails."""
        left = []
        for each in waiting:
            try:
                found = self.draft_notes.on_disk(each)
                named = self.draft_notes.was_drafted(each.row)
            except BadData as error:
                self.record.failed(each.row, str(error))
                continue
            if found:
                self._deliver(each, *found, partial(self.delivery.adopt, stored=named), alone=not named)
            elif named:  # where that draft is now is the user's business; `mailbot draft` makes another
                self._done(each.row)
            else:
                left.append(each)
        return left

    def _deliver(
        self,
        waiting: Waiting,
        path: str,
        message_id: MessageId,
        how: Callable[[Composed], None],
        *,
        alone: bool,
    ) -> None:
        report, drafts = self.record.report, self.record.journal.drafts
        replaced = [w.row.id for w in self.open_drafts.beside([waiting]) if _replaces(waiting, w)]
        self.open_drafts.announce(replaced, path)
        try:
            composed = self.draft_notes.composed(waiting.row, waiting.mail, path, message_id)
            if self.to_server:
                how(composed)
                if alone:
                    self.rivals.give_way(waiting.row.id)
            else:
                self.delivery.keep_here(composed)
                self._only_noted(waiting, path)
            self.open_drafts.taking.make_way([drafts.of(mail_id)[-1] for mail_id in replaced])
            report.drafts.append(path)
        except TryAgain:
            raise
        except MailbotError as error:
            self.delivery.postpone(waiting.row.id, path, error)

    def _done(self, row: MailRow) -> None:
        """Nothing is drafted for a mail that had its draft before the journal was lost."""
        self.record.journal.mails.update(row.id, stage="done", disposition="reply", note_hash=row.note_hash)
        self.record.spool.drop_mail(row.sha256)

    def _only_noted(self, waiting: Waiting, path: str) -> None:
        """A draft that is only a note is finished where the mail's note names it."""
        row, link = waiting.row, f"[[{path.removesuffix('.md')}]]"
        note_hash = self.record.notes.change(row.note, row.note_hash, {"draft": link})
        self.record.journal.mails.update(row.id, stage="done", disposition="reply", note_hash=note_hash)
        self.record.spool.drop_mail(row.sha256)


def _replaces(newer: Waiting, older: Waiting) -> bool:
    """Whether the draft of a mail takes the place of that of an earlier one: of the same author, in the same thread."""
    authors = [w.mail.message.sender.key if w.mail.message.sender else "" for w in (newer, older)]
    return authors[0] == authors[1] and (older.row.date, older.row.id) < (newer.row.date, newer.row.id)


def within_budget(models: Models | None, wanting: Sequence[Waiting], bill: Bill) -> bool:
    """Whether a draft can be paid for. Where none can, the mails wait and the user is told, before anything is gathered that
    nobody will read."""
    try:
        if models:
            models.check()
    except BudgetSpent as error:
        bill.report.waiting += len(wanting)
        bill.report.remark(str(error))
        return False
    return True


def draft_all(
    wanting: Sequence[tuple[Waiting, DraftRequest]],
    ask: Callable[[DraftRequest], Draft],
    concurrency: int,
    storage: Storage,
    bill: Bill,
    progress: Progress,
    ends: float,
) -> None:
    """Draft each mail and store it. What fails for one mail is recorded and tried again by a later run. Raises MailbotError
    where the server, or the model as a whole, fails."""
    results = in_order(wanting, lambda each: ask(each[1]), concurrency, "draft", ends)
    for number, ((waiting, request), draft) in enumerate(results, 1):
        progress(f"{bill.account}: draft", number, len(wanting))
        if isinstance(draft, MailbotError):
            postpone(waiting.row, "draft", draft, storage.record.journal.mails, bill)
            continue
        bill.charge("draft", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
        storage.store(waiting, draft, request.context)
