"""Message -> Context: what the vault knows that this reply may use, chosen, cited and packed into a budget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailbot.assistant.asks import Ask
from mailbot.mail.message import Message
from mailbot.mail.reply import Reply
from mailbot.vault.index import Index, NoteRow
from mailbot.vault.markdown import unescape
from mailbot.vault.people import person
from mailbot.vault.search import search

THREAD_NOTES = 4
HITS_PER_ASK = 3
HITS = 6


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
    """The sources in the order of their right to be there, and the names of notes that a rule withheld."""

    sources: tuple[Source, ...] = ()
    withheld: tuple[str, ...] = ()


def tokens(text: str) -> int:
    """About how many tokens a text takes: four letters each, or one for a character of a script without spaces."""
    wide = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text))
    return wide + (len(text) - wide) // 4 + 1


def gather(
    index: Index,
    message: Message,
    reply: Reply,
    wanted: Iterable[Ask],
    *,
    budget: int,
    own: frozenset[str],
    own_note: str,
    drafts_folder: str,
) -> Context:
    """What the vault knows for an answer to `message`: the thread, the notes of its people, what a search finds for
    each ask and for the whole. `budget` is in tokens; a passage is taken whole or not at all, each once."""
    chosen: list[Source] = []
    withheld: dict[str, None] = {}
    seen: dict[tuple[str, str], int] = {}
    left = budget
    for note, heading, text, why, is_person, score, ask in _candidates(
        index, message, reply, list(wanted), own, own_note
    ):
        if note.path == own_note or note.path.startswith(f"{drafts_folder}/"):
            continue
        if (at := seen.get((note.path, text))) is not None:
            if ask:
                chosen[at] = replace(chosen[at], asks=(*chosen[at].asks, ask))
            continue
        if note.private:
            withheld[f"{note.path}: it is marked private"] = None
            continue
        plain = unescape(text) if note.type == "email" else text
        if not plain.strip():
            continue
        cost = tokens(plain) + 20
        if cost > left:
            continue
        left -= cost
        seen[note.path, text] = len(chosen)
        chosen.append(
            Source(
                f"S{len(chosen) + 1}",
                note.path,
                note.title,
                heading,
                plain,
                why,
                is_person,
                score,
                asks=(ask,) if ask else (),
                email=note.type == "email",
            )
        )
    return Context(tuple(chosen), tuple(withheld))


_Candidate = tuple[NoteRow, str, str, str, bool, float, str]


def _candidates(
    index: Index, message: Message, reply: Reply, wanted: list[Ask], own: frozenset[str], own_note: str
) -> Iterator[_Candidate]:
    """(note, heading, text, why, whether of a person, score, ask), in the order of their right to the budget."""
    thread = (
        [n for n in index.in_thread(message.thread or "") if n.path != own_note] if message.thread else []
    )
    for note in reversed(thread[-THREAD_NOTES:]):
        yield note, "", _said(note.body), "earlier in this thread", False, 0.0, ""
    people: dict[int, NoteRow] = {}
    for address in (*message.authors, *message.to, *message.cc):
        if address.key not in own and (known := person(index, address.email, address.name)):
            people.setdefault(known.id, known)
    for note in people.values():
        for _, heading, text in index.passages_of(note.id):
            yield note, heading, text, "about a person on this mail", True, 0.0, ""
    people_on_it = {
        a.key for a in (*message.authors, *message.to, *message.cc) if a.key not in own and a.email
    }
    taken = {n.id for n in thread} | set(people)
    for query, limit, ask in _queries(message, reply, wanted):
        for hit in search(index, query, limit):
            if hit.note_id in taken:
                continue
            note = index.note(hit.note_id)
            if note.type == "email-draft" or (note.type == "email" and not _with(note, people_on_it)):
                continue  # one correspondent's mail is no matter for another
            yield (
                note,
                hit.heading,
                _said(hit.text) if note.type == "email" else hit.text,
                "found in the vault",
                False,
                hit.score,
                ask,
            )


def _with(note: NoteRow, people: set[str]) -> bool:
    """Whether a mail was from or to one of these addresses, by the header lines of its note."""
    head = unescape(note.body[:4000]).casefold()
    return any(f"<{email}>" in head for email in people)


def _queries(message: Message, reply: Reply, wanted: list[Ask]) -> Iterator[tuple[str, int, str]]:
    for ask in wanted:
        yield f"{ask.text} {message.subject}", HITS_PER_ASK, ask.text
    newest = " ".join(reply.newest.split()[:120])
    yield f"{message.subject} {newest}", HITS, ""


def _said(body: str) -> str:
    """The newest text of an email note: without its title and header lines, and without the folded callouts."""
    lines = []
    for line in body.split("\n"):
        if line.startswith(("> ", ">")) or re.match(r"#+ |\*\*(?:From|To|Cc|Date):\*\*|- \[\[", line):
            continue
        lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
