"""What the user has written into the status of a draft note, beside what is true. Pure: Obsidian shows that property, so it must not
say what is not so."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.decide.sendable import LOST
from mailbot.sync.memory.rows import DraftRow
from mailbot.vault.read_draft import ReadDraft

ENDED = ("sent", "answered", "superseded", "discarded")
_TAKEN_UP = ("draft", "edited", "approved")
_OWN = ("sent", "answered", "superseded", "sending", "missing", "conflict", "unknown")
"""What only mailbot says: it has seen it."""
CHOOSE = "write `resolve: server` or `resolve: note` into the properties"


@dataclass(frozen=True, slots=True)
class TakeUp:
    """The user wants a discarded draft back: with the text of its note it goes into Drafts again."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The user says that a mail of which nobody knew whether it was sent has arrived."""


@dataclass(frozen=True, slots=True)
class NeverSent:
    """The user says that it was not sent: its life goes on."""


@dataclass(frozen=True, slots=True)
class Correct:
    """The property is put right, and the note says why."""

    why: str
    typo: bool = False
    """The user means something, and mailbot cannot tell what."""


Answer = TakeUp | Arrived | NeverSent | Correct


def said_status(draft: DraftRow, note: ReadDraft) -> Answer | None:
    """What is to be done about the status that stands in the note of a draft of which there is nothing else to be done; None where it
    says what is so. (`draft` and `edited` may stand for one another.)"""
    said, true = note.status, draft.status
    if true == "conflict" and note.resolve not in ("", "server", "note"):
        return Correct(f"`resolve: {note.resolve[:40]}` chooses nothing: {CHOOSE}.")
    if said == "":
        return Correct(f"It is `{true}`; the property was empty.")
    if said == true or (said in ("draft", "edited") and true in ("draft", "edited")):
        return None
    if true == "discarded" and said in _TAKEN_UP:
        # A note that could not be told says nothing of the user's wish.
        told = bool(draft.why) and any(draft.why.casefold() in line.casefold() for line in note.history)
        return TakeUp() if told else Correct(f"It was discarded: {draft.why or 'it is no longer in Drafts'}.")
    if draft.sent_at and true == "unknown" and said in ("sent", "draft", "edited", "approved"):
        if said == "approved":
            return Correct(f"It may have been sent already: ask whether it arrived; {LOST}.")
        return Arrived() if said == "sent" else NeverSent()
    if true in ENDED:
        return Correct(f"It stays `{true}`; `mailbot draft NOTE --again` makes another draft of this mail.")
    if said not in (*_TAKEN_UP, *_OWN, "discarded"):
        return Correct(
            f"`{said[:40]}` is no status that you can set: write `approved` or `discarded`.", typo=True
        )
    if true == "conflict":
        return Correct(f"It was edited on both sides: {CHOOSE}.")
    if said in _OWN:
        return Correct(
            f"`{said}` is what mailbot writes when it has seen it; if you are done with the draft, write `discarded`."
        )
    return Correct(f"It stays `{true}`{f': {draft.why}' if draft.why else ''}.")
