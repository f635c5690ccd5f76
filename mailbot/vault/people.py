"""Person notes: who an address or a name is, as far as the vault says so without a doubt, and what mailbot keeps in them.

mailbot owns the properties `last_contact`, `enrichment_level` and `last_enriched`, the dated lines under Recent Context and
the sourced lines under Profile. Everything else is the user's and is never changed; empty properties may be filled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mailbot.mail.freemail import is_for_all
from mailbot.vault import note as notes
from mailbot.vault.encounter import Encounter
from mailbot.vault.entry import says_no
from mailbot.vault.files import safe_name
from mailbot.vault.index import Index
from mailbot.vault.markdown import inline
from mailbot.vault.note import Note, property_text, with_properties
from mailbot.vault.note_row import NoteRow
from mailbot.vault.wording import strings

_OURS = re.compile(r"^- \d{4}-\d\d-\d\d: \[\[[^\]\n]+\]\]$")
RECENT = 10
"""Mails in Recent Context, where a view shows the others."""
_TASKS = "```dataview\nTASK\nFROM [[]]\nWHERE !completed\n```"


def person(index: Index, email: str, name: str = "") -> NoteRow | None:
    """The person note of an address; else the one note whose title or alias is `name` in full.

    Two people of one name are never taken for each other: a name that several notes have, or one whose note carries
    addresses of other domains only, or of a domain where anybody may have one, is nobody's.
    """
    by_address = index.with_address(email) if email else []
    if by_address or not name or " " not in name.strip():
        return by_address[0] if len(by_address) == 1 else None
    by_name = index.with_name(name.strip())
    if len(by_name) != 1:
        return None
    known = index.emails_of(by_name[0].id)
    domain = email.casefold().rpartition("@")[2]
    colleague = not is_for_all(domain) and any(e.rpartition("@")[2] == domain for e in known)
    return by_name[0] if not known or colleague else None


def new_path(folder: str, name: str, email: str, taken: Iterable[str]) -> str:
    """Where a new person's note goes: `People/<Name>/README.md`, with the address's domain where the name is taken."""
    used = {path.casefold() for path in taken}
    for candidate in (name, f"{name} ({email.rpartition('@')[2]})", f"{name} ({email})"):
        path = f"{folder}/{safe_name(candidate)}/README.md"
        if path.casefold() not in used:
            return path
    return f"{folder}/{safe_name(name)} ({len(used)})/README.md"


def new_note(name: str, email: str, met: Iterable[Encounter], view: str = "") -> str:
    """The text of a new person note after an exchange; `view` embeds the person's mails."""
    properties: dict[str, Any] = {
        "type": "people",
        "title": property_text(name),
        "email": property_text(email),
        "aliases": [],
        "role": "",
        "company": "",
        "phone": "",
        "relationship": "",
        "last_contact": "",
        "auto_created": True,
        "enrichment_level": "basic",
        "last_enriched": "",
        "tags": ["people", "needs-review"],
    }
    sections = {
        "Profile": "",
        "Open Tasks": _TASKS,
        "Recent Context": "",
        "Key Facts": "",
        "Background": "",
        "Key Decisions": "",
        "Related Projects": "",
    }
    body = [f"# {inline(name)}", *(f"## {title}\n\n{text}".rstrip() for title, text in sections.items())]
    text = notes.write(Note(properties, "\n\n".join(body) + "\n"))
    for encounter in met:
        text = with_encounter(text, encounter, email, view)
    return text


