"""What Obsidian knows on this machine: its list of vaults, and what a vault's notes show of their owner's ways."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mailbot.errors import BadData
from mailbot.regular_file import read_file
from mailbot.vault.walk import walk

LARGEST = 1_000_000
"""Octets of Obsidian's list."""
LOOKED_AT = 20_000
"""Notes of a vault."""
HEAD = 2048
"""Octets of a note: its properties."""
_TYPE = re.compile(rb"^type:[ \t]*[\"']?(people|person|email)[\"']?[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


def known_vaults(home: Path | None = None) -> list[Path]:
    """The vaults in Obsidian's own list (`obsidian.json`) that are there, the one opened last first. Empty without Obsidian."""
    found: dict[Path, float] = {}
    for file in _lists(home or Path.home()):
        try:
            vaults = json.loads(read_file(file, LARGEST)).get("vaults", {})
            for entry in vaults.values():
                path = Path(str(entry["path"]))
                if path.is_dir():
                    found[path] = max(found.get(path, 0.0), float(entry.get("ts") or 0))
        except (FileNotFoundError, BadData, ValueError, AttributeError, TypeError, KeyError, OSError):
            continue
    return sorted(found, key=lambda path: -found[path])


def _lists(home: Path) -> Iterator[Path]:
    """Where Obsidian keeps its list, on each platform and in each packaging."""
    name = "obsidian.json"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "obsidian" / name
    elif sys.platform == "win32":
        yield Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "obsidian" / name
    else:
        yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "obsidian" / name
        yield home / ".var" / "app" / "md.obsidian.Obsidian" / "config" / "obsidian" / name
        yield home / "snap" / "obsidian" / "current" / ".config" / "obsidian" / name


def folders_of(vault: Path) -> dict[str, str]:
    """`people` and `email` -> the folder of the vault where most notes of that type lie, by their properties; without those that
    there are none of."""
    counts: dict[str, Counter[str]] = {"people": Counter(), "email": Counter()}
    for number, (path, _) in enumerate(walk(vault)):
        if number >= LOOKED_AT:
            break
        try:
            head = read_file(vault / path, HEAD, head=True)
        except (OSError, BadData):
            continue
        if not head.startswith(b"---") or "/" not in path:
            continue
        if found := _TYPE.search(head[: max(0, head.find(b"\n---", 3)) + 1]):
            kind = "email" if found[1].lower() == b"email" else "people"
            if folder := _folder_of(PurePosixPath(path)):
                counts[kind][folder] += 1
    most = {kind: count.most_common(1)[0][0] for kind, count in counts.items() if count}
    return most if len(set(most.values())) == len(most) else {"people": most["people"]}


def _folder_of(path: PurePosixPath) -> str:
    """The folder that holds notes of a kind, for one of them: above the folder of a person (`Ana/README.md`), of a year or a month."""
    folder = path.parent
    if path.stem.casefold() in ("readme", "index", folder.name.casefold()):
        folder = folder.parent
    while folder.name.isdigit():
        folder = folder.parent
    return "" if str(folder) == "." else str(folder)
