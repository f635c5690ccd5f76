"""A draft beside what the user really answered: taken up, left out, invented, length, language, recipients. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailbot.assistant.lane import BLANK
from mailbot.assistant.support import content_words, not_taken_up, uncarried
from mailbot.language.detect import language_of
from mailbot.vault.verdict import Ask


@dataclass(frozen=True, slots=True)
class Comparison:
    """`taken_up` and `left_out` are of the asks that the user's own answer took up; `invented` the hard facts of the draft that
    neither the mail, nor a source, nor the user's answer has; `length` the draft's words for each word of the user's."""

    taken_up: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    blanks: int = 0
    agreement: float = 0.0
    """The share of what the user's answer said beyond the mail that the draft says too, by its telling words."""
    length: float = 0.0
    same_language: bool = True
    recipients_right: bool = True


def compare(
    draft: str,
    answer: str,
    asks: Sequence[Ask],
    given: Iterable[str],
    drafted_to: Iterable[str],
    answered_to: Iterable[str],
) -> Comparison:
    """Compare the newest text of a draft with that of the answer, given its asks, the texts that the draft could
    rest on (`given`, the mail first), and the addresses (case-folded) that each went to."""
    # What quotes the question, or leaves a blank for its answer, answers nothing.
    own = BLANK.sub(" ", "\n".join(line for line in draft.split("\n") if not line.startswith(">")))
    every = [a.text for a in asks]
    dropped = set(not_taken_up(every, answer))
    wanted = [a for a in every if a not in dropped]
    missed = set(not_taken_up(wanted, own, strict=True))
    done = tuple(a for a in wanted if a not in missed)
    given = list(given)
    added = content_words(answer) - content_words("\n".join(given[:1]))
    return Comparison(
        taken_up=done,
        left_out=tuple(a for a in wanted if a not in done),
        invented=tuple(sorted(uncarried(own, [*given, answer]))),
        agreement=round(len(added & content_words(own)) / len(added), 2) if added else 0.0,
        blanks=len(BLANK.findall(draft)),
        length=round(len(draft.split()) / max(1, len(answer.split())), 2),
        same_language=language_of(draft) == language_of(answer),
        recipients_right=set(drafted_to) == set(answered_to),
    )
