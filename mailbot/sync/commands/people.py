"""What the vault knows of people: list them, show one, say why somebody has no note, make one of two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailbot.errors import BadData, TryAgain
from mailbot.mail.message import Address
from mailbot.settings import Settings
from mailbot.sync.decide.correspondent import why_nobody
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.search import opened_index
from mailbot.sync.session.state import State
from mailbot.vault import people
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.note import with_properties
from mailbot.vault.note_row import NoteRow
from mailbot.vault.walk import lies_in, places


@dataclass(frozen=True, slots=True)
class Person:
    """A person note: its path, whom it is of, and since when and how mailbot knows of them."""

    note: str
    name: str
    emails: tuple[str, ...]
    aliases: tuple[str, ...]
    last_contact: str
    auto_created: bool
    needs_review: bool


def everybody(settings: Settings) -> list[Person]:
    """Every person note of the vault, by name. Raises what opening the index raises."""
    with opened_index(settings) as index:
        return sorted(
            (_person(settings.vault, index, row) for row in index.people()), key=lambda p: p.name.casefold()
        )


def find(settings: Settings, who: str) -> tuple[Person | None, str]:
    """(the person of an address, a name or a note's path, why there is none)."""
    with opened_index(settings) as index:
        row = _row(index, who)
        if row:
            return _person(settings.vault, index, row), ""
        return None, _why_none(settings, index, who)


def merge(settings: Settings, stays: str, goes: str, *, dry_run: bool = False) -> tuple[str, str]:
    """Make one note of two people who are one: all that `goes` knows is put into `stays`, its name becomes an alias, and where
    it was a line leads on. Returns both paths. Raises BadData if one is not found, is not clear, or cannot be read."""
    notes = NoteFiles(settings.vault)
    with opened_index(settings) as index:
        rows = []
        for who in (stays, goes):
            row = _row(index, who)
            if row is None:
                raise BadData(
                    f"{who}: {_why_none(settings, index, who)}; name it by its path inside the vault"
                )
            rows.append(row)
        kept, gone = rows
        if kept.id == gone.id:
            raise BadData(f"{stays} and {goes} are already the same note: {kept.path}")
        link = f"[[{gone.path.removesuffix('.md')}]]"
        (_, kept_hash), (_, gone_hash) = notes.must_read(kept.path), notes.must_read(gone.path)
        text = people.merged(notes.editable(kept.path), notes.editable(gone.path), link, gone.title)
        kept_back = places(settings.disclosure.private_folders)
        if lies_in(gone.path, kept_back) and not lies_in(kept.path, kept_back):
            text = with_properties(text, {"private": True})  # what was kept back by its folder stays so
        if not dry_run:
            onward = people.stub(f"[[{kept.path.removesuffix('.md')}]]", gone.title)
            for path, before, after in ((kept.path, kept_hash, text), (gone.path, gone_hash, onward)):
                if not notes.replace(path, before, after):
                    raise TryAgain(f"{path}: it was saved just now; nothing of it is lost; merge them again")
            refresh(index, settings.exclude)
        return kept.path, gone.path


def _row(index: Index, who: str) -> NoteRow | None:
    """The one person note that is meant."""
    path = who if who.endswith(".md") else f"{who}.md"
    named = index.at(path) or index.at(f"{who.rstrip('/')}/README.md")
    if named and named.person:
        return named
    rows = index.with_address(who) if "@" in who else index.with_name(who)
    if (
        len(rows) > 1
    ):  # an alias of somebody else, perhaps from a merge that was cut off, is less than a title
        rows = [row for row in rows if row.title.casefold() == who.casefold()]
    return rows[0] if len(rows) == 1 else None


def _why_none(settings: Settings, index: Index, who: str) -> str:
    if "@" not in who:
        several = index.with_name(who)
        if several:
            return f"{len(several)} person notes have that name: {', '.join(r.path for r in several)}"
        return "no person note has that name or alias"
    address = Address("Some One", who.strip("<> "))
    if address.key in settings.own_addresses:
        return "it is your own address"
    if several := index.with_address(address.email):
        return f"{len(several)} person notes carry that address: {', '.join(r.path for r in several)}"
    if reason := why_nobody(address):
        return reason
    memory = State(settings.vault).journal
    if memory.exists():
        with opened_journal(memory) as journal:
            if journal.sent.written_to(address.key):
                return "you have exchanged mail with them; their next mail will create the note"
    return (
        "you have never written to that address; a note is made only for people you have exchanged mail with"
    )


def _person(vault: Path, index: Index, row: NoteRow) -> Person:
    properties = NoteFiles(vault).properties(row.path) or {}
    names = [n for n in index.names_of(row.id) if n != row.title.casefold()]
    return Person(
        row.path,
        row.title,
        tuple(sorted(index.emails_of(row.id))),
        tuple(sorted(names)),
        str(properties.get("last_contact") or ""),
        row.auto_created,
        "needs-review" in row.tags,
    )
