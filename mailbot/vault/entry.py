"""A note's text -> what the index keeps of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.note import Note
from mailbot.vault.read_back import date_in, identity_in, party
from mailbot.vault.whom import (
    audience_in,
    company_of,
    concerned_in,
    domains_in,
    is_journal,
    is_organisation,
    is_person,
    manner_in,
    named_in,
    plain,
    replacement,
)
from mailbot.vault.wikilink import unlinked
from mailbot.vault.wording import name_key, strings, target, whole

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

    `names` are other words it may be found by; `emails` and `called` (case-folded) are those of the person or organisation that a
    note is of; `parties` the addresses that a mail was from or to; `links` the targets of its wikilinks; `draft` the user's
    standing word on answers to a person (`never`, `always` or empty). The rest is from `whom.py`: whom a note is about.
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
    person: bool = False
    organisation: bool = False
    journal: bool = False
    aliases: str = ""
    """Of a person or organisation, with `|` between."""
    company: str = ""
    concerns: str = ""
    """Whom the properties of any other note name, as they name them, with `|` between."""
    named: str = ""
    """Those of them that count although nothing else in the vault knows them: organisations, and whom the note is about."""
    emails: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    instant: str = ""
    """The moment of `date`: ISO, UTC, sortable as text; empty where `date` is none."""
    merged_into: str = ""
    """The person note that took this one's place, as a wikilink's target."""
    manner: str = ""
    """How to write to a person, as their note's properties say it: `key: value`, a line each."""
    sha256: str = ""
    """The hash of the mail that an email note was made from."""
    replaced_by: str = ""
    """The note that says what this one said, newer, as a wikilink's target."""


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
    kinds = (
        *strings(properties.get("type")),
        *strings(properties.get("category")),
        *strings(properties.get("categories")),
    )
    kind = next((plain(k).lstrip("#").casefold() for k in kinds), "")
    described = [str(properties[k]) for k in _DESCRIBING if properties.get(k)]
    if kind == "email":  # links there are ours
        described = [unlinked(each) for each in described]
    merged_into = target(str(properties.get("merged_into") or "").strip("[]"))
    emails = [
        found.casefold()
        for key in ("email", "emails", "e-mail", "mail")
        for written in whole(properties.get(key))
        for found in _ADDRESS.findall(written)
    ]
    has_address = bool(emails) and kind != "email"
    person = (
        not merged_into
        and kind not in ("email", *UNSEARCHED)
        and not is_organisation(at, kind, own_tags)
        and is_person(at, kind, own_tags, has_address=has_address)
    )
    organisation = not person and not merged_into and kind != "email" and is_organisation(at, kind, own_tags)
    domains = domains_in(properties) if organisation else ()
    concerned = () if person or organisation or kind == "email" else concerned_in(properties)
    links = dict.fromkeys(target(m[1]) for m in _LINK.finditer(body))
    return Entry(
        title=title,
        names=" ".join([at.stem, *aliases, *tags, *described]),
        body=body,
        type=kind,
        date=date_in(properties),
        message_id=str(properties.get("message_id") or ""),
        thread=str(properties.get("thread") or ""),
        private=not says_no(properties.get("private")),
        audience=audience_in(properties),
        tags=tags,
        auto_created=properties.get("auto_created") is True,
        draft=str(properties.get("draft") or "").casefold() if person else "",
        person=person,
        organisation=organisation,
        journal=not person and not organisation and kind != "email" and is_journal(at, kind, own_tags),
        aliases="|".join(aliases) if person or organisation else "",
        company=company_of(properties) if person else "",
        manner=manner_in(properties) if person else "",
        concerns="|".join(concerned) if concerned else "",
        named="|".join(named_in(properties, at)) if kind != "email" and not person else "",
        emails=tuple(dict.fromkeys((*emails, *domains))) if person or organisation else (),
        called=tuple(dict.fromkeys(name_key(n) for n in (title, *aliases) if n))
        if person or organisation
        else (),
        parties=_parties(properties) if kind == "email" else (),
        links=tuple(links),
        instant=instant(date_in(properties)),
        merged_into=merged_into,
        sha256=str(properties.get("sha256") or ""),
        replaced_by=replacement(properties, body) if kind != "email" else "",
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


def says_no(value: object) -> bool:
    """Whether `private` says no; whatever else stands there is taken for a yes."""
    return (
        value is None
        or value is False
        or str(value).strip().casefold() in ("", "no", "false", "0", "off", "[]")
    )


def _title(path: PurePosixPath, properties: dict[str, Any]) -> str:
    title = str(properties.get("title") or "").strip()
    if title:
        return title
    in_folder = path.stem.casefold() in ("readme", "index") and path.parent.name
    return path.parent.name if in_folder else path.stem


def person_target(link: str) -> str:
    """The note that a link to a person leads to; of a folder's README, the folder."""
    path = PurePosixPath(target(link.strip("[]\"' ").split("|")[0]))
    return str(path.parent if path.name in ("readme", "index") and path.parent.name else path)


def _parties(properties: dict[str, Any]) -> tuple[str, ...]:
    lines = [s for key in ("from", "to", "cc") for s in whole(properties.get(key))]
    return tuple(dict.fromkeys(party(line)[1].casefold() for line in lines if "@" in party(line)[1]))
