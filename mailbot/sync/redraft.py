"""Draft one mail at the user's word, or draft it again: a new revision beside or in the place of the earlier one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from mailbot.errors import BadData, MailbotError
from mailbot.mail.mime.parse import parse
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.text.split import split
from mailbot.settings import Settings
from mailbot.sync import asking, deliver, notebook
from mailbot.sync.answer import context_for, draft_for, searching, store_draft
from mailbot.sync.journal import Journal, MailRow
from mailbot.sync.learning import styles
from mailbot.sync.lock import locked
from mailbot.sync.pipeline import check_vault, models_of, spent_today
from mailbot.sync.raw import raw_mail
from mailbot.sync.run import Options, Report, Run, login, vault_state
from mailbot.sync.sent import remember_sent
from mailbot.sync.triage import wants_reply
from mailbot.sync.waiting import Waiting, earlier_revisions, remembered


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
        with locked(state, account.name), ImapAccount(login(account)) as server:
            deliver.settle(run, server)
            _redraft(run, server, row, instruct)
    return report


def _redraft(run: Run, server: ImapAccount, row: MailRow, instruct: str) -> None:
    message = parse(raw_mail(run, server, row))
    waiting = Waiting(row, message, split(message))
    written = remembered(run, waiting, notebook.properties(run.vault, row.note) or {})
    triage = replace(
        written, disposition="reply", decided_by="user", reason=written.reason or "You asked for it"
    )
    waiting = replace(waiting, triage=triage)
    remember_sent(run, server)
    with searching(run) as (index, vectors):
        context = context_for(run, index, waiting, vectors)
    if instruct and run.settings.llm is None:
        run.report.remarks.append("no model is configured (llm): an outline cannot follow an instruction")
    with models_of(run.settings.llm, spent_today(run)) as models:
        before = earlier_revisions(run, waiting)
        try:
            draft = draft_for(
                run,
                waiting,
                context,
                models,
                instruct=instruct,
                style=styles(run, server, [waiting]).get(row.id, "") if models else "",
                earlier=before[0][1] if before else "",
            )
        except MailbotError as error:
            asking.lost(run, "draft", error)
            raise
    asking.spent(run, "draft", draft.model, draft.tokens_in, draft.tokens_out, draft.cost)
    # Its note says so too: else the next run would read the old disposition there as the user's second thought.
    store_draft(run, server, wants_reply(run, waiting, triage), draft, context)


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
    which = re.sub(r"\.draft(?:-\d+)?(?:\.md)?$", "", which)  # the draft's own note, which the user looks at
    which = which.rpartition("/")[2] if f"{settings.email_folder}/Drafts/" in which else which
    name = which if which.endswith(".md") else f"{which}.md"
    if row := journal.by_note(name) or journal.named(name):
        return row
    raise BadData(
        f"{which}: no email note of that name is kept by mailbot; give its path inside the vault {settings.vault}"
    )
