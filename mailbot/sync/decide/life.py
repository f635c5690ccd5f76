"""What the user did with a stored draft, told from three sides: what the journal knows, what the server holds, what the note says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mailbot.sync.decide.content import ALIKE
from mailbot.sync.decide.seen import Found, OnServer, Seen
from mailbot.sync.memory.rows import DraftRow, Location

MISSED_RUNS = 3
MISSED_FOR = timedelta(hours=6)
"""After so many runs, and so long, a draft that is nowhere counts as discarded."""

INTERRUPTED = "mailbot was stopped while it was being sent, and it is not in Sent; ask whether it arrived, then `mailbot send NOTE --again`"
NO_UIDPLUS = "the server cannot remove one message alone (it lacks UIDPLUS)"
MISSED = "it was found nowhere in three runs and six hours, so it counts as discarded"
SAME = 0.9
"""The likeness from which a mail in Sent is the draft, though the draft still lies in Drafts."""
SEVERAL = "several drafts in Drafts answer this mail; delete those that you do not want"


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is done, not a byte."""


@dataclass(frozen=True, slots=True)
class Relocate:
    """It lies elsewhere now, and says the same: only the journal learns of it, and the note if it was thought lost."""

    found: Found


@dataclass(frozen=True, slots=True)
class TakeText:
    """A mail client has changed it: the note takes its text and recipients, and it is theirs from now on."""

    found: Found


@dataclass(frozen=True, slots=True)
class Store:
    """The note was edited: the draft on the server is replaced. `theirs`: the user has said that theirs gives way."""

    why: str
    approved: bool = False
    theirs: bool = False


@dataclass(frozen=True, slots=True)
class Disagree:
    """Both were changed: both texts go into the note, and the user decides."""

    found: Found | None


@dataclass(frozen=True, slots=True)
class WasSent:
    """It was sent, as it was or changed. `left` are copies of ours that lie in Drafts all the same."""

    found: Found
    left: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class WasAnswered:
    """The user has answered in other words."""

    found: Found
    left: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Discard:
    """It is not wanted any more: `remove` says that the server still has it. `by` is who said so."""

    why: str
    by: Literal["client", "user"]
    remove: bool
    theirs: bool = False
    """What a mail client has saved of it stays in Drafts."""


@dataclass(frozen=True, slots=True)
class Miss:
    """It is nowhere. Nothing is decided yet."""


@dataclass(frozen=True, slots=True)
class Return:
    """It is back where it lay."""


@dataclass(frozen=True, slots=True)
class Approve:
    """The user has set its note to approved."""


@dataclass(frozen=True, slots=True)
class Unapprove:
    """The approval is taken back, or what was approved has changed."""

    why: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """What became of it cannot be told: left alone, with what the user can do."""

    why: str


Life = (
    Leave
    | Relocate
    | TakeText
    | Store
    | Disagree
    | WasSent
    | WasAnswered
    | Discard
    | Miss
    | Return
    | Approve
    | Unapprove
    | Doubt
)


def life(draft: DraftRow, seen: Seen) -> Life:
    """What became of a stored draft, and what is to be done. Where Sent has it, it was sent, whatever else there is; then what the
    user says in the note; then what was done in a mail client; last what was edited in the note."""
    server, note = seen.server, seen.note
    if server.sent:
        return _gone_out(draft, server, server.sent)
    if draft.status == "sending":
        return Doubt(INTERRUPTED)
    if draft.status == "discarded":
        return _in_drafts(draft, seen) if note.there else Leave()
    ours, theirs = (
        server.placed and draft.ours,
        bool(_successors(server)) or (server.placed and not draft.ours),
    )
    if not note.there:
        return Discard("you deleted its note", "user", ours, theirs)
    if note.read and note.status == "discarded":
        return Discard("you discarded it", "user", ours, theirs)
    if draft.status == "unknown" and (
        draft.sent_at or not (server.placed or server.copies or draft.why == SEVERAL)
    ):
        return Leave()  # what may have gone out is not touched again
    return _in_drafts(draft, seen)


