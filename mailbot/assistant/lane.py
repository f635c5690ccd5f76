"""How far a draft can be trusted: `ready`, `check` with named doubts, or `needs_you` where only the user can go on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailbot.assistant.support import matters, not_taken_up, uncarried
from mailbot.vault.draft import Lane
from mailbot.vault.verdict import Ask

BLANK = re.compile(r"\[…[^\]]*\]|\[\.\.\.[^\]]*\]|\[your call[^\]]*\]", re.IGNORECASE)


def lane_of(
    text: str,
    asks: Sequence[Ask],
    given: Sequence[str],
    *,
    unknowns: Sequence[str] = (),
    supports: Sequence[tuple[str, str]] = (),
    removed: Sequence[str] = (),
    suspicious: Sequence[str] = (),
    third: Sequence[str] = (),
) -> tuple[Lane, tuple[str, ...]]:
    """The lane of a draft and why.

    `given` are the texts that it may rest on: the mail, the sources, the user's instruction. `supports` pairs a statement
    with its source or an empty text; `removed` is what the guard took out, `suspicious` why the mail looks like an attack,
    `third` are people whose notes it draws on and who are not on the mail.
    """
    blanks = list(unknowns) or (["it has blanks"] if BLANK.search(text) else [])
    doubts = [f"the mail looks like an attempt to steer the model: {why}" for why in suspicious]
    doubts += [f"no source for: {what}" for what, link in supports if not link]
    doubts += [f"may not be answered: {ask}" for ask in not_taken_up([a.text for a in asks], text)]
    if invented := sorted(uncarried(text, given)):
        doubts.append(f"not found in the mail or in any source: {', '.join(invented[:8])}")
    doubts += [f"it is about {what}" for what in matters(f"{text}\n{' '.join(a.text for a in asks)}")]
    doubts += [f"it uses the note about {name}, who is not on this mail" for name in third]
    if removed:
        doubts.append("something was removed from the answer")
    if not supports:
        doubts.append("it has no sources")
    if blanks:
        return "needs_you", (*blanks, *doubts)
    return (
        ("check", tuple(doubts))
        if doubts
        else ("ready", ("every statement has a source, and every question is answered",))
    )