def with_encounter(text: str, met: Encounter, email: str, view: str = "") -> str:
    """A person note's text after a mail from them; unchanged where it knows that mail already. Where a `view` shows all their mails, it
    is embedded, and Recent Context keeps the newest ten.

    Raises BadData if its properties are broken.
    """
    read = notes.read(text)
    if met.wikilink in read.body and met.day <= str(read.properties.get("last_contact") or "")[:10]:
        return text
    changes: dict[str, Any] = {}
    if met.day > str(read.properties.get("last_contact") or "")[:10]:
        changes["last_contact"] = met.day
    if not any(strings(read.properties.get(key)) for key in ("email", "emails")):
        changes["email"] = property_text(email)
    told = {key: value for key, value in met.facts.items() if not read.properties.get(key)}
    if told:
        changes |= told
        changes["enrichment_level"] = "signature"
        changes["last_enriched"] = met.day
    head, body, end = _parted(with_properties(text, changes) if changes else text)
    if met.wikilink not in read.body:
        body = _with_line(body, "Recent Context", met.line, _OURS)
        if view:
            body = _with_view(body, view, met.note.partition("/")[0])
    if told:
        said = "; ".join(f"{key}: {inline(value)}" for key, value in told.items())
        body = _with_line(body, "Profile", f"- {said} (from the signature of {met.wikilink})", None)
    return head + body.replace("\n", end)


def _parted(text: str) -> tuple[str, str, str]:
    """(properties as they stand in the file, body with line ends as `\\n`, the file's own line end)."""
    head = notes.front_matter(text)
    body = text[len(head) :]
    crlf = "\r\n" in body and body.count("\r\n") == body.count("\n")
    return head, body.replace("\r\n", "\n") if crlf else body, "\r\n" if crlf else "\n"


def _with_line(body: str, title: str, line: str, dated: re.Pattern[str] | None) -> str:
    """`line` put under a heading, which is added where there is none. Where `dated` tells lines of its kind, the newest stands
    first. No line is ever taken away: the user may have written it."""
    lines = body.rstrip("\n").split("\n")
    fenced = _in_fences(lines)
    start, end = _section(lines, fenced, title)
    if not start:
        return body.rstrip("\n") + f"\n\n## {title}\n\n{line}\n"
    heading = start - 1
    section = lines[start:end]
    while section and not section[-1].strip():
        section.pop()
    if dated:
        at = next((n for n, text in enumerate(section) if dated.match(text) and text < line), None)
        ours = [n for n, text in enumerate(section) if dated.match(text)]
        section.insert(at if at is not None else (ours[-1] + 1 if ours else len(section)), line)
    else:
        section += ([] if not section or section[-1].startswith(("- ", "* ")) else [""]) + [line]
    while section and not section[0].strip():
        section.pop(0)
    rest = ["", *lines[end:]] if end < len(lines) else []
    return "\n".join([*lines[: heading + 1], "", *section, *rest]) + "\n"


def _with_view(body: str, view: str, folder: str) -> str:
    """Recent Context with the newest ten of its links to mails, and the view that shows them all below. Lines to other notes than
    mails in `folder` are the user's."""
    if "Mail.base" not in body:  # whoever links it in another way has what they want
        body = _with_line(body, "Recent Context", view, None).replace(f"\n{view}\n", f"\n\n{view}\n", 1)
    lines = body.split("\n")
    fenced = _in_fences(lines)
    start, end = _section(lines, fenced, "Recent Context")
    mails = [
        n
        for n in range(start, end)
        if not fenced[n] and _OURS.match(lines[n]) and f": [[{folder}/" in lines[n]
    ]
    newest = set(sorted(mails, key=lambda n: lines[n], reverse=True)[:RECENT])
    return "\n".join(line for n, line in enumerate(lines) if n not in mails or n in newest)


def mails_gone(before: str, after: str) -> list[str]:
    """The notes of the mails to which a person note linked in a dated line, and does not any more."""
    left = set(after.split("\n"))
    gone = [
        line for line in before.replace("\r\n", "\n").split("\n") if _OURS.match(line) and line not in left
    ]
    return [f"{line.partition('[[')[2].removesuffix(']]')}.md" for line in gone]


def _section(lines: list[str], fenced: list[bool], title: str) -> tuple[int, int]:
    """(first line below a heading, the line after its section); zeros where there is none."""
    pattern = re.compile(rf"#+ {re.escape(title)}\s*")
    start = next((n + 1 for n, text in enumerate(lines) if not fenced[n] and pattern.fullmatch(text)), 0)
    if not start:
        return 0, 0
    after = (n for n in range(start, len(lines)) if not fenced[n] and re.match(r"#+ ", lines[n]))
    return start, next(after, len(lines))


