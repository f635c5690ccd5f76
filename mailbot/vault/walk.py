"""The notes of a vault, as its folders list them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

SKIPPED_FOLDERS = frozenset({".obsidian", ".trash", ".git", ".stfolder", ".stversions", "node_modules"})


def places(named: Iterable[str]) -> frozenset[str]:
    """Folders and notes as a user names them, in the form that `lies_in` compares: neither case, nor the two spellings of an
    accent, nor slashes around them tell one from another. Where a rule keeps something back, near enough is meant."""
    return frozenset(_comparable(n.removeprefix("./").strip("/")) for n in named)


def lies_in(path: str, within: frozenset[str]) -> bool:
    """Whether a note is one of these places, or lies in one."""
    parts = _comparable(path).split("/") if within else []
    return any("/".join(parts[:n]) in within for n in range(1, len(parts) + 1))


def _comparable(path: str) -> str:
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def walk(vault: Path, exclude: Iterable[str] = ()) -> Iterator[tuple[str, tuple[int, int]]]:
    """(path relative to the vault with `/`, (mtime in ns, octets)) of each note, in no order. Symbolic links are not
    followed: they may lead out, or into a folder that is kept back. `exclude` names folders or notes relative to the vault."""
    excluded = places(exclude)
    for relative, entry in _files(str(vault), "", excluded):
        try:
            if relative[-3:].lower() == ".md":
                stat = entry.stat()
                yield relative, (stat.st_mtime_ns, stat.st_size)
        except OSError:
            continue  # it went away during the walk: the next one sees it or does not


def named(vault: Path, name: str) -> list[str]:
    """The paths of the files of this name, relative to the vault with `/`, sorted. The two spellings of an accent are one."""
    wanted = unicodedata.normalize("NFC", name)
    every = (relative for relative, _ in _files(str(vault), "", frozenset()))
    return sorted(p for p in every if unicodedata.normalize("NFC", p.rpartition("/")[2]) == wanted)


def _files(folder: str, prefix: str, excluded: frozenset[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            relative = prefix + name
            if name[0] == "." or (excluded and _comparable(relative) in excluded):
                continue
            try:
                if entry.is_file(follow_symlinks=False):
                    yield relative, entry
                elif entry.is_dir(follow_symlinks=False) and name not in SKIPPED_FOLDERS:
                    yield from _files(entry.path, relative + "/", excluded)
            except OSError:
                continue
