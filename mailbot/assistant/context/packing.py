"""What was found and may be shown -> Context: what is worth most for its tokens, with dates, and what was withheld of the best."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mailbot.assistant.context.find import Find
from mailbot.assistant.context.letters import Letter
from mailbot.assistant.context.remarks import Told
from mailbot.assistant.context.selection import Shown
from mailbot.assistant.context.surroundings import day_of
from mailbot.assistant.support import content_words
from mailbot.assistant.tokens import tokens
from mailbot.vault.source import Context, Source, Withheld

HEADER = 25
"""Tokens that a source costs beside its text."""
BEST = 10
"""What is withheld is told of the best so many."""
FAR_BELOW = 0.5
"""A find that is worth less than this share of the best is left out."""
COMMON = (FAR_BELOW, 0.8, 0.95)
"""The same for what a search has found for one, for two, for more asks that were looked up: what turns up for several and is best
for none has but the words that they share."""
EACH = 2
"""Finds that each ask keeps, whatever the best is worth."""
LEAST = 0.15
MOST = 12
"""Notes in a prompt."""
ALIKE = 0.4
"""Share of their words from which two sources speak of the same."""


def packed(
    shown: Sequence[tuple[Find, Shown]],
    letters: Sequence[Letter],
    budget: int,
    told: Told,
    *,
    looked_up: bool = False,
) -> Context:
    """The finds and the user's own letters, those of most worth first, within `budget` tokens; a text is taken whole or not at
    all. `told` is what the notes say of how to write; `looked_up` says that the asks were searched in words of their own."""
    best = max((f.worth for f, s in shown if s.texts), default=0.0)
    least = FAR_BELOW * best
    for_asks = _best_of_each_ask(shown)
    left = budget
    chosen: list[Source] = []
    withheld: dict[str, Withheld] = {}
    for number, letter in enumerate(letters):
        if number and letter.worth < least:  # the best of them stays: it is short, and both know it
            continue
        cost = tokens(letter.text) + HEADER
        if cost <= left:
            left -= cost
            chosen.append(_sent(f"S{len(chosen) + 1}", letter))
    for rank, (find, each) in enumerate(shown):
        if each.kept_back and rank < BEST and find.worth >= least:
            first = each.kept_back[0]
            withheld.setdefault(find.note.path, Withheld(find.note.path, first.reason, first.opens))
        wanted = best * (COMMON[_asks(find) - 1] if looked_up and find.searched else FAR_BELOW)
        if (find.worth < wanted and find.note.id not in for_asks) or len({s.note for s in chosen}) >= MOST:
            continue
        for use, text in each.texts.items():
            plain = text if find.note.type == "email" else balanced(text)
            cost = tokens(plain) + HEADER
            if not plain.strip() or cost > left:
                continue
            left -= cost
            note = find.note
            chosen.append(
                Source(
                    f"S{len(chosen) + 1}",
                    note.path,
                    note.title,
                    plain,
                    find.why,
                    note.person,
                    round(find.worth, 4),
                    tuple(find.asks),
                    note.type == "email",
                    use,
                    day_of(note),
                    replaced_by=note.replaced_by.rpartition("/")[2],
                )
            )
    return Context(_aged(chosen), tuple(withheld.values()), told.remarks, told.manner)


def _asks(find: Find) -> int:
    """For how many asks a note was found, as far as `COMMON` counts."""
    return min(max(len(find.asks), 1), len(COMMON))


def _sent(id_: str, letter: Letter) -> Source:
    title = f"Your mail of {letter.day}: {letter.subject}"
    why = "what you wrote to them"
    return Source(id_, "", title, letter.text, why, score=round(letter.worth, 4), email=True, date=letter.day)


def _best_of_each_ask(shown: Sequence[tuple[Find, Shown]]) -> set[int]:
    """The notes that have most for an ask, however little that is beside another's."""
    found: set[int] = set()
    for ask in dict.fromkeys(a for f, _ in shown for a in f.asks):
        of = [f.note.id for f, s in shown if ask in f.asks and s.texts and f.worth >= LEAST]
        found.update(of[:EACH])
    return found


def _aged(sources: list[Source]) -> tuple[Source, ...]:
    """The sources, each with those that are newer on the same matter."""
    words = [content_words(f"{s.title} {s.text}"[:4000]) for s in sources]
    found = []
    for n, source in enumerate(sources):
        newer = tuple(
            other.id
            for m, other in enumerate(sources)
            if (source.note, source.title) != (other.note, other.title)
            and source.date
            and source.date < other.date
            and len(words[n] & words[m]) >= ALIKE * min(len(words[n]), len(words[m]))
            and len(words[n] & words[m]) > 3
        )
        found.append(replace(source, newer=newer))
    return tuple(found)


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
