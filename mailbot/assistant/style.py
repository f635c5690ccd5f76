"""How the user writes: what can be learned from what they have sent. Pure. Mails to the person teach from the first on, mails to
others only if there are five."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailbot.assistant.closing import parted
from mailbot.language.detect import language_of
from mailbot.language.lists import entries
from mailbot.language.phrases import Phrases

ENOUGH = 5
MOST = 12
EXCERPT = 500
"""Characters of a mail that are shown as an example, to the very person it was written to."""
_WORD = Phrases("{{manner.greeting}}", re.IGNORECASE)
"""What may be kept of a greeting; all else in it is taken for somebody's name."""
_NAMED = Phrases(r"(.{1,20}?)([ ]?{{manner.honorific}})([、,，：:]?)\s*$")
"""A name with a title behind it, as in Japanese and Chinese."""
_NAME_FIRST = Phrases(
    r"(.{1,12}?)([、，,] ?{{manner.greeting}}\W{0,2})\s*$", re.IGNORECASE, ("zh", "ja", "ko")
)
_BARE_NAME = re.compile(r"[^\W\d_][\w'’-]{1,20}[,!]\s*$")
_REST = Phrases(r"(?:[^.?。？]|{{ask.abbreviation}}\.){0,60}[,!:.、。，！：]?\s*$", re.IGNORECASE)
_FORMAL = Phrases(r"^{{manner.formal}}|{{manner.formal_closing}}", re.IGNORECASE | re.MULTILINE)


