"""Mail -> Context: what the vault knows that its answer may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailbot.assistant.context.existed import existed
from mailbot.assistant.context.find import Find, Finds, in_turn
from mailbot.assistant.context.heard import Heard
from mailbot.assistant.context.letters import letters, read_by_all
from mailbot.assistant.context.packing import packed
from mailbot.assistant.context.queries import Query, queries
from mailbot.assistant.context.relevance import Relevance
from mailbot.assistant.context.remarks import manner_told
from mailbot.assistant.context.rerank import Reranker
from mailbot.assistant.context.selection import PASSAGES, Selection, is_short
from mailbot.assistant.context.surroundings import firm_notes, linked_from, people_on, replacements
from mailbot.assistant.disclosure.parties import Parties
from mailbot.assistant.disclosure.readers import readers_of
from mailbot.assistant.disclosure.rules import Rules
from mailbot.assistant.scope import Scope
from mailbot.assistant.style import Sample
from mailbot.mail.freemail import is_for_all
from mailbot.mail.mail import Mail
from mailbot.vault.entry import UNSEARCHED
from mailbot.vault.index import Index
from mailbot.vault.note_row import NoteRow
from mailbot.vault.search import Hit, search
from mailbot.vault.source import Context
from mailbot.vault.vectors import Vectors
from mailbot.vault.verdict import Ask
from mailbot.vault.walk import lies_in, places

THREAD_NOTES = 4
MAIL_WITH_THEM = 2
LOOKED_AT = 60
"""Of what a search finds, how many notes are looked at for those that may be shown."""
HITS = 4
"""Of those that may be shown, how many a search gives; of the others, how many that stand before them."""
RERANKED = 12
"""Notes that a reranker is asked about."""
THREAD, PERSON, MAIL = 0.95, 0.8, 0.45
"""What a note is worth by its place alone, before anything is searched."""


@dataclass(frozen=True, slots=True)
class Searching:
    """Where is searched, and what may be seen there: the index, the readers' selection of it, vectors and a reranker where there
    are some."""

    index: Index
    selection: Selection
    vectors: Vectors | None = None
    reranker: Reranker | None = None


def gather(
    index: Index,
    mail: Mail,
    asks: Iterable[Ask],
    scope: Scope,
    *,
    budget: int,
    vectors: Vectors | None = None,
    reranker: Reranker | None = None,
    parties: Parties | None = None,
    sent: Iterable[Sample] = (),
) -> Context:
    """What the vault knows for an answer to `mail`, within `scope`: the thread, the notes of its people and of their
    organisations, mail with them, what a search finds for each ask and for the whole, and what those link to. `budget` is in
    tokens; it is spent on what is worth most, and not filled. `sent` are mails of the user's, of which the readers' own may be shown.
    Raises what the embedder and the reranker raise."""
    known = parties or parties_of(index, scope)
    to = readers_of((a.email for a in scope.readers or mail.message.reply_to or mail.message.authors), scope.own, known, scope.strangers)  # fmt: skip
    theirs = read_by_all(sent, to)
    heard = Heard(index, to, (f"{s.subject}\n{s.text}" for s in theirs))
    rules = Rules(to, known, scope.rules, heard, index.concerns_of)
    selection = Selection(index, rules)
    gathering = _Gathering(Searching(index, selection, vectors, reranker), mail, tuple(asks), scope, known)
    shown = [(find, selection.shown(find)) for find in gathering.found()]
    written = list(letters(theirs, to, gathering.relevance))
    told = manner_told(index, rules, scope)
    return packed(shown, written, budget, told, looked_up=any(a.lookups for a in asks))


def parties_of(index: Index, scope: Scope) -> Parties:
    """Everybody whom the vault and the mail know, from the user's place."""
    return Parties(
        index,
        scope.own,
        scope.internal_domains or scope.rules.internal_domains,
        own_names=scope.own_names,
        written_to=(d for d in scope.written_to if not is_for_all(d)),
        people_folder=scope.people_folder,
    )


