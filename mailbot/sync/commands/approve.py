"""The user's word on drafts: approved, or discarded. The note says it first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailbot.errors import BadData, MailbotError
from mailbot.settings import Settings
from mailbot.sync.commands.which import draft_named
from mailbot.sync.decide.noted import checked, noted
from mailbot.sync.decide.sendable import LOST, lacking
from mailbot.sync.memory.journal import Journal, opened_journal
from mailbot.sync.memory.rows import OPEN, DraftRow
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.opening import check_vault, local_time, opened
from mailbot.sync.session.report import Report
from mailbot.sync.session.state import State
from mailbot.sync.steps import draft_wiring
from mailbot.sync.steps.compose import attached, with_files
from mailbot.vault import draft_life, read_draft
from mailbot.vault import note as notes

MEANWHILE = "{note}: it was changed in this very moment; look at it and approve it again"
Told = list[dict[str, str]]
"""note, status, and `error` where it could not be done."""


def approve(settings: Settings, which: Sequence[str], *, dry_run: bool = False) -> Told:
    """Approve drafts as their notes are now, by path or name. Raises BadData for one that is not there; what cannot be approved says
    why, and the others are."""
    check_vault(settings.vault)
    files = NoteFiles(settings.vault)
    with opened_journal(State(settings.vault).journal) as journal:
        drafts = [draft_named(journal, settings, each) for each in which]
        return [_told(draft, lambda d: _approved(d, journal, files, dry_run)) for draft in drafts]


def _approved(draft: DraftRow, journal: Journal, files: NoteFiles, dry_run: bool) -> str:
    _must_be_open(draft)
    if draft.status == "unknown":
        raise BadData(f"{draft.note}: what became of it is not clear: {draft.why}")
    if draft.status == "conflict":
        raise BadData(
            f"{draft.note}: it was edited on both sides; choose one with `resolve` in its properties first"
        )
    text, _ = files.must_read(draft.note)
    vault = files.vault
    said = checked(with_files(noted(read_draft.parse(text, draft.note)), vault), draft.note)
    if missing := lacking(said.text):
        raise BadData(f"{draft.note}: {missing}")
    attached(vault, draft.note, said.attach)
    if dry_run:
        return "approved"
    now = local_time()

    def changed(text: str) -> str:
        status = str(notes.read(text, draft.note).properties.get("status") or "").casefold()
        same = with_files(noted(read_draft.parse(text, draft.note)), vault).hash == said.hash
        if not same or status in ("sent", "answered", "superseded"):
            raise BadData(MEANWHILE.format(note=draft.note))
        text = notes.with_properties(text, {"status": "approved"})
        return draft_life.with_history(text, f"{now:%Y-%m-%d %H:%M}", "You approved it.")

    files.edit(draft.note, changed)
    # What waits for Drafts is approved by the run that puts it there, from the note.
    if draft.status != "intent" and not journal.drafts.approve(draft.id, said.hash, now):
        raise BadData(MEANWHILE.format(note=draft.note))
    return "approved"


def discard(settings: Settings, which: Sequence[str], *, dry_run: bool = False) -> Told:
    """Discard drafts, by path or name: their notes say so, and what is still ours leaves Drafts. Raises BadData for one that is not
    there; what cannot be discarded says why, and the others are."""
    check_vault(settings.vault)
    files = NoteFiles(settings.vault)
    with opened_journal(State(settings.vault).journal) as journal:
        drafts = [draft_named(journal, settings, each) for each in which]
        told = [_told(draft, lambda d: _discarded(d, files, dry_run)) for draft in drafts]
        accounts = {d.id: journal.mails.get(d.mail_id).account for d in drafts}
    for account in settings.accounts if not dry_run else ():
        ids = [i for i, name in accounts.items() if name == account.name]
        if not ids:
            continue
        report = Report(account.name)
        try:
            with opened(settings, account, report) as session:
                session.server.connect()
                draft_wiring.reconciler(session).notice(only=ids)
        except MailbotError as error:
            told.append(
                {
                    "note": "",
                    "status": "",
                    "error": f"{error}; the next `mailbot sync` takes it out of Drafts",
                }
            )
        told += [{"note": "", "status": "", "error": each} for each in report.failed]
    return told


def _discarded(draft: DraftRow, files: NoteFiles, dry_run: bool) -> str:
    _must_be_open(draft)
    if dry_run:
        return "discarded"
    files.edit(draft.note, lambda text: notes.with_properties(text, {"status": "discarded"}))
    return "discarded"


def _must_be_open(draft: DraftRow) -> None:
    if draft.sent_at and draft.status in ("unknown", "sending"):
        raise BadData(f"{draft.note}: it may have been sent already: ask whether it arrived; {LOST}")
    if draft.status == "discarded":
        raise BadData(
            f"{draft.note}: it was discarded; set `status: draft` in its properties to have it back"
        )
    if draft.status not in OPEN and draft.status != "intent":
        raise BadData(
            f"{draft.note}: it is already `{draft.status}`; `mailbot draft NOTE --again` makes another"
        )


def _told(draft: DraftRow, act: Callable[[DraftRow], str]) -> dict[str, str]:
    try:
        return {"note": draft.note, "status": act(draft), "error": ""}
    except BadData as error:
        return {"note": draft.note, "status": draft.status, "error": str(error)}
