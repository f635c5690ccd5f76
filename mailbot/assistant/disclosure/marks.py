"""What a note, a folder or a line says itself of who may read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from mailbot.assistant.disclosure.pieces import Piece
from mailbot.language.phrases import Phrases, lowered
from mailbot.settings import Disclosure
from mailbot.vault.entry import UNREADABLE
from mailbot.vault.note_row import Marks, NoteRow
from mailbot.vault.walk import lies_in, places
from mailbot.vault.whom import WORDS, plain

INTERNAL, CUSTOMERS, PUBLIC = WORDS
_TAGS = {
    "internal": INTERNAL,
    "intern": INTERNAL,
    "confidential": INTERNAL,
    "vertraulich": INTERNAL,
    "public": PUBLIC,
    **{f"audience/{word}": word for word in WORDS},
}
"""A tag `customers` alone says of most notes what they are about, and opens none."""
_CALLOUTS = {
    "internal": INTERNAL,
    "intern": INTERNAL,
    "private": INTERNAL,
    "confidential": INTERNAL,
    "customers": CUSTOMERS,
    "public": PUBLIC,
}
_INTERNAL = Phrases(r"{{vault.internal}}", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"(?<![\w-])audience[ \t]*::?[ \t]*(\[\[[^\[\]\n]+\]\]|[\w-]+)", re.IGNORECASE)
_TAG = re.compile(r"(?<![\w#/&\\])#([^\W\d_][\w/-]{0,99})")
_COMMENT = re.compile(r"%%.*?(?:%%|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)


def kept_back(note: NoteRow | Marks, rules: Disclosure) -> str:
    """Why a note goes into nobody's draft and to no server; empty if it may."""
    if note.audience == UNREADABLE:
        return "its properties cannot be read; correct them in the note"
    if note.private:
        return "it is private"
    if tag := next((t for t in rules.private_tags if _tagged(note.tags, t.lstrip("#").casefold())), ""):
        return f"its tag {tag.lstrip('#')} is private"
    if folder := next((f for f in rules.private_folders if lies_in(note.path, places([f]))), ""):
        return f"its folder {folder.strip('/')} is private"
    return ""


def audience_of(note: NoteRow, rules: Disclosure) -> frozenset[str]:
    """For whom a note is marked: words of `WORDS`, and names of people and organisations. Its property says so, else its tags,
    else its folder; `internal` counts wherever it stands."""
    said = frozenset(part for part in note.audience.split("|") if part)
    tags = frozenset(_TAGS[tag] for tag in note.tags if tag in _TAGS)
    folders = frozenset(
        word if (word := name.strip().casefold()) in WORDS else plain(name)
        for folder, named in rules.folders.items()
        if lies_in(note.path, places([folder]))
        for name in named
    )
    if INTERNAL in said | tags or (INTERNAL in folders and not said and not tags):
        return frozenset({INTERNAL})
    return said or tags or folders


def audience_in(piece: Piece) -> frozenset[str]:
    """The same of a piece, by itself and by what it stands under."""
    found: set[str] = set()
    if piece.callout in _CALLOUTS:
        found.add(_CALLOUTS[piece.callout])
    for text in (piece.text, *piece.under):
        found |= _said_in(text)
    for (
        text
    ) in piece.after:  # what follows a line that is internal is internal too; what is open opens only itself
        found |= _said_in(text) & {INTERNAL}
    return frozenset({INTERNAL}) if INTERNAL in found else frozenset(found)


@cache
def _said_in(text: str) -> frozenset[str]:
    found: set[str] = set()
    bare = re.sub(r"\*\*|__|==|[*_](?=\w)|(?<=\w)[*_]", "", text)
    if _INTERNAL.search(lowered(bare)):
        found.add(INTERNAL)
    for value in _FIELD.findall(bare):
        found.add(word if (word := value.casefold()) in WORDS else plain(value))
    found |= {_TAGS[tag.casefold()] for tag in _TAG.findall(text) if tag.casefold() in _TAGS}
    return frozenset(found)


def comments(body: str) -> Iterator[tuple[int, int]]:
    """The places of what a note hides from its own readers: Obsidian's `%%comments%%` and those of HTML."""
    if "%%" in body or "<!--" in body:
        for match in _COMMENT.finditer(body):
            yield match.span()


def _tagged(tags: frozenset[str], wanted: str) -> bool:
    """Whether a tag or one nested in it is there."""
    return any(tag == wanted or tag.startswith(f"{wanted}/") for tag in tags)