def _gone_out(draft: DraftRow, server: OnServer, sent: Found) -> Life:
    ours = tuple(f for f in server.copies if f.ours)
    if sent.by_id:
        return WasSent(sent, ours)
    left = server.placed and not draft.sent_at
    same = sent.strict >= SAME if left else sent.likeness >= ALIKE
    return WasSent(sent, ours) if same else WasAnswered(sent, ours)


def _in_drafts(draft: DraftRow, seen: Seen) -> Life:
    server = seen.server
    others = _successors(server)
    if len({f.content for f in others}) > 1:
        return Leave() if draft.why == SEVERAL else Doubt(SEVERAL)
    if server.trash and server.trash.by_id and others and max(f.likeness for f in others) < ALIKE:
        # The draft itself was deleted: what lies in Drafts is another answer, of the user's own.
        return Discard("you deleted it in your mail client", "client", remove=False)
    if others:
        newest = max(others, key=lambda f: f.at.uid)
        return _changed_there(draft, seen, newest)
    if not server.placed:
        return _nowhere(draft, seen)
    if draft.status in ("missing", "discarded", "unknown"):
        return Leave() if draft.why == NO_UIDPLUS else Return()
    return _by_note(draft, seen)


def _successors(server: OnServer) -> list[Found]:
    """The messages that came from the draft: those of its Message-ID, else the only one that was saved after it and answers the same
    mail to the same people, however much of it was rewritten, else those that are like it. Beside a draft that lies where it lay,
    only one of its own id that says something else is one."""
    same_id = [f for f in server.copies if f.by_id]
    if server.placed:
        return [f for f in same_id if not f.same]
    if same_id or len(server.copies) == 1:
        return same_id or list(server.copies)
    return [f for f in server.copies if f.likeness >= ALIKE]


def _changed_there(draft: DraftRow, seen: Seen, found: Found) -> Life:
    note = seen.note
    if found.same and draft.status != "conflict":
        return Relocate(found)
    if draft.status == "conflict":
        if note.resolve == "server":
            return TakeText(found)
        return Disagree(found) if found.content != draft.server_base else Relocate(found)
    if found.stale or (note.read and note.changed and not found.as_noted):
        return Disagree(found)
    return TakeText(found)


def _nowhere(draft: DraftRow, seen: Seen) -> Life:
    if draft.status == "discarded":
        return Leave()
    if seen.server.trash:
        return Discard("you deleted it in your mail client", "client", remove=False)
    if seen.server.marked:
        return Discard("you marked it as deleted in your mail client", "client", remove=False)
    return Discard(MISSED, "client", remove=False) if _missed_enough(draft, seen.now) else Miss()


def _missed_enough(draft: DraftRow, now: datetime) -> bool:
    """Whether a draft has been missing for so long that it counts as discarded."""
    long_ago = draft.since is not None and draft.since <= now - MISSED_FOR
    return draft.status == "missing" and long_ago and draft.looks + 1 >= MISSED_RUNS


def _by_note(draft: DraftRow, seen: Seen) -> Life:
    """The draft lies where it lay: only the note can have changed."""
    note = seen.note
    if not note.read:
        return Leave()
    if draft.status == "conflict":
        if note.resolve == "server":
            return TakeText(_itself(draft))
        chosen = Store("you chose the text of the note", approved=note.status == "approved", theirs=True)
        return chosen if note.resolve == "note" else Leave()
    if note.changed:
        if not draft.ours:
            return Disagree(None)
        if draft.status == "approved" and not note.as_approved:
            return Store("it was changed after you approved it; approve it again")
        if note.status == "approved" and note.lacking:
            return Store(f"you edited it in the note; it is not approved: {note.lacking}")
        return Store("you edited it in the note", approved=note.status == "approved")
    if draft.status == "approved":
        return Leave() if note.status == "approved" else Unapprove("you took the approval back")
    if note.status != "approved":
        return Leave()
    return Unapprove(note.lacking) if note.lacking else Approve()


def _itself(draft: DraftRow) -> Found:
    at = Location(draft.mailbox, draft.uidvalidity, draft.uid)
    return Found("drafts", at, draft.message_id, by_id=True, content=draft.server_base, sha256=draft.sha256)