def is_formal(text: str) -> bool:
    """Whether a mail is written as to somebody one does not know well."""
    return bool(_FORMAL.search(text))


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail of the user's: the address it went to, its ISO day, its newest text without quotes and signature, what it
    is called in a note (a wikilink to the mail it answers, or its subject), its subject, and all to whom it went."""

    to: str
    day: str
    text: str
    source: str = ""
    alone: bool = True
    """Whether it went to nobody else."""
    subject: str = ""
    readers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Voice:
    """How the user writes to somebody, in words for a prompt, and the closing that code sees to."""

    words: str = ""
    closing: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    """How the user writes to somebody: `greeting` as a line with `{name}` where a name stands, `closing` with the name that the user
    signs with below it, the middle length in words, whether formally, and `examples` that this very person has read. Of whom
    nothing is known, `samples` is 0, and the form is that of the language."""

    samples: int
    language: str
    greeting: str = ""
    closing: str = ""
    words: int = 0
    formal: bool = False
    examples: tuple[str, ...] = ()

    def in_words(self, extra: str = "") -> str:
        """As a prompt says it; `extra` is what the user has laid down on style."""
        tone, name = ("formal", "(name)") if self.formal else ("informal", "(first name)")
        lines = [
            f"- Learned from {self.samples} mails, usually about {self.words} words long, {tone} in tone."
            if self.samples
            else "- Nothing is known of this person, or the mail is formal: write formally, as the language does."
        ]
        if self.greeting:
            lines.append(f"- Greets: {self.greeting.replace('{name}', name)}")
        if self.closing:
            lines.append(f"- Closes: {self.closing.replace(chr(10), ' / ')}")
        lines += [f"- An earlier mail to this person:\n  {e}" for e in self.examples]
        if extra:
            lines.append(f"- The user's own notes on style:\n{extra}")
        return "\n".join(lines)

    def voice(self, extra: str = "") -> Voice:
        """The same for a draft. Code sees to a closing that Sent shows; where the user has laid down how to write, their words
        count alone."""
        return Voice(self.in_words(extra), self.closing if self.samples and not extra else "")


def chosen(samples: Iterable[Sample], to: str, newest: str) -> list[Sample]:
    """The samples that say most about a mail to `to` in answer to `newest`: those to the person, then to their domain, then
    those of like formality; in the language of the mail; at most MOST. Fewer than ENOUGH are none, unless they went to the person."""
    language, formal = language_of(newest), is_formal(newest)
    domain = to.rpartition("@")[2]

    def distance(sample: Sample) -> int:
        if sample.to == to:
            return 0
        return 1 if sample.to.rpartition("@")[2] == domain else 2 if is_formal(sample.text) == formal else 3

    fitting = [s for s in samples if s.text.strip() and language_of(s.text) == language]
    newest_first = sorted(fitting, key=lambda s: s.day, reverse=True)
    ranked = sorted(newest_first, key=distance)[:MOST]
    own = [s for s in ranked if s.to == to]
    return ranked if len(ranked) >= ENOUGH else own


def formal_style(language: str) -> Style | None:
    """How one writes formally in a language, None where its words are not known."""
    polite = entries("manner.formal_outline", language)
    return Style(0, language, polite[0].replace("{0}", "{name}"), polite[3], formal=True) if polite else None


def style_towards(
    samples: Iterable[Sample], to: str, newest: str, *, alone: bool, stranger: bool
) -> tuple[list[Sample], Style | None]:
    """(the samples that say most about an answer to `newest`, what they have in common). To a `stranger`, or in answer to a formal
    mail, the form of the language where they say nothing."""
    formal, found = is_formal(newest), chosen(samples, to, newest) if to else []
    style = style_of(found, to, alone=alone, formal=formal, stranger=stranger)
    if style is None and (formal or stranger):
        style = formal_style(language_of(newest))
    return found, style


def style_of(
    samples: Sequence[Sample], to: str, *, alone: bool = False, formal: bool = False, stranger: bool = False
) -> Style | None:
    """What the samples have in common: the habits towards `to`, else towards their domain. To a `stranger`, or in answer to a
    `formal` mail, habits towards others say nothing; to anybody else those of like tone do. None where they say nothing. Examples
    are given only of mails to `to` and nobody else, and only where the answer goes to them `alone`."""
    own = [s for s in samples if s.to == to]
    domain = [s for s in samples if s.to.rpartition("@")[2] == to.rpartition("@")[2]]
    alike = [s for s in samples if is_formal(s.text) is formal]
    # One mail to the person says more than many to others; to others of another tone nothing is to be learned.
    others = [] if stranger or formal or len(samples) < ENOUGH else alike
    telling = own or (domain if len(domain) > 1 else []) or (others if len(others) > 1 else [])
    if not telling:
        return None
    return Style(
        samples=len(samples),
        language=language_of(" ".join(s.text for s in samples)),
        greeting=_commonest(greeting(s.text) for s in telling),
        closing=_commonest(parted(s.text[-2000:]).closing for s in telling),
        words=int(statistics.median(len(s.text.split()) for s in telling)),
        formal=sum(is_formal(s.text) for s in telling) * 2 > len(telling),
        examples=tuple(
            " / ".join(line.strip() for line in s.text[: 2 * EXCERPT].split("\n") if line.strip())[:EXCERPT]
            for s in [s for s in own if s.alone and alone][:2]
        ),
    )


def greeting(text: str) -> str:
    """The greeting of a mail with its name taken out: `Hi {name},`; empty if there is none."""
    first = next((line.strip()[:120] for line in text[:2000].split("\n") if line.strip()), "")
    if word := _WORD.match(first):
        return _unnamed(word[0], first[word.end() :]) if _REST.match(first[word.end() :]) else ""
    if named := _NAMED.match(first):
        return f"{{name}}{named[2]}{named[3]}"
    if named := _NAME_FIRST.match(first):
        return f"{{name}}{named[2]}"
    return _unnamed("", first) if _BARE_NAME.match(first) else ""


_MARKS = ",!:.、。，！："


def _unnamed(word: str, rest: str) -> str:
    name, mark = rest.strip(f" {_MARKS}"), rest[-1:] if rest[-1:] in _MARKS else ""
    gap = " " if word and name and rest[:1].isspace() else ""
    return f"{word}{gap}{'{name}' if name else ''}{mark}"


def closing(text: str) -> str:
    """The closing line of a mail, empty if there is none."""
    return parted(text[-2000:]).closing.partition("\n")[0]


def _commonest(found: Iterable[str]) -> str:
    counted = Counter(f for f in found if f)
    return counted.most_common(1)[0][0] if counted else ""
