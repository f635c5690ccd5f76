"""A note's text -> what the index keeps of it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.note import Note
from mailbot.vault.read_back import identity_in, party

UNREADABLE = "unreadable"
"""The audience of a note whose properties cannot be read: nobody, until they are corrected."""
PERSON_TYPES = frozenset({"people", "person"})
UNSEARCHED = frozenset({"email-draft", "backtest", "style"})
"""Types of notes that are known and not searched: they repeat, or are about, what others say."""
_DESCRIBING = ("role", "company", "project", "people", "topics", "from", "to", "subject")
_LINK = re.compile(r"\[\[([^\[\]|#^\n]{1,300})")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a note.

    `names` are other words it may be found by; `emails` and `called` (case-folded) whom a person note is of; `parties` the
    addresses that a mail was from or to; `about` the people whom any other note is about, as targets with `|` between; `links` the targets of its
    wikilinks; `draft` the user's standing word on answers to a person (`never`, `always` or empty).
    """

    title: str
    names: str
    body: str
    type: str = ""
    date: str = ""
    message_id: str = ""
    thread: str = ""
    private: bool = False
    audience: str = ""
    tags: tuple[str, ...] = ()
    auto_created: bool = False
    draft: str = ""
    about: str = ""
    person: bool = False
    emails: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    instant: str = ""
    """The moment of `date`: ISO, UTC, sortable as text; empty where `date` is none."""
    merged_into: str = ""
    """The person note that took this one's place, as a wikilink's target."""
    sha256: str = ""
    """The hash of the mail that an email note was made from."""


def entry(path: str, text: str) -> Entry:
    """What is kept of the note at `path` (relative to the vault). Broken properties must not hide a note from a search:
    then the whole text is its body, and it is taken for private, since nothing says that it is not."""
    try:
        return _entry(path, text)
    except (ValueError, ArithmeticError, RecursionError):  # a number or a date that cannot be written as text
        at = PurePosixPath(path)
        return Entry(_title(at, {}), at.stem, text, private=True, audience=UNREADABLE)


def _entry(path: str, text: str) -> Entry:
    at = PurePosixPath(path)
    unreadable = Entry(
        _title(at, {}), at.stem, text, private=True, audience=UNREADABLE, sha256=identity_in(text).sha256
    )
    try:
        parsed = notes.read(text, path)
        body = parsed.body
        properties = _caseless(parsed.properties)
    except BadData:
        return unreadable
    if not properties and re.match(r"\ufeff?---[ \t]*\r?\n\s*\w[\w -]*:", text):
        return unreadable  # properties that were begun and never ended
    return _described(at, properties, body)


def entry_of(path: str, note: Note) -> Entry:
    """The same for a note that was just written and need not be read."""
    return _described(PurePosixPath(path), _caseless(note.properties), note.body)


