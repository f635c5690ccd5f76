"""Draft one mail at the user's word, or draft it again: a new revision beside or in the place of the earlier one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mailbot.assistant.triage import Triage, detected
from mailbot.config import Settings
from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail import compose
from mailbot.mail.mailbox import Mailbox
from mailbot.mail.message import MessageId
from mailbot.mail.parse import parse
from mailbot.mail.reply import split
from mailbot.sync import deliver, notebook
from mailbot.sync.answer import Waiting, context_for, draft_for, planned_reply, written_draft
from mailbot.sync.journal import DraftRow, Journal, MailRow, now
from mailbot.sync.lock import locked
from mailbot.sync.pipeline import check_vault, model_of
from mailbot.sync.run import Options, Report, Run, login, vault_state
from mailbot.vault import draft_note
from mailbot.vault.files import content_hash
from mailbot.vault.index import Index, index_path


def redraft(settings: Settings, which: str, instruct: str = "") -> Report:
    """Draft the mail of a note (its path or name) or of a Message-ID, with an instruction if there is one.

    Raises BadData where no such mail is kept or its text can no longer be had, and MailbotError of server and model.
    """
    check_vault(settings.vault)
    state = vault_state(settings.vault)
    with Journal(state / "journal.sqlite") as journal:
        row = _find(journal, settings, which)
        account = next((a for a in settings.accounts if a.name == row.account), None)
        if account is None:
            raise BadData(f"{row.note}: its account {row.account!r} is no longer in accounts.yaml")
        report = Report(account.name)
        run = Run(settings, account, journal, state, Options(), report)
        with locked(state, account.name), Mailbox(login(account)) as server:
            deliver.settle(run, server)
            _redraft(run, server, row, instruct)
    return report


def _redraft(run: Run, server: Mailbox, row: MailRow, instruct: str) -> None:
    message = parse(_raw(run, server, row))
    reply = split(message)
    properties = notebook.properties(run.vault, row.note) or {}
    topics, people = (tuple(str(v) for v in properties.get(k) or ()) for k in ("topics", "people"))
    triage = Triage(
        "reply", "user", str(properties.get("reason") or "You asked for it"), str(properties.get("recipient_type") or ""),
        str(properties.get("urgency") or ""), str(properties.get("stakes") or ""), topics, people, detected(reply).asks,
    )  # fmt: skip
    waiting = Waiting(row, message, reply, triage)
    with Index(index_path(run.state.parent, run.vault), run.vault) as index:
        index.refresh(run.settings.exclude)
        context = context_for(run, index, waiting)
    with model_of(run.settings.llm) as model:
        draft = draft_for(run, waiting, context, model, instruct)
    if draft.tokens_in or draft.tokens_out:
        run.journal.spent(run.account.name, "draft", draft.model, draft.tokens_in, draft.tokens_out, now())
    earlier = run.journal.drafts(row.id)
    path = _free_path(run, row, earlier)
    note, message_id = written_draft(run, waiting, draft, context, path)
    found = notebook.read(run.vault, note)
    assert found is not None
    text = draft_note.parse(found[0], note).reply
    composed = compose.compose(planned_reply(run, message, reply, text, message_id))
    if run.settings.drafts.to_server:
        deliver.store(run, server, row.id, note, found[1], message_id, composed)
        _supersede(run, server, earlier)
    run.report.drafts.append(note)


def _free_path(run: Run, row: MailRow, earlier: Iterable[DraftRow]) -> str:
    """Where the new draft note goes: in the place of the last one where that is still as we wrote it, else beside it."""
    last = list(earlier)[-1:]
    stem = row.note.rpartition("/")[2].removesuffix(".md")
    folder = f"{run.settings.email_folder}/Drafts"
    path = last[0].note if last else f"{folder}/{stem}.draft.md"
    found = notebook.read(run.vault, path)
    if found is None or (last and found[1] == last[0].note_hash):
        return path
    number = 2
    while (run.vault / f"{folder}/{stem}.draft-{number}.md").exists():
        number += 1
    return f"{folder}/{stem}.draft-{number}.md"


def _supersede(run: Run, server: Mailbox, earlier: Iterable[DraftRow]) -> None:
    for old in earlier:
        if old.status != "draft":
            continue
        if old.uid and server.remove_draft(old.mailbox, old.uidvalidity, old.uid, old.sha256):
            run.journal.draft_status(old.id, "superseded")
        else:
            run.report.remarks.append(
                f"the earlier draft in {old.mailbox} was changed by you or moved; it is left there"
            )
            run.journal.draft_status(old.id, "edited")


def _find(journal: Journal, settings: Settings, which: str) -> MailRow:
    if re.fullmatch(r"<[^<>\s]+>", which.strip()) or (
        "@" in which and "/" not in which and not which.endswith(".md")
    ):
        wanted = which.strip() if which.strip().startswith("<") else f"<{which.strip()}>"
        rows = journal.by_message_id(wanted)
        if not rows:
            raise BadData(
                f"no mail with the Message-ID {wanted} is kept; `mailbot fetch` keeps what is unread"
            )
        return rows[0]
    path = Path(which).expanduser()
    for candidate in (path, Path.cwd() / path):
        if candidate.is_absolute() and candidate.resolve().is_relative_to(settings.vault.resolve()):
            which = candidate.resolve().relative_to(settings.vault.resolve()).as_posix()
            if row := journal.by_note(which):
                return row
    name = which if which.endswith(".md") else f"{which}.md"
    if row := journal.by_note(name) or journal.named(name):
        return row
    raise BadData(
        f"{which}: no email note of that name is kept by mailbot; give its path inside the vault {settings.vault}"
    )


def _raw(run: Run, server: Mailbox, row: MailRow) -> bytes:
    """The mail as it came: from the spool, or from where it lies on the server. Never guessed from the note."""
    spooled = run.spool / f"{row.sha256}.eml"
    if spooled.exists():
        return spooled.read_bytes()
    for mailbox, uidvalidity, uid in run.journal.locations(row.id):
        try:
            if server.examine(mailbox).uidvalidity != uidvalidity:
                continue
        except ServerUnavailable:
            continue
        for _, raw in server.bodies(server.listings([uid])):
            if content_hash(raw) == row.sha256:
                return raw
    if row.message_id:
        for mailbox in run.account.mailboxes:
            for uid in server.with_message_id(mailbox, MessageId(row.message_id)):
                for _, raw in server.bodies(server.listings([uid])):
                    if content_hash(raw) == row.sha256:
                        return raw
    raise BadData(
        f"{row.note}: the mail is no longer in {', '.join(run.account.mailboxes)}; move it back there to have it drafted"
    )
