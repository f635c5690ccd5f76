"""The notes of a vault, as its folders list them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SKIPPED_FOLDERS = frozenset({".obsidian", ".trash", ".git", ".stfolder", ".stversions", "node_modules"})


def walk(vault: Path, exclude: Iterable[str] = ()) -> Iterator[tuple[str, tuple[int, int]]]:
    """(path relative to the vault with `/`, (mtime in ns, octets)) of each note, in no order. Links that lead out are not
    followed; `exclude` names folders or notes relative to the vault."""
    excluded = {e.strip("/") for e in exclude}

    def folder(path: str, prefix: str) -> Iterator[tuple[str, tuple[int, int]]]:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                relative = prefix + name
                if name[0] == "." or relative in excluded:
                    continue
                try:
                    if name[-3:].lower() == ".md" and entry.is_file():
                        stat = entry.stat()
                        yield relative, (stat.st_mtime_ns, stat.st_size)
                    elif entry.is_dir(follow_symlinks=False) and name not in SKIPPED_FOLDERS:
                        yield from folder(entry.path, relative + "/")
                except OSError:
                    continue  # it went away during the walk: the next one sees it or does not

    yield from folder(str(vault), "")
