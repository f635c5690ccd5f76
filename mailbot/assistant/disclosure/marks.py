"""What a note, a folder or a line says itself of who may read it."""

from __future__ import annotations

import re
from functools import cache

from mailbot.assistant.disclosure.pieces import Piece
from mailbot.language.phrases import Phrases, lowered
from mailbot.settings import Disclosure
from mailbot.vault.entry import UNREADABLE
from mailbot.vault.note_row import Marks, NoteRow
from mailbot.vault.walk import lies_in, places
from mailbot.vault.whom import WORDS, audience_word

INTERNAL, CUSTOMERS, PUBLIC = WORDS
_INTERNAL = Phrases(r"{{vault.internal}}", re.IGNORECASE | re.MULTILINE)
_WORD = Phrases(r"{{vault.internal_word}}")
_AT_START = Phrases(
    r"^[\s>*+\-\d.)|]*[*_=(\[!]{0,3}(?:{{vault.internal_word}})(?:[*_=)\]]{1,3}|\s*[:：!|]|\s+[-–—]|\s*$)",
    re.MULTILINE,
)
"""`Internal: ...`, `**intern** ...`, `(internal) ...`, `INTERN - ...`, or the word alone, at the start of a line."""
_HEADING_WORDS = 6
"""Of a heading or title that an internal word makes internal."""
_FIELD = re.compile(r"(?<![\w-])audience[ \t]*::[ \t]*(\[\[[^\[\]\n]+\]\]|[\w-]+)", re.IGNORECASE)
_TAG = re.compile(r"(?<![\w#/&\\])#([^\W\d_][\w/-]{0,99})")
_COMMENT = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|(%%.*?(?:%%|\Z)|<!--.*?(?:-->|\Z))", re.DOTALL
)
"""Comments; in code the marks are code."""


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
    """For whom a note is marked: words of `WORDS`, and names of people and organisations. Its properties say so, else its folder
    in the settings; `internal` counts wherever it stands: in a tag, in the title, in a folder's name."""
    said = frozenset(part for part in note.audience.split("|") if part)
    folders = frozenset(
        audience_word(name) or name
        for folder, named in rules.folders.items()
        if lies_in(note.path, places([folder]))
        for name in named
    )
    *above, _ = note.path.split("/")
    internal = (
        any(_is_internal_tag(tag) for tag in note.tags)
        or any(_WORD.match(lowered(f)) and len(f.split()) == 1 for f in above)
        or _is_internal_heading(note.title)
    )
    if INTERNAL in said or internal or (INTERNAL in folders and not said):
        return frozenset({INTERNAL})
    return said or folders


def audience_in(piece: Piece) -> frozenset[str]:
    """The same of a piece, by itself and by what it stands under."""
    found: set[str] = set(_callout_says(piece.callout))
    if any(_is_internal_heading(h) for h in piece.heading):
        found.add(INTERNAL)
    for text in (piece.text, *piece.under):
        found |= _said_in(text)
    for (
        text
    ) in piece.after:  # what follows a line that is internal is internal too; what is open opens only itself
        found |= _said_in(text) & {INTERNAL}
    return frozenset({INTERNAL}) if INTERNAL in found else frozenset(found)


def _callout_says(callout: str) -> set[str]:
    first = re.split(r"[-_]", callout)[0]
    word = audience_word(first) if first else ""
    return {word} if word else set()


def _is_internal_tag(tag: str) -> bool:
    first, _, rest = tag.partition("/")
    if first == "audience":
        return audience_word(rest) == INTERNAL
    return bool(_WORD.match(lowered(re.split(r"[-_]", first)[0])))


def begins_internal(text: str) -> bool:
    """Whether a line of a text begins by saying that it is internal."""
    return bool(_AT_START.search(lowered(text)))


@cache
def _is_internal_heading(heading: str) -> bool:
    return len(heading.split()) <= _HEADING_WORDS and bool(_WORD.search(lowered(heading)))


@cache
def _said_in(text: str) -> frozenset[str]:
    found: set[str] = set()
    bare = re.sub(r"\*\*|__|==|[*_](?=\w)|(?<=\w)[*_]", "", text)
    if _INTERNAL.search(lowered(bare)) or _AT_START.search(lowered(text)):
        found.add(INTERNAL)
    for value in _FIELD.findall(bare):
        found.add(audience_word(value) or value)
    for tag in _TAG.findall(text):
        if _is_internal_tag(tag.casefold()):
            found.add(INTERNAL)
        elif tag.casefold() == PUBLIC or tag.casefold().startswith("audience/"):
            found.add(audience_word(tag.rpartition("/")[2]) or tag.rpartition("/")[2])
    return frozenset(found)


def without_comments(body: str) -> str:
    """A body in which blanks stand for what the note hides from its own readers: Obsidian's `%%comments%%` and those of HTML.
    Every other character stays in its place."""
    if "%%" not in body and "<!--" not in body:
        return body
    return _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[1] else m[0], body)


def _tagged(tags: frozenset[str], wanted: str) -> bool:
    """Whether a tag or one nested in it is there."""
    return any(tag == wanted or tag.startswith(f"{wanted}/") for tag in tags)
