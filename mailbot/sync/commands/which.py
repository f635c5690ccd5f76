"""Which mail or draft a command means: by a path, a name or a Message-ID."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mailbot.errors import BadData
from mailbot.settings import Settings
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.mails import Mails
from mailbot.sync.memory.rows import DraftRow, MailRow
from mailbot.sync.session.note_files import NoteFiles


def mail_named(mails: Mails, settings: Settings, which: str) -> MailRow:
    """The mail of a note (its own or its draft's, by path or name) or of a Message-ID. Raises BadData if none is kept."""
    bare = which.strip()
    if re.fullmatch(r"<[^<>\s]+>", bare) or ("@" in bare and "/" not in bare and not bare.endswith(".md")):
        wanted = bare if bare.startswith("<") else f"<{bare}>"
        rows = mails.by_message_id(wanted)
        if not rows:
            raise BadData(
                f"no mail with the Message-ID {wanted} is kept; `mailbot fetch` keeps what is unread"
            )
        return rows[0]
    for path in _in_vault(settings, which):
        which = path
        if row := mails.by_note(path):
            return row
    which = re.sub(r"\.draft(?:-\d+)?(?:\.md)?$", "", which)  # the draft's own note, which the user looks at
    which = which.rpartition("/")[2] if f"{settings.email_folder}/Drafts/" in which else which
    name = which if which.endswith(".md") else f"{which}.md"
    if row := mails.by_note(name) or mails.named(name):
        return row
    raise BadData(
        f"{which}: no email note of that name is kept by mailbot; give its path inside the vault {settings.vault}"
    )


def draft_named(journal: Journal, settings: Settings, which: str) -> DraftRow:
    """The newest draft of a note (its own, or that of the mail, by path or name). Raises BadData if there is none."""
    bare = which.strip().removeprefix("[[").removesuffix("]]")
    names = [*_in_vault(settings, bare), bare, f"{settings.email_folder}/Drafts/{bare}"]
    for name in names:
        for path in (name, f"{name}.md", f"{name}.draft.md"):
            if draft := journal.drafts.of_note(path):
                return journal.drafts.of(draft.mail_id)[-1]
    if moved := _moved(journal, settings, names):
        return moved
    try:
        mail = mail_named(journal.mails, settings, bare)
    except BadData as error:
        raise BadData(
            f"{bare}: no draft note of that name is kept by mailbot, and no email note; give its path inside the vault {settings.vault}"
        ) from error
    if drafts := journal.drafts.of(mail.id):
        return drafts[-1]
    raise BadData(f"{mail.note}: it has no draft; `mailbot draft` makes one")


def _moved(journal: Journal, settings: Settings, names: Sequence[str]) -> DraftRow | None:
    """The draft of a note that was moved, or given another name, since the last run; from now on it is known there. Raises BadData for
    a copy of a note that is still where it was."""
    files = NoteFiles(settings.vault)
    for name in names:
        for path in (name, f"{name}.md"):
            try:
                id_ = str((files.properties(path) or {}).get("draft_message_id") or "")
            except BadData:  # it leads out of the vault
                continue
            every = (d for a in settings.accounts for d in journal.drafts.of_account(a.name) if id_)
            followed = next((d for d in every if d.message_id == id_), None)
            if followed and not files.exists(followed.note):
                journal.drafts.save(replace(followed, note=path))
                return journal.drafts.get(followed.id)
            if followed:
                raise BadData(
                    f"{path}: it is a copy of {followed.note}, and mailbot follows that one alone; copy its text over"
                )
    return None


def _in_vault(settings: Settings, which: str) -> list[str]:
    """A path on this machine as one in the vault, none if it leads elsewhere."""
    try:
        path = Path(which).expanduser()
    except RuntimeError:  # there is no such user: then it is a name like any other
        path = Path(which)
    found = []
    for candidate in (path, Path.cwd() / path):
        if candidate.is_absolute() and candidate.resolve().is_relative_to(settings.vault.resolve()):
            found.append(candidate.resolve().relative_to(settings.vault.resolve()).as_posix())
    return list(dict.fromkeys(found))
