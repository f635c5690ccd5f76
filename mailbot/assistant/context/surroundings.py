"""What lies around a mail and around what was found: its people, their organisations, what a note links to, what took its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from mailbot.assistant.context.find import Find, Finds
from mailbot.assistant.context.relevance import Relevance
from mailbot.assistant.disclosure.parties import Parties
from mailbot.assistant.scope import Scope
from mailbot.mail.message import Message
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.people import person
from mailbot.vault.search import query_phrases
from mailbot.vault.wording import target

FIRM, LATELY = 0.7, 0.4
"""What the note of a reader's organisation is worth by its place, and one that speaks of it lately."""
RECENT = timedelta(days=150)
NEWEST = 3
"""Notes about a reader's organisation, the newest, that are looked at whatever they say."""
SPOKEN_OF = 20
FOLLOWED = 8
"""Finds whose links are followed."""
SAME_LINE, SAME_PASSAGE, ELSEWHERE = 0.85, 0.6, 0.35
"""How near a link stands to the words that were looked for."""
_LINK = re.compile(r"\[\[([^\[\]|#^\n]{1,300})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def people_on(index: Index, message: Message, scope: Scope) -> list[NoteRow]:
    """The person notes of those on the mail, the user aside. A name alone makes nobody of whom the user never heard."""
    found: dict[int, NoteRow] = {}
    for address in (*message.authors, *message.to, *message.cc):
        name = "" if address.key in scope.strangers else address.name
        if address.key not in scope.own and (known := person(index, address.email, name)):
            found.setdefault(known.id, known)
    return list(found.values())


def firm_notes(
    index: Index, parties: Parties, theirs: Iterable[int], relevance: Relevance, now: datetime
) -> Iterator[Find]:
    """The notes of the readers' organisations, and the newest that speak of them: meetings, projects."""
    for number in sorted(theirs):
        party = parties[number]
        if party.kind != "organisation" or party.insider:
            continue
        names = parties.names_of(number)
        note = parties.note_of(number)
        if note is not None:
            row = index.note(note)
            yield Find(row, FIRM, "about their organisation", passages=relevance.best_passages(row))
        phrases = [f'"{" ".join(p.strip(chr(34)) for p in query_phrases(name))}"' for name in names if query_phrases(name)]  # fmt: skip
        spoken = (index.note(n) for n in index.concerning(phrases, SPOKEN_OF))
        lately = [n for n in spoken if not n.journal and now - RECENT <= _when(n, now - 2 * RECENT) <= now]
        for place, each in enumerate(lately):
            share = relevance.of(each)
            if place < NEWEST or share > 0.2:
                worth = LATELY * (0.6 + share)
                yield Find(
                    each, worth, "about their organisation, lately", passages=relevance.best_passages(each)
                )


def _when(note: NoteRow, otherwise: datetime) -> datetime:
    day = day_of(note)
    return datetime.fromisoformat(day).replace(tzinfo=otherwise.tzinfo) if day else otherwise


def day_of(note: NoteRow) -> str:
    """The ISO day of a note: its date, or the one in its name; empty if it says none."""
    for said in (note.date, PurePosixPath(note.path).name):
        if match := _DAY.search(said):
            try:
                return datetime.fromisoformat(match[0]).date().isoformat()
            except ValueError:
                continue
    return ""


def linked_from(index: Index, finds: Sequence[Find], relevance: Relevance) -> Iterator[Find]:
    """The notes that the best finds link to, one hop, worth more the nearer the link stands to the words that were looked for."""
    for find in [f for f in finds if f.note.type != "email"][:FOLLOWED]:
        links = index.links_of(find.note.id)
        if not links:
            continue
        spans = index.spans(find.note.id)
        best = [spans[p] for p in find.passages[:3] if p in spans]
        for match in _LINK.finditer(find.note.body):
            aim = links.get(target(match[1]))
            if aim is None or aim == find.note.id:
                continue
            note = index.note(aim)
            nearness = _nearness(find.note.body, match.start(), best, relevance)
            worth = find.worth * nearness * (0.7 + 0.5 * relevance.of(note))
            yield Find(
                note,
                min(worth, find.worth),
                f"linked from {find.note.title}",
                list(find.asks),
                relevance.best_passages(note),
            )


def _nearness(body: str, at: int, best: Sequence[tuple[int, int]], relevance: Relevance) -> float:
    line = body[body.rfind("\n", 0, at) + 1 : (body.find("\n", at) + 1 or len(body) + 1) - 1]
    if any(start <= at < end for start, end in best):
        return SAME_LINE if relevance.in_text(line) > 0.12 else SAME_PASSAGE
    return SAME_PASSAGE if relevance.in_text(line) > 0.12 else ELSEWHERE


def replacements(index: Index, finds: Finds) -> list[Find]:
    """The notes that took the place of those found. What was replaced is worth less than what replaced it."""
    found = []
    for find in list(finds):
        aim = find.note.replaced_by and index.targets([find.note.replaced_by]).get(find.note.replaced_by)
        if aim and aim != find.note.id:
            found.append(Find(index.note(aim), find.worth, f"newer than {find.note.title}", list(find.asks)))
            find.worth *= 0.5
    return found
