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

_TYPE = Phrases(r"(?:{{vault.organisation_type}}|lead|crm)s?$")
_PERSON_TYPE = Phrases(r"(?:{{vault.person_type}})$")
_PERSON_FOLDER = Phrases(r"(?:{{vault.person_type}})$")
_OTHER = frozenset({"", "note", "notes", "page", "moc"})
"""Types that say nothing of whom a note is."""
_FOLDER = Phrases(r"(?:{{vault.organisation_folder}}|crm|leads|deals|kunde|klienten|debitoren)$")
_FIRM = Phrases(r"(?:{{vault.organisation_property}})$")
_PEOPLE = Phrases(r"(?:{{vault.people_property}}|people|persons?)$")
_JOURNAL = Phrases(r"{{vault.journal}}")
_REPLACED = Phrases(r"{{vault.replaced}}")
_WEEKDAY = r"(?:{{matter.weekday}}|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)"
_MONTH = r"(?:{{words.months}}|{{matter.month}}|{{words.months_short}})\.?"
_DATE = (
    r"(?:\d{4}[-_. ]?\d{2}(?:[-_. ]?\d{2})?|\d{4}-?[wq]\d{1,2}|\d{1,2}[-_. ]\d{1,2}[-_. ]\d{4}|\d{4}年\d{1,2}月(?:\d{1,2}日)?"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.|er)? {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)
_DAY = Phrases(rf"(?:{_WEEKDAY}[ .,_-]+)?{_DATE}(?:[ ,_-]+{_WEEKDAY})?(?:[ _-]?\d{{4}})?$")
"""The name of a daily, weekly or monthly note, with the weekday or without: nothing but a date."""
_FOLDERS_OF_DAYS = re.compile(r"(?:^|/)\d{4}/\d{1,2}/\d{1,2}$")
_DOMAIN = re.compile(r"(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:/.*)?$")
_LINK = re.compile(r"\[\[([^\[\]|#^\n]{1,300})")
_REPLACED_LINE = re.compile(r"^.*\[\[.*$", re.MULTILINE)
LOOKED_AT = 3000
"""Characters at the top of a note in which it may say that it was replaced."""


FOLDER_WORDS = 4
"""Of a folder's name, one of which says that organisations' notes are in it: `Our customers`."""


@cache
def is_organisation_folder(name: str) -> bool:
    """Whether a folder of this name holds the notes of organisations: `Customers`, `Firmen`."""
    words = re.findall(r"[^\W\d_]+", lowered(name))
    return len(words) <= FOLDER_WORDS and any(_FOLDER.match(word) for word in words)


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
    if kind not in _OTHER:
        return bool(_TYPE.match(lowered(kind)))
    if any(_TYPE.match(lowered(tag.split("/")[0])) for tag in tags):
        return True
    place = organisation_place(path)
    return bool(place) and path.stem.casefold() in ("readme", "index", place.casefold())


def is_person(path: PurePosixPath, kind: str, tags: set[str], *, has_address: bool) -> bool:
    """Whether a note is that of a person: by its type, its tag, its place among people, or because it carries an address."""
    if kind not in _OTHER:
        return bool(_PERSON_TYPE.match(lowered(kind)))
    if any(_PERSON_TYPE.match(lowered(tag.split("/")[0])) for tag in tags):
        return True
    return _is_place_of_a_person(path) or has_address


def _is_place_of_a_person(path: PurePosixPath) -> bool:
    """Whether a note lies where people's notes do: `People/Ana.md`, `People/Ana/README.md`, `Kontakte/Ana/Ana.md`."""
    folders = path.parts[:-1]
    at = next(
        (n for n, f in enumerate(folders) if _PERSON_FOLDER.match(lowered(re.sub(r"^[\W\d_]+", "", f)))), None
    )
    if at is None:
        return False
    rest, stem = path.parts[at + 1 :], path.stem.casefold()
    if len(rest) == 1:
        return stem not in ("index", "readme", folders[at].casefold())
    return len(rest) == 2 and stem in ("readme", rest[0].casefold())


def is_journal(path: PurePosixPath, kind: str, tags: set[str]) -> bool:
    """Whether a note is a daily or weekly note or a diary: by its type, tag, folder or name."""
    said = (kind, *tags, *path.parts[:-1])
    if _DAY.match(lowered(path.stem)) or _FOLDERS_OF_DAYS.search(str(path.with_suffix(""))):
        return True
    return any(_JOURNAL.search(lowered(re.sub(r"[_\d]+", " ", word))) for word in said if word)


