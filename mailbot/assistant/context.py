"""Message -> Context: what the vault knows that this reply may use, chosen, cited and packed into a budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from mailbot.assistant.audience import audience_of, people_on
from mailbot.assistant.disclosure import Candidate, existed, withheld
from mailbot.assistant.scope import Scope
from mailbot.assistant.tokens import tokens
from mailbot.mail.mail import Mail
from mailbot.vault.entry import UNSEARCHED, target
from mailbot.vault.index import Index, NoteRow
from mailbot.vault.read_back import newest_text
from mailbot.vault.search import search
from mailbot.vault.source import Context, Source
from mailbot.vault.stand_ins import unescape
from mailbot.vault.vectors import Vectors
from mailbot.vault.verdict import Ask
from mailbot.vault.walk import lies_in, places

THREAD_NOTES = 4
MAIL_WITH_THEM = 2
HITS_PER_ASK = 3
HITS = 6
LOOKED_AT = 40
"""Of what a search finds, how many are looked at for those that may be used."""
ON_THE_MAIL = "about a person on this mail"
MERGES = 10
"""Person notes in a row that were merged one into the next."""
_NOT_SAID = re.compile(r"\b(?:Open Tasks|Recent Context)$")
"""Sections of a person note that are for the user's eyes: a query, and a list of links."""


def gather(
    index: Index,
    mail: Mail,
    asks: Iterable[Ask],
    scope: Scope,
    *,
    budget: int,
    vectors: Vectors | None = None,
) -> Context:
    """What the vault knows for an answer to `mail`, within `scope`: the thread, the notes of its people, mail with them, and what a
    search finds for each ask and for the whole. `budget` is in tokens; a passage is taken whole or not at all, each once.

    A note is said to be withheld only if the draft would have used it: if it has a right to a place, and the budget would have
    reached it with nothing withheld."""
    people = people_on(index, mail.message, scope)
    to = audience_of(index, people, mail, scope)
    chosen: list[Source] = []
    kept_back: dict[str, str] = {}
    seen: dict[tuple[str, str], int] = {}
    left = without_rules = budget
    left_out = places(scope.left_out)

    def rule(candidate: Candidate) -> str | None:
        """Which rule keeps a note back, empty for none; None for one that is not looked at in any case."""
        note = candidate.note
        if note.path == scope.own_note or note.type in UNSEARCHED or lies_in(note.path, left_out):
            return None
        return withheld(candidate, to, scope.rules) if existed(note, scope) else None

    for found in _found(index, people, mail, list(asks), scope, rule, vectors):
        note = found.candidate.note
        if (at := seen.get((note.path, found.text))) is not None:
            if found.ask and at >= 0:
                chosen[at] = replace(chosen[at], asks=(*chosen[at].asks, found.ask))
            continue
        plain = unescape(found.text) if note.type == "email" else balanced(found.text)
        cost = tokens(plain) + 20
        if not plain.strip():
            continue
        reached = cost <= without_rules
        without_rules -= cost if reached else 0
        if found.rule:
            seen[note.path, found.text] = -1
            if reached:
                kept_back.setdefault(note.path, found.rule)
            continue
        if cost > left:
            continue
        left -= cost
        seen[note.path, found.text] = len(chosen)
        chosen.append(
            Source(
                f"S{len(chosen) + 1}",
                note.path,
                note.title,
                found.heading,
                plain,
                found.why,
                note.person,
                found.score,
                asks=(found.ask,) if found.ask else (),
                email=note.type == "email",
            )
        )
    return Context(tuple(chosen), tuple(kept_back.items()))


def balanced(text: str) -> str:
    """A passage whose code fences are closed, also where the note forgot to."""
    fence = ""
    for line in text.split("\n"):
        mark = re.match(r"[ \t]{0,3}(`{3,}|~{3,})", line[:200])
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
    return f"{text}\n{fence}" if fence else text


@dataclass(frozen=True, slots=True)
class _Found:
    candidate: Candidate
    heading: str
    text: str
    why: str
    score: float = 0.0
    ask: str = ""
    rule: str = ""
    """Which rule keeps it back."""