def _in_fences(lines: list[str]) -> list[bool]:
    """Which lines stand in a fenced block of code."""
    found, fence = [], ""
    for line in lines:
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        found.append(bool(fence))
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
    return found


def merged(into: str, other: str, other_link: str, name: str = "") -> str:
    """The text of a person note with all that another one knows: addresses, names as aliases, dated lines, and the rest of
    what was written there under a heading of its own. `name` is what the other is called where it has no title.
    Raises BadData if the properties of one are broken."""
    kept, given = notes.read(into, "the note that stays"), notes.read(other, "the note that goes")

    def gathered(*keys: str) -> list[str]:
        both = [v for side in (kept, given) for key in keys for v in strings(side.properties.get(key))]
        return list(dict.fromkeys(property_text(v) for v in both))

    names = [str(given.properties.get("title") or name), *gathered("aliases", "alias")]
    own = str(kept.properties.get("title") or "").casefold()
    addresses = gathered("email", "emails")
    changes: dict[str, Any] = {
        "aliases": list(dict.fromkeys(property_text(n) for n in names if n and n.casefold() != own))
    }
    if addresses:
        changes["emails" if len(addresses) > 1 else "email"] = (
            addresses if len(addresses) > 1 else addresses[0]
        )
    handled = {
        "title",
        "type",
        "email",
        "emails",
        "aliases",
        "alias",
        "last_contact",
        "auto_created",
        "tags",
        "enrichment_level",
        "last_enriched",
    }
    differing: dict[str, Any] = {}
    for key, value in given.properties.items():
        if key in handled or value in (None, "", []):
            continue
        if kept.properties.get(key) in (None, "", []):
            changes[key] = value
        elif kept.properties[key] != value:
            differing[key] = value
    # What was held back in either stays held back.
    if not says_no(given.properties.get("private")):
        changes["private"] = True
    if "internal" in (a.casefold() for a in strings(given.properties.get("audience"))):
        changes["audience"] = "internal"
    if str(given.properties.get("draft")) == "never":
        changes["draft"] = "never"
    tags = [t for t in strings(given.properties.get("tags")) if t not in strings(kept.properties.get("tags"))]
    if tags:
        changes["tags"] = [*strings(kept.properties.get("tags")), *tags]
    newest = max(str(side.properties.get("last_contact") or "") for side in (kept, given))
    if newest:
        changes["last_contact"] = newest
    text = with_properties(into, changes)
    head, body, end = _parted(text)
    left = []
    for line in given.body.split("\n"):
        if _OURS.match(line):
            body = _with_line(body, "Recent Context", line, _OURS) if line not in body else body
        else:
            left.append(line)
    if _says_more("\n".join(left)):
        rest = re.sub(r"\n{3,}", "\n\n", "\n".join(left)).strip()
        body = _with_section(body, f"## From {other_link}\n\n{rest}\n")
    if differing:
        told = "\n".join(f"- {inline(key)}: {inline(str(value))}" for key, value in differing.items())
        body = _with_section(body, f"## Properties from {other_link}\n\n{told}\n")
    return head + body.replace("\n", end)


def _with_section(body: str, section: str) -> str:
    """A section at the end, if it is not there yet: a merge may have been cut off and begun again."""
    return body if f"\n{section}" in body else f"{body.rstrip()}\n\n{section}"


def _says_more(body: str) -> bool:
    """Whether a person note says anything beside the headings and the query that every one has."""
    text = re.sub(r"^#+ .*$", "", body.replace(_TASKS, ""), flags=re.MULTILINE)
    return bool(text.strip())


def stub(link: str, title: str) -> str:
    """What is left where a merged note was, so that links to it lead on."""
    return notes.write(Note({"title": property_text(title), "merged_into": link}, f"Merged into {link}.\n"))
