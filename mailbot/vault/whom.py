"""A note's properties and place -> whom it is about and who may read it, as far as the note itself says so. Pure.

The words for companies, attendees and diaries are those of `mailbot/language`, table `vault`, of every language at once: a vault
may be in several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from mailbot.language.phrases import Phrases, lowered
from mailbot.vault.wording import strings, target, whole

_TYPE = Phrases(r"(?:{{vault.organisation_type}})$")
_FOLDER = Phrases(r"(?:{{vault.organisation_folder}})$")
_FIRM = Phrases(r"(?:{{vault.organisation_property}})$")
_PEOPLE = Phrases(r"(?:{{vault.people_property}}|people|persons?)$")
_JOURNAL = Phrases(r"(?:{{vault.journal}})(?:s| notes?)?$")
_REPLACED = Phrases(r"{{vault.replaced}}")
_DAY = Phrases(
    r"(?:{{matter.weekday}}[ ,_-]+)?(?:\d{4}[-_. ]?\d{2}[-_. ]?\d{2}|\d{4}-?w\d{1,2})(?:[ ,_-]+{{matter.weekday}})?$"
)
"""The name of a daily or weekly note, with the weekday or without."""
_DOMAIN = re.compile(r"(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:/.*)?$")
_LINK = re.compile(r"\[\[([^\[\]|#^\n]{1,300})")
_REPLACED_LINE = re.compile(r"^.*\[\[.*$", re.MULTILINE)
LOOKED_AT = 3000
"""Characters at the top of a note in which it may say that it was replaced."""


@cache
def is_organisation_folder(name: str) -> bool:
    """Whether a folder of this name holds the notes of organisations: `Customers`, `Firmen`."""
    return bool(_FOLDER.match(lowered(re.sub(r"^[\W\d_]+", "", name))))


def organisation_place(path: PurePosixPath) -> str:
    """The organisation in whose folder a note lies, or that it is the note of, by the folder's or the note's own name; empty for
    none. `Customers/Acme/README.md` and `Customers/Acme.md` are both Acme's."""
    for number, folder in enumerate(path.parts[:-1]):
        if is_organisation_folder(folder):
            below = path.parts[number + 1]
            name = below if number + 2 < len(path.parts) else path.stem
            return "" if name.casefold() in ("readme", "index", folder.casefold()) else name
    return ""


def is_organisation(path: PurePosixPath, kind: str, tags: set[str]) -> bool:
    """Whether a note is that of an organisation: by its type, its tag, or as the folder note of one."""
    if kind:
        return bool(_TYPE.match(lowered(kind)))
    if any(_TYPE.match(lowered(tag)) for tag in tags):
        return True
    place = organisation_place(path)
    return bool(place) and path.stem.casefold() in ("readme", "index", place.casefold())


def is_journal(path: PurePosixPath, kind: str, tags: set[str]) -> bool:
    """Whether a note is a daily or weekly note or a diary: by its type, tag, folder or name."""
    said = (kind, *tags, *(re.sub(r"^[\W\d_]+", "", folder) for folder in path.parts[:-1]))
    return bool(_DAY.match(lowered(path.stem))) or any(_JOURNAL.match(lowered(word)) for word in said if word)


def company_of(properties: Mapping[str, Any]) -> str:
    """The organisation that a person is of, as the note says it: a name, or the target of a link."""
    return next((plain(v) for v in _said(properties, _FIRM)), "")


def named_in(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """The organisations that a note's properties name, and the people whom it says it is about."""
    about = (v for key in ("person", "people") for v in whole(properties.get(key)))
    return tuple(dict.fromkeys(name for v in (*_said(properties, _FIRM), *about) if (name := plain(v))))


def concerned_in(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom a note's properties name, people and organisations, as they name them."""
    both = (*_said(properties, _FIRM), *_said(properties, _PEOPLE))
    linked = (re.sub(r"\[\[([^\[\]|]*)\|([^\[\]]*)\]\]", r"[[\1]] \2", v) for v in both)
    return tuple(dict.fromkeys(v.replace("|", " ").strip() for v in linked if v.strip()))


def plain(value: str) -> str:
    """A property's value without the marks of a link: of `[[Customers/Acme|Acme Ltd]]` what is shown."""
    linked = re.search(r"\[\[([^\[\]|]*)(?:\|([^\[\]]*))?\]\]", value)
    if not linked:
        return value.replace("|", " ").strip()
    at = PurePosixPath((linked[1] or "").split("#")[0].strip().removesuffix(".md"))
    in_folder = at.name.casefold() in ("readme", "index") and at.parent.name
    return (linked[2] or (at.parent.name if in_folder else at.name)).strip()


def _said(properties: Mapping[str, Any], keys: Phrases) -> Iterator[str]:
    for key, value in properties.items():
        if keys.match(lowered(str(key)).replace("_", " ")):
            for text in whole(value):
                yield from (text,) if "[[" in text else re.split(r"\s*[;,]\s+", text)


def domains_in(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """The domains of an organisation, each as `@domain`: of its `domain`, `website` and the like."""
    keys = ("domain", "domains", "website", "web", "url", "homepage", "site")
    said = (v.strip().casefold().lstrip("@") for key in keys for v in strings(properties.get(key)))
    return tuple(dict.fromkeys(f"@{m[1]}" for v in said if (m := _DOMAIN.match(v))))


MANNER = ("language", "greeting", "closing", "register", "address")


def manner_in(properties: Mapping[str, Any]) -> str:
    """How to write to a person, as their properties say it: `key: value`, a line each. Line ends in a value (of a closing) stand as
    a slash, as in `Best, / JV`."""
    return "\n".join(
        f"{key}: {said}"
        for key in MANNER
        if (said := " / ".join(str(properties.get(key) or "").split("\n")).strip()[:200])
    )


WORDS = ("internal", "customers", "public")


def audience_in(properties: Mapping[str, Any]) -> str:
    """For whom a note is marked, with `|` between: `internal`, `customers`, `public`, or whom it names."""
    return "|".join(
        dict.fromkeys(
            word if (word := said.strip().lstrip("#").casefold()) in WORDS else plain(said)
            for value in whole(properties.get("audience"))
            for said in (re.split(r"\s*,\s*", value) if "[[" not in value else [value])
            if said.strip()
        )
    )


def replacement(properties: Mapping[str, Any], body: str) -> str:
    """The note that took the place of this one, as a wikilink's target: by a property, or by a line at its top that says so."""
    for key in ("replaced_by", "superseded_by", "succeeded_by"):
        for value in whole(properties.get(key)):
            return target(found[1] if (found := _LINK.search(value)) else value)
    for line in _REPLACED_LINE.findall(body[:LOOKED_AT]):
        if (said := _REPLACED.search(lowered(line))) and (found := _LINK.search(line, said.end())):
            return target(found[1])
    return ""
