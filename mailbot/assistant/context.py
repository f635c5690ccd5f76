"""Message -> Context: what the vault knows that this reply may use, chosen, cited and packed into a budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mailbot.assistant.asks import Ask
from mailbot.assistant.disclosure import Audience, Candidate, withheld
from mailbot.assistant.tokens import tokens
from mailbot.mail.message import Address, Message
from mailbot.mail.text.split import MailText
from mailbot.settings import Disclosure
from mailbot.vault.entry import UNSEARCHED, name_key, person_target, target
from mailbot.vault.index import Index, NoteRow
from mailbot.vault.markdown import unescape
from mailbot.vault.people import person
from mailbot.vault.said import said
from mailbot.vault.search import search
from mailbot.vault.vectors import Vectors
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


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that may be used: `id` is its name in the prompt (`S1`), `note` is relative to the vault, `why` says how
    it was chosen, `asks` which questions it was found for."""

    id: str
    note: str
    title: str
    heading: str
    text: str
    why: str
    person: bool = False
    score: float = 0.0
    asks: tuple[str, ...] = ()
    email: bool = False
    """Whether the note is a mail: a stranger's words, shown in plain text."""

    @property
    def wikilink(self) -> str:
        return f"[[{self.note.removesuffix('.md')}]]"


@dataclass(frozen=True, slots=True)
class Context:
    """The sources in the order of their right to be there; `withheld` pairs a note that a rule kept back with the reason."""

    sources: tuple[Source, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Circle:
    """What of the world a context is gathered in: the user's `own` addresses (case-folded), to whom the answer goes
    (`readers`), which of those addresses the user never exchanged mail with (`unknown`), the user's rules, the folder where
    every note is about a person (`people_folder`), and the notes to leave out: the mail's `own_note` and all that lies in
    `left_out` (folders or notes). What was written after `until` did not yet exist: a mail by its date, any other note by the time of its last change, or by its `date` property where
    `trust_dates` says so."""

    own: frozenset[str] = frozenset()
    readers: tuple[Address, ...] = ()
    unknown: frozenset[str] = frozenset()
    rules: Disclosure = field(default_factory=Disclosure)
    own_note: str = ""
    people_folder: str = "People"
    left_out: tuple[str, ...] = ("Email/Drafts",)
    until: datetime | None = None
    trust_dates: bool = False


def gather(
    index: Index,
    message: Message,
    reply: MailText,
    wanted: Iterable[Ask],
    circle: Circle,
    *,
    budget: int,
    vectors: Vectors | None = None,
) -> Context:
    """What the vault knows for an answer to `message`: the thread, the notes of its people, mail with them, and what a
    search finds for each ask and for the whole. `budget` is in tokens; a passage is taken whole or not at all, each once."""
    people = _people(index, message, circle)
    to = _audience(index, people, message, reply, circle)
    chosen: list[Source] = []
    kept_back: dict[str, str] = {}
    seen: dict[tuple[str, str], int] = {}
    left = budget
    left_out = places(circle.left_out)

    def usable(candidate: Candidate, wanted: bool = True) -> bool:
        """Whether a note may be used; where not, that is told if it was `wanted`: if else it would have been."""
        note = candidate.note
        if note.path == circle.own_note or note.type in UNSEARCHED or lies_in(note.path, left_out):
            return False
        if not existed(note, circle):
            return False
        reason = withheld(candidate, to, circle.rules)
        if reason and wanted:
            kept_back.setdefault(note.path, reason)
        return not reason

    for found in _found(index, people, message, reply, list(wanted), circle, usable, vectors):
        note = found.candidate.note
        if (at := seen.get((note.path, found.text))) is not None:
            if found.ask:
                chosen[at] = replace(chosen[at], asks=(*chosen[at].asks, found.ask))
            continue
        plain = unescape(found.text) if note.type == "email" else balanced(found.text)
        cost = tokens(plain) + 20
        if not plain.strip() or cost > left:
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


def existed(note: NoteRow, circle: Circle) -> bool:
    """Whether all that a note says was there at the time that the context is for; in doubt it was not."""
    if circle.until is None:
        return True
    by_date = note.type == "email" or circle.trust_dates
    when = _moment(note.date) if by_date and note.date else None
    if when is None and note.type != "email":
        when = datetime.fromtimestamp(note.mtime_ns / 1e9, UTC)
    return when is not None and when < circle.until.astimezone()


def _moment(text: str) -> datetime | None:
    """A date property as a moment; a day alone as its end, since nothing says when in it."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        when += timedelta(days=1 if len(text.strip()) <= 10 else 0)
        return when if when.tzinfo else when.astimezone()
    except (OverflowError, ValueError):
        return None


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


def _audience(
    index: Index, people: list[NoteRow], message: Message, reply: MailText, circle: Circle
) -> Audience:
    known = {n.id: n for n in people if existed(n, circle)}
    for note in _mentioned(index, f"{message.subject}\n{reply.newest}"):
        known.setdefault(note.id, note)
    called = {name for id_ in known for name in index.names_of(id_)}
    called |= {name_key(a.name) for a in (*message.authors, *message.to, *message.cc) if a.name}
    called |= {person_target(n.path) for n in known.values()}
    to = circle.readers or message.reply_to or message.authors
    readers = frozenset(a.key for a in to if a.email and a.key not in circle.own)
    noted = {
        r for r in readers if any(not n.auto_created and existed(n, circle) for n in index.with_address(r))
    }
    return Audience(
        readers=readers,
        people=frozenset(known),
        called=frozenset(called),
        strangers=(readers & circle.unknown) - noted,
    )


def _people(index: Index, message: Message, circle: Circle) -> list[NoteRow]:
    """The person notes of those on the mail, the user aside. A name alone makes nobody of whom the user never heard."""
    found: dict[int, NoteRow] = {}
    for address in (*message.authors, *message.to, *message.cc):
        name = "" if address.key in circle.unknown else address.name
        if address.key not in circle.own and (known := person(index, address.email, name)):
            found.setdefault(known.id, known)
    return list(found.values())


def _mentioned(index: Index, text: str) -> list[NoteRow]:
    """The person notes whose whole name stands in a text, where only one note has that name."""
    words = re.findall(r"\w[\w'’.-]*", text[:20_000])
    names = {
        " ".join(words[n : n + size]).strip(".") for size in (2, 3) for n in range(len(words) - size + 1)
    }
    found: dict[int, NoteRow] = {}
    for name in names:
        if name[:1].isupper() or not name.isascii():
            rows = index.with_name(name)
            if len(rows) == 1:
                found.setdefault(rows[0].id, rows[0])
    return list(found.values())


def _found(
    index: Index,
    people: list[NoteRow],
    message: Message,
    reply: MailText,
    wanted: list[Ask],
    circle: Circle,
    usable: Callable[[Candidate, bool], bool],
    vectors: Vectors | None,
) -> Iterator[_Found]:
    """What may be used, in the order of its right to the budget. Of what a search finds, what is kept back takes nobody's
    place."""

    def candidate(note: NoteRow, *, in_thread: bool = False, wanted: bool = True) -> Candidate | None:
        """The note as a candidate, None where it may not be used."""
        parties = frozenset(index.parties_of(note.id)) if note.type == "email" else frozenset()
        owner = (
            None if note.person or note.type == "email" else _owner(index, note.path, circle.people_folder)
        )
        made = Candidate(note, parties, owner, in_thread)
        return made if usable(made, wanted) else None

    thread = (
        [n for n in index.in_thread(message.thread or "") if n.path != circle.own_note]
        if message.thread
        else []
    )
    thread = [n for n in thread if existed(n, circle)]
    for note in reversed(thread[-THREAD_NOTES:]):
        if earlier := candidate(note, in_thread=True):
            yield _Found(earlier, "", said(note.body), "earlier in this thread")
    for note in people:
        if about := candidate(note):
            for _, heading, text in index.passages_of(note.id):
                if not _NOT_SAID.search(heading):
                    yield _Found(about, heading, text, ON_THE_MAIL)
    taken = {n.id for n in thread} | {n.id for n in people}
    sender = message.sender
    for note in (
        index.mail_with(sender.key, MAIL_WITH_THEM + len(thread) + 1) if sender and sender.email else ()
    ):
        if note.id not in taken and (theirs := candidate(note)):
            yield _Found(theirs, "", said(note.body), "your mail with them")
    near = index.linked(list(taken)) if taken else set()
    for query, limit, ask in _queries(message, reply, wanted):
        left = limit
        hits = (
            h for h in search(index, query, LOOKED_AT + len(taken), vectors, near) if h.note_id not in taken
        )
        for rank, hit in enumerate(hits):
            note = index.note(hit.note_id)
            found = candidate(note, wanted=rank < limit) if left else None
            if found is None:
                continue
            left -= 1
            # What a mail quotes has readers of its own.
            text = said(hit.text) if note.type == "email" else hit.text
            why = (
                "linked from the people or the thread, and found"
                if hit.note_id in near
                else "found in the vault"
            )
            yield _Found(found, hit.heading, text, why, hit.score, ask)


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


def _queries(message: Message, reply: MailText, wanted: list[Ask]) -> Iterator[tuple[str, int, str]]:
    for ask in wanted:
        yield f"{ask.text} {message.subject}", HITS_PER_ASK, ask.text
    newest = " ".join(reply.newest.split()[:120])
    yield f"{message.subject} {newest}", HITS, ""
