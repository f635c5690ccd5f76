"""Whether an approved draft may go out as it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.assistant.lane import BLANK
from mailbot.language.phrases import Phrases, lowered
from mailbot.sync.memory.rows import DraftRow

_ATTACHED = Phrases("{{matter.attached}}")


@dataclass(frozen=True, slots=True)
class Going:
    """What is known of a draft just before it goes out: its reply, how many files it has, the hash of what its note says, whether its
    bytes are those that were seen last, what the note's status is, and the notes of newer mails of others in its thread."""

    reply: str
    files: int
    noted: str
    whole: bool
    status: str = "approved"
    newer: tuple[str, ...] = ()


def hindrance(draft: DraftRow, going: Going) -> str:
    """Why a draft must not be sent, whoever asks for it; empty if nothing is in the way."""
    if draft.status == "sent":
        return "it was sent already"
    if draft.status != "approved":
        return f"it is `{draft.status}`, and only what you have approved is sent; run `mailbot approve` first"
    if going.status != "approved":
        return f"its note says `{going.status}` by now"
    if draft.approved != going.noted:
        return "it was changed after you approved it; approve it again"
    if not going.reply.strip():
        return "it has no text"
    if blank := BLANK.search(going.reply):
        return f"it still has a blank: {blank[0]}; fill it in, and approve it again"
    if not going.whole:
        return (
            "the draft in Drafts is not the one that you approved; run `mailbot sync`, and look at it again"
        )
    return ""


def doubts(going: Going) -> tuple[str, ...]:
    """What the user should know before it goes out. Without the user nothing is sent that has one."""
    found = []
    if not going.files and promises_file(going.reply):
        found.append("it speaks of an attachment, and has none")
    if going.newer:
        found.append(f"the thread has a newer mail: {', '.join(f'[[{note}]]' for note in going.newer)}")
    return tuple(found)


def promises_file(text: str) -> bool:
    """Whether a text says that a file comes with it, in whatever language."""
    written = "\n".join(line for line in text.split("\n") if not line.startswith(">"))
    return bool(_ATTACHED.search(lowered(written)))
