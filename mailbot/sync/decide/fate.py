"""What becomes of a draft on the server. It is the only place that says so."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sync.memory.rows import DraftRow, DraftStatus


@dataclass(frozen=True, slots=True)
class LookedFor:
    """What was found of an intended draft: the UIDs in Drafts with its Message-ID, whether another answer to the same mail
    lies in Drafts or in Sent, whether it lies in Trash, and whether its composed bytes are still here."""

    uids: tuple[int, ...] = ()
    answer_in_drafts: bool = False
    answer_in_sent: bool = False
    in_trash: bool = False
    composed: bool = True


@dataclass(frozen=True, slots=True)
class Copy:
    """What was found at the UID of a stored draft: whether the mailbox has been renumbered since, whether a message lies
    there, whether its bytes are still those that we appended, and whether the server can remove one message alone."""

    renumbered: bool = False
    present: bool = True
    unchanged: bool = True
    removable: bool = True


@dataclass(frozen=True, slots=True)
class Append:
    """It is nowhere: append it."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """It lies in Drafts already, at this UID."""

    uid: int


@dataclass(frozen=True, slots=True)
class Replace:
    """A newer draft has been stored: take this one away, by its UID."""

    uid: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Leave the server alone, and remember what became of the draft and why, in words."""

    status: DraftStatus
    why: str


Fate = Append | Confirm | Replace | Mark


def fate(draft: DraftRow, seen: LookedFor | Copy) -> Fate:
    """What becomes of a draft: of an intended one by what was looked for, of a stored one that a newer draft replaces by the
    copy at its UID. Where something else answers the mail, or the draft is not certainly ours, the server is left alone."""
    return _intended(seen) if isinstance(seen, LookedFor) else _replaced(draft, seen)


def _intended(seen: LookedFor) -> Fate:
    if seen.uids:
        return Confirm(seen.uids[-1])
    if seen.answer_in_drafts:
        return Mark("unknown", "changed in Drafts")
    if seen.answer_in_sent:
        return Mark("unknown", "sent")
    if seen.in_trash:
        return Mark("discarded", "deleted")
    if not seen.composed:
        return Mark("unknown", "moved or deleted")
    return Append()


def _replaced(draft: DraftRow, seen: Copy) -> Fate:
    if not draft.uid:
        return Mark("unknown", "the server never reported its UID")
    if seen.renumbered:
        return Mark("unknown", "the server has renumbered the mailbox")
    if not seen.present:
        return Mark("missing", "it is no longer there; you may have moved or deleted it")
    if not seen.unchanged:
        return Mark("edited", "it was changed there")
    if not seen.removable:
        return Mark("unknown", "the server cannot remove one message alone (it lacks UIDPLUS)")
    return Replace(draft.uid)
