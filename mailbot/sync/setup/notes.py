"""The vault, and the folders in it for mail and people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailbot.errors import ConfigError
from mailbot.settings.kinds import vault_folder
from mailbot.sync.setup.person import Person, given
from mailbot.vault.obsidian import folders_of, known_vaults


@dataclass(frozen=True, slots=True)
class Notes:
    """Where notes are kept."""

    vault: Path
    """Made with the settings, if it is not there yet."""
    email_folder: str = "Email"
    people_folder: str = "People"


def ask_notes(person: Person) -> Notes:
    """Ask for the vault; Obsidian's own are offered. A folder that is not there is made if the user says so."""
    vault = person.ask("vault", "", _maybe, "")
    if vault is None:
        known = known_vaults()[:8]
        ways = [(str(n), str(path)) for n, path in enumerate(known, 1)]
        if known:
            ways.append(("other", "another folder"))
            word = person.choose("vault", "Which vault?", ways, "1")
            vault = known[int(word) - 1] if word != "other" else None
    if vault is None:
        vault = person.ask("vault", "The folder of your notes", _path, "~/Notes" if person.there() else None)
    while not vault.is_dir() and not person.agrees(
        "make-vault", f"{vault} is not there. Make it?", default=person.there()
    ):
        if not person.there():
            raise ConfigError(f"--vault: {vault} is not there; make it, or add `--make-vault yes`")
        vault = person.ask("vault-again", "The folder of your notes", _path)
    there = folders_of(vault) if vault.is_dir() else {}
    if "people" in there:
        person.say(f"Your notes about people seem to be in {there['people']}.")
    people = person.ask(
        "people-folder",
        "Folder for people",
        vault_folder,
        there.get("people", "People"),
    )
    email = person.ask("email-folder", "Folder for mail", vault_folder, there.get("email", "Email"))
    return Notes(vault, email, people)


def _path(text: str) -> Path:
    path = Path(given(text)).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file; write a folder")
    return path.absolute()


def _maybe(text: str) -> Path | None:
    return _path(text) if text else None
