"""What a draft is taken for whose journal is lost, by what its note says and by where its message lies. In doubt, less."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.memory.rows import DraftStatus

_ENDED: tuple[DraftStatus, ...] = ("sent", "answered", "discarded", "superseded")
_KEPT: tuple[DraftStatus, ...] = ("draft", "edited", "missing", "conflict")
MAY_BE_SENT = "the journal was lost while it may have been on its way"
AGAIN = "The journal was rebuilt, so your approval is gone. Check in Sent that this was not sent already, then approve it again."


@dataclass(frozen=True, slots=True)
class Recovered:
    """`status` is what the journal is to say; `tells` what the note must say beside it, empty for nothing."""

    status: DraftStatus
    why: str = ""
    tells: str = ""


def recovered(said: str) -> Recovered:
    """The status of a draft whose note says this one. An approval is of a text whose hash is lost with the journal: it is taken
    back, so that nothing goes out that was not looked at. What may have been sent is never sent again by itself."""
    for status in (*_ENDED, *_KEPT):
        if said == status:
            return Recovered(status)
    if said in ("sending", "unknown"):
        return Recovered("unknown", MAY_BE_SENT)
    if said == "approved":
        return Recovered("edited", tells=AGAIN)
    return Recovered("edited")


def quote_lines(text: str) -> int:
    """How many lines at the end of a draft of ours quote the mail: those behind `>`, and the line above them that says whose they
    are; 0 where it quotes nothing."""
    lines = text.rstrip("\n").split("\n")
    start = len(lines)
    while start and lines[start - 1].startswith(">"):
        start -= 1
    if start == len(lines):
        return 0
    return len(lines) - start + (1 if start and lines[start - 1].strip() else 0)
