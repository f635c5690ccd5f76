"""Whether an approved draft may go out as it is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.assistant.lane import BLANK
from mailbot.language.phrases import Phrases, lowered
from mailbot.sync.memory.rows import DraftRow

_ATTACHED = Phrases("{{matter.attached}}")
ELLIPSIS = "[...]"
"""A blank, or words that somebody has left out of a quotation: only the user can tell."""
LOST = "`status: sent` in its properties says that it did, `status: draft` that it did not, and `mailbot send NOTE --again` sends it once more"
"""What to do about a mail of which nobody knows whether it was sent."""


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
    again: bool = False
    """Nobody knows whether it was sent, and the user wants it sent all the same."""


def hindrance(draft: DraftRow, going: Going) -> str:
    """Why a draft must not be sent, whoever asks for it; empty if nothing is in the way."""
    if draft.status == "sent":
        return "it was sent already"
    if draft.status in ("unknown", "sending") and draft.sent_at:
        return f"it may have been sent already: ask whether it arrived; {LOST}"
    if draft.status in ("answered", "superseded"):
        return f"it is `{draft.status}`; `mailbot draft NOTE --again` makes another draft of this mail"
    if draft.status == "discarded":
        return "it was discarded; set `status: draft` in its properties to have it back"
    if draft.status == "conflict":
        return "it was edited on both sides; write `resolve: server` or `resolve: note` into its properties first"
    if draft.status != "approved":
        return f"it is `{draft.status}`, and only what you have approved is sent; run `mailbot approve` first"
    if going.status != "approved":
        return f"its status is now `{going.status}`"
    if draft.approved != going.noted:
        return "it was changed after you approved it; approve it again"
    if missing := lacking(going.reply):
        return missing
    if not going.whole and going.again:
        return "it was changed since it may have been sent: write `status: draft` into its properties, run `mailbot sync`, and approve it"
    if not going.whole:
        return (
            "the draft in Drafts is not the one that you approved; run `mailbot sync`, and look at it again"
        )
    return ""


def lacking(reply: str) -> str:
    """Why a reply is not finished; empty if it is."""
    if not reply.strip():
        return "it has no text"
    blank = next((each for each in BLANK.finditer(reply) if each[0] != ELLIPSIS), None)
    return f"it still has a blank: {blank[0]}; fill it in, and approve it again" if blank else ""


def doubts(going: Going) -> tuple[str, ...]:
    """What the user should know before it goes out. Without the user nothing is sent that has one."""
    found = []
    if not going.files and promises_file(going.reply):
        found.append("the text mentions an attachment, but none is attached")
    if ELLIPSIS in going.reply:
        found.append(f"the text has {ELLIPSIS}, which may be a blank that nobody has filled in")
    if going.newer:
        found.append(f"there is a newer mail in this thread: {', '.join(going.newer)}")
    if re.search(r"%%.+?%%|<!--.+?-->", going.reply, re.DOTALL):
        found.append("the text has a comment, which Obsidian hides and readers see")
    if re.search(r"!?\[\[[^\]\n]+\]\]", going.reply):
        found.append("the text has a wikilink, which readers see as it is written")
    return tuple(found)


def promises_file(text: str) -> bool:
    """Whether a text says that a file comes with it, in whatever language."""
    written = "\n".join(line for line in text.split("\n") if not line.startswith(">"))
    return bool(_ATTACHED.search(lowered(written)))
