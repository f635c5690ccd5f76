"""The notes that may answer the questions of a mail, each once, with the sentence of it that may be the answer. No model is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailbot.assistant.asks import sentences
from mailbot.assistant.support import content_words
from mailbot.vault.draft import Lead
from mailbot.vault.source import Source
from mailbot.vault.verdict import Ask

LONGEST = 200
"""Characters of a sentence that are shown."""
_WRAPPED = 60
"""A shorter line was not broken by an editor: it ends where its author ended it."""


def leads(asks: Iterable[Ask], sources: Iterable[Source], known: Iterable[Source] = ()) -> tuple[Lead, ...]:
    """The notes that were found for a question, each with its questions: first those that have a sentence for one, else in the
    order of their right to be there. Of the `known` sources the readers must not be told: only the user reads this."""
    sources, known = tuple(sources), tuple(known)
    wanted = tuple(dict.fromkeys(ask.text for ask in asks))
    of_note: dict[str, list[Source]] = {}
    for source in (*sources, *known):
        if source.asks:
            of_note.setdefault(source.wikilink, []).append(source)
    found = []
    for link, passages in of_note.items():
        answers: dict[str, list[str]] = {}
        for ask in wanted:
            if of := [s for s in passages if ask in s.asks]:
                answers.setdefault(answer_in(of, ask), []).append(ask)
        if answers:
            told = tuple((tuple(of), sentence) for sentence, of in answers.items())
            found.append(Lead(link, told, only_known=not any(s in sources for s in passages)))
    return tuple(sorted(found, key=lambda lead: not any(sentence for _, sentence in lead.answers)))


def answer_in(passages: Iterable[Source], ask: str) -> str:
    """The sentence that has most of a question's words and says more than the question does; empty for none. What the note's
    title or heading says already, every sentence below is about: it counts half."""
    asked = content_words(ask)
    best, most = "", 0.0
    for passage in passages:
        about = content_words(f"{passage.title} {passage.heading}")
        text = passage.text if passage.email else spoken(passage.text)
        for sentence in sentences(_lines_apart(text)):
            words = content_words(sentence)
            shared = len(words & asked) - len(words & asked & about) / 2
            if shared > most and not words <= asked and not re.search(r"[?？؟]\W*$", sentence):
                best, most = sentence, shared
    return _cut(best, asked)


def spoken(markdown: str) -> str:
    """A passage of the user's own notes as its words, without the marks of Markdown; each row of a table is a sentence."""
    markdown = _TABLE.sub(_rows, markdown)
    text = re.sub(r"!?\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]", r"\1", markdown)
    text = re.sub(r"!?\[([^\[\]]*)\]\([^()\s]*\)", r"\1", text)
    text = re.sub(r"^[ \t]*(?:`{3,}|~{3,}).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^[ \t]*(?:>[ \t]?|#{1,6}[ \t]+|[-*+][ \t]+\[.\][ \t]+)+", "", text, flags=re.MULTILINE)
    return re.sub(r"\*\*|__|==|~~|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)", "", text)


_TABLE = re.compile(
    r"^[ \t]*\|(?P<head>.*)\|[ \t]*\n[ \t]*\|[ \t:|-]+\|[ \t]*\n(?P<rows>(?:[ \t]*\|.*(?:\n|\Z))*)",
    re.MULTILINE,
)


def _rows(table: re.Match[str]) -> str:
    """`| store | reads |` over `| Alder | 9.1 |` -> `store: Alder, reads: 9.1`."""
    head = [cell.strip() for cell in table["head"].split("|")]
    rows = [
        [cell.strip() for cell in row.strip().strip("|").split("|")] for row in table["rows"].splitlines()
    ]
    said = [", ".join(f"{h}: {c}".strip(": ") for h, c in zip(head, row, strict=False) if c) for row in rows]
    return "\n\n" + "\n\n".join(said) + "\n\n"


def _lines_apart(text: str) -> str:
    return "\n".join(f"{line}\n" if len(line) <= _WRAPPED else line for line in text.split("\n"))


def _cut(sentence: str, asked: set[str]) -> str:
    """A sentence, or the part of a long one that begins a little before the first word of the question."""
    if len(sentence) <= LONGEST:
        return sentence
    at = next((m.start() for m in re.finditer(r"\w+", sentence) if content_words(m[0]) & asked), 0)
    start = sentence.rfind(" ", 0, max(0, min(at, len(sentence) - LONGEST) - LONGEST // 4)) + 1
    end = start + LONGEST - 2
    if end < len(sentence):
        end = max(sentence.rfind(" ", start, end), start + LONGEST // 2)
    return f"{'…' if start else ''}{sentence[start:end].strip()}{'…' if end < len(sentence) else ''}"
