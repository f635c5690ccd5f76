"""Views for Obsidian: made where they are missing, never changed."""

from __future__ import annotations

from contextlib import suppress

from mailbot.settings import Settings
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.opening import check_vault
from mailbot.vault.bases import bases


def make_views(settings: Settings) -> list[str]:
    """Write the bases that are not there; returns their paths in the vault. Raises ConfigError if the vault is not there."""
    check_vault(settings.vault)
    notes, made = NoteFiles(settings.vault), []
    for path, text in bases(settings.email_folder).items():
        if not notes.exists(path):
            with suppress(FileExistsError):
                notes.create(path, text)
                made.append(path)
    notes.sweep()
    return made
