"""Where the state of a vault lies: its journal, its index, its spool and its locks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailbot.config import state_folder
from mailbot.sync.memory.spool import Spool
from mailbot.vault.index_file import index_path


@dataclass(frozen=True, slots=True)
class State:
    """The state of one vault, below the user's state folder. Nothing is made by asking."""

    vault: Path

    @property
    def index(self) -> Path:
        return index_path(state_folder(), self.vault)

    @property
    def folder(self) -> Path:
        return self.index.parent

    @property
    def journal(self) -> Path:
        return self.folder / "journal.sqlite"

    def spool(self, account: str) -> Spool:
        """One for each account: two that get the same mail do not share what each still needs."""
        return Spool(self.folder / "spool" / account)