def _caseless(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Obsidian takes `Private` and `private` for one; where both stand, the one that says something."""
    found: dict[str, Any] = {}
    for key, value in properties.items():
        found[key.casefold()] = value or found.get(key.casefold())
    return found


def _described(at: PurePosixPath, properties: dict[str, Any], body: str) -> Entry:
    title = _title(at, properties)
    aliases = [*strings(properties.get("aliases")), *strings(properties.get("alias"))]
    tagged = [*strings(properties.get("tags")), *strings(properties.get("tag"))]
    own_tags = {t.lstrip("#").casefold() for t in tagged}
    # In code too: a tag may keep a note back, and one too many does no harm.
    tags = tuple(
        dict.fromkeys((*own_tags, *(t.casefold() for t in _tags_in(body)))) if "#" in body else own_tags
    )
    kind = next((k.lstrip("#").casefold() for k in strings(properties.get("type"))), "")
    described = [str(properties[k]) for k in _DESCRIBING if properties.get(k)]
    merged_into = target(str(properties.get("merged_into") or "").strip("[]"))
    person = not merged_into and (
        kind in PERSON_TYPES
        or not PERSON_TYPES.isdisjoint(own_tags)
        or (not kind and _is_place_of_a_person(at))
    )
    emails = [
        found.casefold()
        for key in ("email", "emails", "e-mail", "mail")
        for written in _whole(properties.get(key))
        for found in _ADDRESS.findall(written)
    ]
    links = dict.fromkeys(target(m[1]) for m in _LINK.finditer(body))
    return Entry(
        title=title,
        names=" ".join([at.stem, *aliases, *tags, *described]),
        body=body,
        type=kind,
        date=str(properties.get("date") or ""),
        message_id=str(properties.get("message_id") or ""),
        thread=str(properties.get("thread") or ""),
        private=not says_no(properties.get("private")),
        audience="internal"
        if any(a.casefold() == "internal" for a in strings(properties.get("audience")))
        else "",
        tags=tags,
        auto_created=properties.get("auto_created") is True,
        draft=str(properties.get("draft") or "").casefold() if person else "",
        about=_about(properties) if not person and kind != "email" else "",
        person=person,
        emails=tuple(dict.fromkeys(emails)) if person else (),
        called=tuple(dict.fromkeys(name_key(n) for n in (title, *aliases) if n)) if person else (),
        parties=_parties(properties) if kind == "email" else (),
        links=tuple(links),
        instant=instant(str(properties.get("date") or "")),
        merged_into=merged_into,
        sha256=str(properties.get("sha256") or ""),
    )


_TAG = re.compile(r"#([^\W\d_][\w/-]{0,99})")
_NO_TAG_AFTER = re.compile(r"[\w#/&\\]")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'|@]+@[^\s<>()\[\],;:\"'|@]+\.[^\s<>()\[\],;:\"'|@.]+")
"""An address in a property, bare or as `Ana <ana@...>` or `mailto:`."""


def _tags_in(body: str) -> Iterator[str]:
    """The tags of a body. What stands before a `#` is looked at last: an expression that looks behind is slow on long texts."""
    for match in _TAG.finditer(body):
        at = match.start()
        if not at or not _NO_TAG_AFTER.match(body[at - 1]):
            yield match[1]


def instant(date: str) -> str:
    """An ISO date as its moment in UTC, in the one form whose texts sort as the moments do. A date without a zone is in the
    user's own. Empty for what is no date."""
    try:
        return datetime.fromisoformat(date.strip()).astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return ""


def name_key(name: str) -> str:
    """A name in the form it is compared in: case, spaces and the two spellings of an accent aside."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def says_no(value: object) -> bool:
    """Whether `private` says no; whatever else stands there is taken for a yes."""
    return (
        value is None
        or value is False
        or str(value).strip().casefold() in ("", "no", "false", "0", "off", "[]")
    )


def _is_place_of_a_person(path: PurePosixPath) -> bool:
    """Whether a note without a type is a person's by where it lies: People/Ana.md, People/Ana/README.md, People/Ana/Ana.md."""
    folder, *rest = path.parts
    if folder.casefold() != "people" or not rest:
        return False
    stem = path.stem.casefold()
    return (
        stem not in ("index", "readme")
        if len(rest) == 1
        else len(rest) == 2 and stem in ("readme", rest[0].casefold())
    )


def _title(path: PurePosixPath, properties: dict[str, Any]) -> str:
    title = str(properties.get("title") or "").strip()
    if title:
        return title
    in_folder = path.stem.casefold() in ("readme", "index") and path.parent.name
    return path.parent.name if in_folder else path.stem


def _about(properties: dict[str, Any]) -> str:
    """The people whom a note's properties name, as `|` between targets: all of `person`, and the one of `people`; a note whose
    `people` are several is about their common matter."""
    people = _whole(properties.get("people"))
    named = [*_whole(properties.get("person")), *(people if len(people) == 1 else ())]
    return "|".join(dict.fromkeys(person_target(link) for link in named))


def person_target(link: str) -> str:
    """The note that a link to a person leads to; of a folder's README, the folder."""
    path = PurePosixPath(target(link.strip("[]\"' ").split("|")[0]))
    return str(path.parent if path.name in ("readme", "index") and path.parent.name else path)


def _parties(properties: dict[str, Any]) -> tuple[str, ...]:
    lines = [s for key in ("from", "to", "cc") for s in _whole(properties.get(key))]
    return tuple(dict.fromkeys(party(line)[1].casefold() for line in lines if "@" in party(line)[1]))


def _whole(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)] if value else []


def target(link: str) -> str:
    """A wikilink's target, or a note's path, in the form it is compared in: no ending, no case, one spelling of an accent."""
    plain = link.strip().removesuffix(".md").casefold()
    return plain if plain.isascii() else unicodedata.normalize("NFC", plain)


def strings(value: object) -> list[str]:
    """A property that may be text, a list of texts, or nothing."""
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value if v is not None]
    if value is None or isinstance(value, (dict, bool)):
        return []
    return [part.strip() for part in str(value).split(",") if part.strip()]