def company_of(properties: Mapping[str, Any]) -> str:
    """The organisation that a person is of, as the note says it: a name, or the target of a link."""
    return next((plain(v) for v in _said(properties, _FIRM)), "")


def named_in(properties: Mapping[str, Any], path: PurePosixPath) -> tuple[str, ...]:
    """The organisations that a note's properties name, the people whom it says it is about, and the organisation in whose folder it
    lies."""
    about = (v for key in ("person", "people") for v in whole(properties.get(key)))
    place = organisation_place(path)
    place = "" if place == path.stem else place
    return tuple(
        dict.fromkeys(name for v in (*_said(properties, _FIRM), *about, place) if (name := plain(v)))
    )


def concerned_in(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom a note's properties name, people and organisations, as they name them."""
    both = (*_said(properties, _FIRM), *_said(properties, _PEOPLE), *_values(properties))
    linked = (re.sub(r"\[\[([^\[\]|]*)\|([^\[\]]*)\]\]", r"[[\1]] \2", v) for v in both)
    return tuple(dict.fromkeys(v.replace("|", " ").strip() for v in linked if v.strip()))


_NOT_ABOUT = frozenset(
    "title date created modified updated type audience private status cssclass cssclasses banner message_id sha256 uid".split()
)


def _values(properties: Mapping[str, Any]) -> Iterator[str]:
    """Whatever else the properties say: it may name somebody. Tags are taken apart."""
    for key, value in properties.items():
        if key in _NOT_ABOUT:
            continue
        for text in whole(value):
            if isinstance(value, bool) or len(text) > 300:
                continue
            yield re.sub(r"[/_#-]+", " ", text) if key in ("tags", "tag") else text


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
    written = properties.get("audience", properties.get("audiences"))
    if written is False or written == [] or (written and str(written).casefold() in _NOBODY):
        return "internal"
    found = [
        audience_word(said) or (f"[[{plain(said)}]]" if "[[" in said else plain(said))
        for value in whole(written)
        for said in (re.split(r"\s*[,;/]\s*|\s+only\b", value) if "[[" not in value else [value])
        if said.strip()
    ]
    for tag in (*strings(properties.get("tags")), *strings(properties.get("tag"))):
        found += [word for word in [_tag_word(tag)] if word]
    for key, value in properties.items():
        marks = (
            key,
            *(
                whole(value)
                if key in ("visibility", "classification", "access", "confidentiality", "status")
                else ()
            ),
        )
        says = value not in (None, False, "", []) and str(value).casefold() not in (
            "no",
            "false",
            "nein",
            "non",
        )
        if says and any(_INTERNAL_WORD.match(lowered(str(m))) for m in marks):
            found.append("internal")
    return "|".join(dict.fromkeys(found))


_NOBODY = frozenset("no none nobody false self me nein niemand non personne".split())
_INTERNAL_WORD = Phrases(r"(?:{{vault.internal_word}})$")
_CUSTOMERS = Phrases(r"(?:{{vault.organisation_folder}})$")


def audience_word(said: str) -> str:
    """The word of `WORDS` that an audience is given in, in whatever language; empty if it is a name."""
    word = lowered(said.strip().lstrip("#"))
    if word in WORDS:
        return word
    if _INTERNAL_WORD.match(word):
        return "internal"
    return "customers" if _CUSTOMERS.match(word) else ""


def _tag_word(tag: str) -> str:
    """What a tag in the properties says of the audience. `#customers` alone says of most notes what they are about."""
    first, _, rest = tag.lstrip("#").casefold().partition("/")
    if first == "audience":
        return audience_word(rest)
    return "public" if tag.lstrip("#").casefold() == "public" else ""


def replacement(properties: Mapping[str, Any], body: str) -> str:
    """The note that took the place of this one, as a wikilink's target: by a property, or by a line at its top that says so."""
    for key in ("replaced_by", "superseded_by", "succeeded_by"):
        for value in whole(properties.get(key)):
            return target(found[1] if (found := _LINK.search(value)) else value)
    for line in _REPLACED_LINE.findall(body[:LOOKED_AT]):
        if (said := _REPLACED.search(lowered(line))) and (found := _LINK.search(line, said.end())):
            return target(found[1])
    return ""