def _found(
    index: Index,
    people: list[NoteRow],
    mail: Mail,
    asks: list[Ask],
    scope: Scope,
    rule: Callable[[Candidate], str | None],
    vectors: Vectors | None,
) -> Iterator[_Found]:
    """What may be used, and what a rule keeps back of it, in the order of its right to the budget. Of what a search finds, what
    is kept back takes nobody's place."""
    message = mail.message

    def candidate(note: NoteRow, *, in_thread: bool = False) -> tuple[Candidate, str] | None:
        """The note as a candidate, and the rule that keeps it back; None if it is not looked at."""
        parties = frozenset(index.parties_of(note.id)) if note.type == "email" else frozenset()
        owner = None if note.person or note.type == "email" else _owner(index, note.path, scope.people_folder)
        made = Candidate(note, parties, owner, in_thread)
        kept_by = rule(made)
        return None if kept_by is None else (made, kept_by)

    thread = (
        [n for n in index.in_thread(message.thread or "") if n.path != scope.own_note]
        if message.thread
        else []
    )
    thread = [n for n in thread if existed(n, scope)]
    for note in reversed(thread[-THREAD_NOTES:]):
        if earlier := candidate(note, in_thread=True):
            yield _Found(earlier[0], "", newest_text(note.body), "earlier in this thread", rule=earlier[1])
    for note in people:
        if about := candidate(note):
            for _, heading, text in index.passages_of(note.id):
                if not _NOT_SAID.search(heading):
                    yield _Found(about[0], heading, text, ON_THE_MAIL, rule=about[1])
    taken = {n.id for n in thread} | {n.id for n in people}
    sender = message.sender
    for note in (
        index.mail_with(sender.key, MAIL_WITH_THEM + len(thread) + 1) if sender and sender.email else ()
    ):
        if note.id not in taken and (theirs := candidate(note)):
            yield _Found(theirs[0], "", newest_text(note.body), "your mail with them", rule=theirs[1])
    near = index.linked(list(taken)) if taken else set()
    for query, limit, ask in _queries(mail, asks):
        left, rank = limit, 0
        hits = (
            h for h in search(index, query, LOOKED_AT + len(taken), vectors, near) if h.note_id not in taken
        )
        for hit in hits:
            if not left:
                break
            note = index.note(hit.note_id)
            found = candidate(note)
            if found is None:
                continue
            rank += 1
            left -= not found[1]
            if found[1] and rank > limit:
                continue
            # What a mail quotes has readers of its own.
            text = newest_text(hit.text) if note.type == "email" else hit.text
            why = (
                "linked from the people or the thread, and found"
                if hit.note_id in near
                else "found in the vault"
            )
            yield _Found(found[0], hit.heading, text, why, hit.score, ask, found[1])


def _owner(index: Index, path: str, people_folder: str) -> tuple[int, str] | None:
    """(id, name) of the person in whose folder, or a folder below it, a note lies: by its README or its folder note, followed
    where it was merged into another. Where neither can be told, what lies in the people's folder is about whom its folder or
    name says, with the id 0: a note that was written in no known way is not for everybody."""
    folder = path.rpartition("/")[0]
    while folder:
        for name in ("readme", folder.rpartition("/")[2]):
            note = index.keyed(target(f"{folder}/{name}"))
            for _ in range(MERGES):
                note = index.keyed(note.merged_into) if note and note.merged_into else note
            if note and note.person:
                return note.id, note.title
        folder = folder.rpartition("/")[0]
    below = path[len(people_folder) + 1 :] if lies_in(path, places([people_folder])) else ""
    name = below.split("/")[0].removesuffix(".md")
    return (0, name) if name and name.casefold() not in ("readme", "index") else None


def _queries(mail: Mail, asks: list[Ask]) -> Iterator[tuple[str, int, str]]:
    subject = mail.message.subject
    for ask in asks:
        yield f"{ask.text} {subject}", HITS_PER_ASK, ask.text
    newest = " ".join(mail.text.newest.split()[:120])
    yield f"{subject} {newest}", HITS, ""
