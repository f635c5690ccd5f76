"""A note's text -> what the index keeps of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes

UNREADABLE = "unreadable"
"""The audience of a note whose properties cannot be read: nobody, until they are mended."""
PERSON_TYPES = frozenset({"people", "person"})
UNSEARCHED = frozenset({"email-draft", "backtest", "style"})
"""Types of notes that are known and not searched: they repeat, or are about, what others say."""
_DESCRIBING = ("role", "company", "project", "people", "topics", "from", "to", "subject")
_LINK = re.compile(r"!?\[\[([^\[\]|#^\n]{1,300})")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a note.

    `names` are other words it may be found by; `emails` and `called` (case-folded) whom a person note is of; `parties` the
    addresses that a mail was from or to; `about` the one person whom any other note is about; `links` the targets of its
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
    merged_into: str = ""
    """The person note that took this one's place, as a wikilink's target."""


def entry(path: str, text: str) -> Entry:
    """What is kept of the note at `path` (relative to the vault). Broken properties must not hide a note from a search:
    then the whole text is its body, and it is taken for private, since nothing says that it is not."""
    at = PurePosixPath(path)
    unreadable = Entry(_title(at, {}), at.stem, text, private=True, audience=UNREADABLE)
    try:
        parsed = notes.read(text, path)
        properties, body = parsed.properties, parsed.body
    except BadData:
        return unreadable
    if not properties and re.match(r"\ufeff?---[ \t]*\r?\n\s*\w[\w -]*:", text):
        return unreadable  # properties that were begun and never ended
    title = _title(at, properties)
    aliases = [*strings(properties.get("aliases")), *strings(properties.get("alias"))]
    tags = tuple(
        dict.fromkeys(t.lstrip("#").casefold() for t in (*strings(properties.get("tags")), *_tags_in(body)))
    )
    kind = str(properties.get("type") or "")
    described = [str(properties[k]) for k in _DESCRIBING if properties.get(k)]
    merged_into = target(str(properties.get("merged_into") or "").strip("[]"))
    own_tags = {t.lstrip("#").casefold() for t in strings(properties.get("tags"))}
    person = not merged_into and (
        kind in PERSON_TYPES
        or not PERSON_TYPES.isdisjoint(own_tags)
        or (not kind and _is_place_of_a_person(at))
    )
    emails = [e.casefold() for key in ("email", "emails") for e in strings(properties.get(key)) if "@" in e]
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
        called=tuple(dict.fromkeys(n.casefold() for n in (title, *aliases) if n)) if person else (),
        parties=_parties(properties) if kind == "email" else (),
        links=tuple(links),
        merged_into=merged_into,
    )


_TAG = re.compile(r"(?<![\w#/&\\])#([^\W\d_][\w/-]{0,99})")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})")


def _tags_in(body: str) -> Iterator[str]:
    """The tags in the text of a note, code aside."""
    fence = ""
    for line in body.split("\n") if "#" in body else ():
        mark = _FENCE.match(line[:200])
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1][:100]
        elif "#" in line:
            yield from _TAG.findall(re.sub(r"`[^`\n]{0,500}`", " ", line))


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
    """The one person whom a note's properties name: a note on several is about their common matter."""
    people = list(_whole(properties.get("person"))) + strings(properties.get("people"))
    return target(people[0].strip("[]\"'").split("|")[0]) if len(people) == 1 else ""


def _parties(properties: dict[str, Any]) -> tuple[str, ...]:
    lines = [s for key in ("from", "to", "cc") for s in _whole(properties.get(key))]
    return tuple(dict.fromkeys(party(line)[1].casefold() for line in lines if "@" in party(line)[1]))


def party(line: str) -> tuple[str, str]:
    """(name, address) of one party as an email note writes it: the address stands last, whatever the name claims to be."""
    name, bracket, rest = line.rpartition("<")
    return (name.strip(), rest.rstrip("> ").strip()) if bracket else ("", line.strip())


def _whole(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)] if value else []


def target(link: str) -> str:
    """A wikilink's target in the form it is compared in: no ending, no case."""
    return link.strip().removesuffix(".md").casefold()


def strings(value: object) -> list[str]:
    """A property that may be text, a list of texts, or nothing."""
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value if v is not None]
    if value is None or isinstance(value, (dict, bool)):
        return []
    return [part.strip() for part in str(value).split(",") if part.strip()]