class _Gathering:
    """One search for one mail, from what lies nearest to what is furthest."""

    def __init__(
        self, where: Searching, mail: Mail, asks: Sequence[Ask], scope: Scope, parties: Parties
    ) -> None:
        self.where, self.index, self.mail, self.asks, self.scope = where, where.index, mail, asks, scope
        self.parties = parties
        self.finds = Finds()
        self._left_out = places(scope.left_out)
        self._queries = list(queries(mail, asks))
        self.relevance = Relevance(self.index, (q.text for q in self._queries))

    def found(self) -> list[Find]:
        """Every note that may serve, those of most worth first."""
        self._thread()
        self._people()
        self._firms()
        for query in self._queries:
            self._search(query)
        for find in linked_from(self.index, self.finds.ranked(), self.relevance):
            self._add(find)
        for find in replacements(self.index, self.finds):
            self._add(find)
        lookups = sum(len(ask.lookups) for ask in self.asks)
        return self.finds.weighed(lookups / len(self.asks) if self.asks else 0.0)

    def _add(self, find: Find) -> None:
        if self._counts(find.note):
            self.finds.add(find)

    def _counts(self, note: NoteRow) -> bool:
        """Whether a note is looked at in any case."""
        aside = (
            note.path == self.scope.own_note or note.type in UNSEARCHED or lies_in(note.path, self._left_out)
        )
        return not aside and not note.merged_into and existed(note, self.scope)

    def _thread(self) -> None:
        thread = self.mail.message.thread
        places = self.index.thread_places(thread) if thread else []
        rows = [n for _, path in places if (n := self.index.at(path)) and self._counts(n)]
        for note in reversed(rows[-THREAD_NOTES:]):
            self._add(Find(note, THREAD, "earlier in this thread", in_thread=True))
        for note in rows[:-THREAD_NOTES]:
            self._add(Find(note, MAIL / 2, "earlier in this thread", in_thread=True))

    def _people(self) -> None:
        for note in people_on(self.index, self.mail.message, self.scope):
            self._add(Find(note, PERSON, ON_THE_MAIL, passages=self.relevance.best_passages(note)))
        sender = self.mail.message.sender
        for note in self.index.mail_with(sender.key, MAIL_WITH_THEM + 1) if sender and sender.email else ():
            self._add(Find(note, MAIL * max(0.5, self.relevance.of(note)), "your mail with them"))

    def _firms(self) -> None:
        readers = self.scope.readers or self.mail.message.authors
        theirs = {p for a in readers for p in self.parties.at(a.email)}
        for find in firm_notes(self.index, self.parties, theirs, self.relevance, self._now()):
            self._add(find)

    def _search(self, query: Query) -> None:
        near = self.index.linked([f.note.id for f in self.finds if f.worth >= PERSON])
        open_, kept_back = list[tuple[Find, Hit]](), list[tuple[Find, Hit]]()
        texts: list[str] = []
        most = RERANKED if self.where.reranker else HITS
        for hit in search(self.index, query.text, LOOKED_AT, self.where.vectors, near):
            note = self.index.note(hit.note_id)
            if len(open_) == most or not self._counts(note):
                continue
            asks = [query.ask] if query.ask else []
            find = Find(note, 0.0, "found in the vault", asks, list(hit.passages), searched=True)
            if shown := self.where.selection.shown(find).texts:
                open_.append((find, hit))
                texts.append("\n".join((note.title, *shown.values())))
            elif len(kept_back) < HITS - len(open_):
                kept_back.append((find, hit))
        # Only what these readers may see goes to a reranker.
        reranker = self.where.reranker
        scores = (
            reranker.scores(query.text, texts) if reranker and texts else self.relevance.scores(query, open_)
        )
        for (find, _), score in zip(open_, scores, strict=True):
            find.worth = query.weight * score
            if not is_short(find.note):
                by_words = self.relevance.best_passages(find.note, query.text)[:PASSAGES]
                find.passages = in_turn(by_words, find.passages[:1])
        for (find, _), score in zip(kept_back, self.relevance.scores(query, kept_back), strict=True):
            find.worth = query.weight * score
        best = sorted(open_, key=lambda pair: -pair[0].worth)[:HITS]
        for find, _ in (*best, *kept_back):
            self._add(find)

    def _now(self) -> datetime:
        date = self.scope.until or self.mail.message.date
        return date.astimezone() if date else datetime.now().astimezone()


ON_THE_MAIL = "about a person on this mail"
