"""Files inside the vault: safe names, and no way out of the folder."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from pathlib import Path, PurePosixPath

from mailbot.errors import BadData
from mailbot.vault.stand_ins import visible

_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_RESERVED = {
    "con",
    "clock$",
    "prn",
    "aux",
    "nul",
    "conin$",
    "conout$",
    *(f"{d}{n}" for d in ("com", "lpt") for n in "0123456789¹²³"),
}
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f<>:\"/\\|?*#^\[\]%`{}]|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad]"
)
# Files that Obsidian or a plugin would open as its own: a stranger's must not become a note, a style or a script.
_ACTIVE = {".md", ".markdown", ".mdx", ".canvas", ".base", ".css", ".js", ".mjs", ".jsx", ".html", ".htm", ".hta", ".xhtml", ".xht", ".shtml", ".mht", ".svg",
           ".svgz", ".url", ".lnk", ".desktop", ".webloc"}  # fmt: skip
MAX_NAME_BYTES = 120
"""Well below the 255 of most file systems and the 143 of encrypted ones, with room for a suffix."""


def content_hash(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def inside(root: Path, relative: str) -> Path:
    """The path of `relative` below `root`.

    Raises BadData if it would lead out: absolute, with `..`, or through a link.
    """
    pure = PurePosixPath(relative)
    parts = pure.parts
    if not parts or pure.is_absolute() or ".." in parts or "\\" in relative:
        raise BadData(f"{relative}: not a path inside the vault")
    path = root.joinpath(*parts)
    try:
        if not _has_link(str(root), parts) or path.resolve().is_relative_to(root.resolve()):
            return path
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # links in a circle, a name that is too long or holds a NUL
        raise BadData(
            f"{relative}: cannot be opened ({type(error).__name__}); rename it or remove the link"
        ) from error
    raise BadData(f"{relative}: leads out of the vault {root} through a link; remove the link")


def _has_link(root: str, parts: tuple[str, ...]) -> bool:
    """Whether any step of a path below a folder is a symbolic link, as far as there is anything."""
    at = root
    for part in parts:
        at = f"{at}/{part}"
        try:
            if stat.S_ISLNK(os.lstat(at).st_mode):
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
    return False


def slug(text: str, limit: int = 60) -> str:
    """A subject as part of a file name: letters and digits of any script, joined by `-`."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text))
    return _fit("-".join(words), limit, 90) or "no-subject"


def safe_name(name: str) -> str:
    """A stranger's file name, fit for any file system and harmless in a vault.

    The last component only, Unicode NFC, no reserved device names, no leading or trailing dots, at most
    MAX_NAME_BYTES bytes with its extension kept. What Obsidian would open as its own gets `.txt` behind it.
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", visible(_BIDI.sub("_", name)).replace("\n", " ")))[
        -1
    ]
    base = re.sub(r"^[A-Za-z]:", "", base)
    base = re.sub(r"\s+", " ", _UNSAFE.sub("_", base)).strip(" .")
    stem, dot, extension = base.rpartition(".")
    if not dot or len(extension) > 12 or not stem:
        stem, extension = base, ""
    suffix = f".{extension}" if extension else ""
    if suffix.casefold() in _ACTIVE:
        suffix += ".txt"
    stem = _fit(stem, 100, MAX_NAME_BYTES - len(suffix.encode()))
    if not re.search(r"\w", stem):
        stem = "attachment"
    if re.split(r"[. ]", stem)[0].casefold() in _RESERVED:
        stem = f"_{stem}"
    return stem + suffix


def _fit(text: str, characters: int, octets: int) -> str:
    text = text[:characters]
    while len(text.encode()) > octets:
        text = text[:-1]
    return text.rstrip(" .-")


def unused(name: str, taken: set[str]) -> str:
    """`name`, or `name_2`, `name_3` … where `taken` (case-folded) has it; the result is added to `taken`."""
    stem, dot, extension = name.partition(".")
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{stem}_{number}{dot}{extension}"
    taken.add(candidate.casefold())
    return candidate
