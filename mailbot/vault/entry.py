"""A note's text -> what the index keeps of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses
from pathlib import PurePosixPath
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes

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


def entry(path: str, text: str) -> Entry:
    """What is kept of the note at `path` (relative to the vault). Broken properties must not hide a note from a search:
    then the whole text is its body, and it is taken for private, since nothing says that it is not."""
    try:
        parsed = notes.read(text, path)
        properties, body = parsed.properties, parsed.body
    except BadData:
        return Entry(_title(path, {}), PurePosixPath(path).stem, text, private=True)
    title = _title(path, properties)
    aliases = [*strings(properties.get("aliases")), *strings(properties.get("alias"))]
    tags = tuple(t.lstrip("#").casefold() for t in strings(properties.get("tags")))
    kind = str(properties.get("type") or "")
    described = [str(properties[k]) for k in _DESCRIBING if properties.get(k)]
    person = (
        kind in PERSON_TYPES
        or not PERSON_TYPES.isdisjoint(tags)
        or (not kind and path.split("/", 1)[0].casefold() == "people" and PurePosixPath(path).stem != "index")
    ) and not properties.get("merged_into")
    emails = [e.casefold() for key in ("email", "emails") for e in strings(properties.get(key)) if "@" in e]
    links = dict.fromkeys(target(m[1]) for m in _LINK.finditer(body))
    return Entry(
        title=title,
        names=" ".join([PurePosixPath(path).stem, *aliases, *tags, *described]),
        body=body,
        type=kind,
        date=str(properties.get("date") or ""),
        message_id=str(properties.get("message_id") or ""),
        thread=str(properties.get("thread") or ""),
        private=properties.get("private") is True
        or str(properties.get("private")).casefold() in ("yes", "true"),
        audience=str(properties.get("audience") or "").casefold(),
        tags=tags,
        auto_created=properties.get("auto_created") is True,
        draft=str(properties.get("draft") or "").casefold() if person else "",
        about=_about(properties) if not person and kind != "email" else "",
        person=person,
        emails=tuple(dict.fromkeys(emails)) if person else (),
        called=tuple(dict.fromkeys(n.casefold() for n in (title, *aliases) if n)) if person else (),
        parties=_parties(properties) if kind == "email" else (),
        links=tuple(links),
    )


def _title(path: str, properties: dict[str, Any]) -> str:
    title = str(properties.get("title") or "").strip()
    pure = PurePosixPath(path)
    return title or (
        pure.parent.name if pure.stem.casefold() in ("readme", "index") and "/" in path else pure.stem
    )


def _about(properties: dict[str, Any]) -> str:
    """The one person whom a note's properties name: a note on several is about their common matter."""
    people = [p for key in ("person", "people") for p in strings(properties.get(key))]
    return target(people[0].strip("[]\"'").split("|")[0]) if len(people) == 1 else ""


def _parties(properties: dict[str, Any]) -> tuple[str, ...]:
    lines = [s for key in ("from", "to", "cc") for s in _whole(properties.get(key))]
    return tuple(dict.fromkeys(email.casefold() for _, email in getaddresses(lines) if "@" in email))


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
