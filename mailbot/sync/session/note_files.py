"""The notes of a vault, as files: durable writes, and never over what the user wrote."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailbot.effect import Effect
from mailbot.errors import BadData
from mailbot.vault import durable, exchange, unfinished
from mailbot.vault import note as notes
from mailbot.vault.beneath import Disk, beneath, disk_of, read_beneath
from mailbot.vault.files import content_hash, inside
from mailbot.vault.note import Properties
from mailbot.vault.read_back import identity_in

if TYPE_CHECKING:
    from mailbot.vault.email_note import EmailNote

_ONLY_HERE = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
TURNS = 50
"""How often a change is made anew from what the user has saved meanwhile."""
AT_ONCE = 150
"""New files that are made durable together."""
EMPTY = 20
"""How often an empty note is taken for one that is being saved; after that the user has it so."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An email note that is durable: its path, its hash, whether it was `adopted` as an earlier run had left it, and else its
    time of change (ns) and size."""

    path: str
    hash: str
    adopted: bool = False
    stamp: tuple[int, int] = (0, 0)


Outcome = Kept | None | BadData | OSError


@dataclass(frozen=True, slots=True)
class NoteFiles:
    """A vault's folder. Paths are relative to it; one that leads out of it raises BadData. A hash is of a note's bytes: it
    tells later whether the user has changed them. Raises OSError if the disk fails."""

    vault: Path
    disk: Disk | None = None
    """Which folder it was when this was made: what has its name later, where a disk was unmounted, is not written to."""

    def __post_init__(self) -> None:
        if self.disk is None:
            object.__setattr__(self, "disk", disk_of(self.vault))

    def keep_all(self, emails: Sequence[EmailNote], sha256s: Sequence[str], account: str) -> list[Outcome]:
        """Write new email notes and their attachments, attachments first; durable when this returns. If the note of a very mail is
        there already, from a run that was killed before it could say so, it is adopted as it is. None where another mail's note
        has the name; BadData for one that cannot be written there, OSError where the disk fails."""
        found: dict[int, Outcome] = {}
        files: list[tuple[int, str, bytes]] = []
        for number, (email, sha256) in enumerate(zip(emails, sha256s, strict=True)):
            try:
                if self.exists(email.path):
                    found[number] = self.adopted(email.path, sha256, account)
                else:
                    # An attachment that is there is whole: it is of an earlier run, and the user may have changed it since.
                    files += [(number, p, c) for p, c in email.files.items() if not self.exists(p)]
            except (BadData, OSError) as error:
                found[number] = error
        files = [each for each in files if each[0] not in found]
        made = self._create_all([(path, content) for _, path, content in files])
        for (number, _, _), each in zip(files, made, strict=True):
            if isinstance(each, Exception) and not isinstance(each, FileExistsError):
                found[number] = each
        new = [n for n in range(len(emails)) if n not in found]
        texts = [emails[n].text.encode("utf-8", "replace") for n in new]
        made = self._create_all([(emails[n].path, text) for n, text in zip(new, texts, strict=True)])
        for number, text, each in zip(new, texts, made, strict=True):
            path = emails[number].path
            if isinstance(each, FileExistsError):
                found[number] = self.adopted(path, sha256s[number], account)
            elif isinstance(each, (OSError, BadData)):
                found[number] = each
            else:
                found[number] = Kept(path, content_hash(text), stamp=(each.st_mtime_ns, each.st_size))
        return [found[number] for number in range(len(emails))]

    def _create_all(self, files: Sequence[tuple[str, bytes]]) -> list[os.stat_result | OSError | BadData]:
        """Each new file, or why there is none: BadData where that lies with its path alone. Every file that is made at once holds two
        descriptors, and a process has about a thousand."""
        if len(files) > AT_ONCE:
            parts = (files[start : start + AT_ONCE] for start in range(0, len(files), AT_ONCE))
            return [each for part in parts for each in self._create_all(part)]
        with ExitStack() as stack:
            paths: list[Path | BadData | OSError] = []
            for path, _ in files:
                try:
                    paths.append(stack.enter_context(self._place(path, make=True)))
                except (BadData, OSError) as error:
                    paths.append(error)
            there = [(p, data) for p, (_, data) in zip(paths, files, strict=True) if isinstance(p, Path)]
            made = iter(durable.create_all(there, self.scratch))
        found: list[os.stat_result | OSError | BadData] = []
        for place, (name, _) in zip(paths, files, strict=True):
            try:
                each = place if isinstance(place, BadData | OSError) else next(made)
                if isinstance(each, BadData):
                    raise each
                if isinstance(each, OSError):
                    each.filename = str(self.vault / name)
                    with self._explained(name):
                        raise each
                found.append(each)
            except (OSError, BadData) as error:
                found.append(error)
        return found

    def adopted(self, path: str, sha256: str, account: str) -> Kept | None:
        """A note that is there, if it is the one of the mail of this hash in this account."""
        try:
            found = self.read(path)
        except BadData:
            return None
        if found is None:
            return None
        identity = identity_in(found[0])
        ours = (identity.sha256, identity.account) == (sha256, account)
        return Kept(path, found[1], adopted=True) if ours else None

    def create(self, path: str, text: str) -> str:
        """Write a note that is not there yet; returns its hash. Raises FileExistsError if it is there after all."""
        data = text.encode("utf-8", "replace")
        with self._explained(path), self._place(path, make=True) as place:
            durable.create(place, data, self.scratch)
        return content_hash(data)

    def replace(self, path: str, before: str, text: str) -> str | None:
        """Write a note anew that is still as its hash `before` says; returns its new hash. None, and the note as it is, if
        somebody has saved it meanwhile."""
        data = text.encode("utf-8", "replace")
        with self._explained(path), self._place(self._without_links(path)) as place:
            done = exchange.replace(place, lambda old: content_hash(old) == before, data, self.scratch)
        return content_hash(data) if done else None

    def edit(self, path: str, change: Callable[[str], str]) -> tuple[str, str]:
        """Change a note's text; returns its hash before and after. A save of the user's that comes between is kept, and the
        change is made anew from it. Raises BadData if the note is gone, is no UTF-8, or is being saved all the time."""
        for turn in range(TURNS):
            found = self.read(path)
            text = self.editable(path)
            if found is None or found[0] != text or (not text and turn < EMPTY):
                time.sleep(0.001 * turn)
                continue  # saved between two looks, or an editor has emptied it and has not written yet
            changed = change(text)
            if changed == text:
                return found[1], found[1]
            if written := self.replace(path, found[1], changed):
                return found[1], written
            time.sleep(0.001 * turn)
        raise BadData(f"{path}: it is being saved all the time; a later run will update it")

    def exists(self, path: str) -> bool:
        """Whether anything lies there, also what cannot be read."""
        try:
            with self._place(path) as place:
                return os.path.lexists(place)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def read(self, path: str) -> tuple[str, str] | None:
        """(text, hash) of a note, None if the user has removed it. Raises BadData if what lies there is no note."""
        try:
            data = read_beneath(self.vault, path, disk=self.disk)
        except FileNotFoundError:
            return None
        return data.decode("utf-8", "replace"), content_hash(data)

    def must_read(self, path: str) -> tuple[str, str]:
        """The same. Raises BadData if it is gone."""
        found = self.read(path)
        if found is None:
            raise BadData(f"{path}: the note is gone")
        return found

    def head(self, path: str, octets: int) -> bytes:
        """The first octets of a note, none if it cannot be read."""
        try:
            return read_beneath(self.vault, path, octets, head=True, disk=self.disk)
        except (OSError, BadData):
            return b""

    def editable(self, path: str) -> str:
        """The text of a note that is to be written back changed. Raises BadData if it is gone or no UTF-8: what cannot be
        read whole cannot be written back whole."""
        try:
            return read_beneath(self.vault, path, disk=self.disk).decode("utf-8")
        except FileNotFoundError as error:
            raise BadData(f"{path}: the note is gone") from error
        except UnicodeDecodeError as error:
            raise BadData(
                f"{path}: it is not UTF-8; save it as UTF-8 so that mailbot can update it"
            ) from error

    def sweep(self) -> None:
        """Take away what killed runs have left unfinished, and the folder for it if it is empty."""
        if self.scratch.is_dir() and not self.scratch.is_symlink():
            unfinished.sweep(self.scratch)
            with suppress(OSError), Effect.FILE_REMOVED:
                self.scratch.rmdir()

    @contextmanager
    def _place(self, path: str, *, make: bool = False) -> Iterator[Path]:
        """Where a note lies, good inside the block; an error names it as the user does."""
        try:
            with beneath(self.vault, path, make=make, disk=self.disk) as place:
                yield place
        except OSError as error:
            error.filename, error.filename2 = str(self.vault / path), None
            raise

    def _without_links(self, path: str) -> str:
        """A path as it is where its last name is a link to another note: what that names is to change, not the link."""
        if not inside(self.vault, path).is_symlink():
            return path
        return str((self.vault / path).resolve().relative_to(self.vault.resolve()))

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """What lies with one path alone becomes BadData, so that it costs one mail; a failing disk stays an OSError."""
        try:
            yield
        except OSError as error:
            only_here = error.errno in _ONLY_HERE or (
                error.errno in (errno.EACCES, errno.EPERM) and os.access(self.vault, os.W_OK)
            )
            if not only_here or isinstance(error, FileExistsError):
                raise
            raise BadData(f"{path}: cannot be written ({error.strerror}); check its folder") from error

    @property
    def scratch(self) -> Path:
        """Where unfinished files lie: in the vault, since only there a rename is one step."""
        return self.vault / ".mailbot"

    def properties(self, path: str) -> Properties | None:
        """The properties of a note as they are now, None if it is gone or they are broken."""
        try:
            found = self.read(path)
            return notes.read(found[0], path).properties if found else None
        except BadData:
            return None

    def change(self, path: str, last_written: str, changes: Mapping[str, Any]) -> str:
        """Set owned properties of a note and touch nothing else of it.

        Returns the hash to remember: the new one where the note was still ours, else the old one, so that a note which the
        user edited stays known as edited. A note that is gone, or that cannot be read or changed, is left alone.
        """

        def changed(text: str) -> str:
            properties = notes.read(text, path).properties
            if all(properties.get(key) == value for key, value in changes.items()):
                return text
            return notes.with_properties(text, changes)

        try:
            before, after = self.edit(path, changed)
        except BadData:
            return last_written
        return after if before == last_written else last_written
