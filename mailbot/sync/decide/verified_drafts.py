"""Whether every draft lies where its status says, once, and what was sent lies in Sent once. Plain values in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailbot.sync.decide.finding import Finding, Remember, RemoveCopies, listed, mails
from mailbot.sync.memory.rows import OPEN, DraftStatus


@dataclass(frozen=True, slots=True)
class DraftSeen:
    """A draft of the journal and what lies under its Message-ID in Drafts: `there` are the UIDs, `same` those of them that are
    byte for byte ours. `newest` is false for one that another has replaced."""

    id: int
    note: str
    status: DraftStatus
    why: str = ""
    stored: bool = True
    """It is one that lies in Drafts, not only in its note."""
    uid: int = 0
    there: tuple[int, ...] = ()
    same: tuple[int, ...] = ()
    newest: bool = True
    note_there: bool = True


def of_draft(draft: DraftSeen) -> list[Finding]:
    """Whether a draft is where its status says, once."""
    note, found = draft.note, []
    if draft.status == "intent":
        return [
            Finding(
                "drafts",
                "warning",
                f"{note}: it was to be stored in Drafts, and is not yet",
                "the next `mailbot sync` does that",
            )
        ]
    if draft.status == "unknown" and draft.newest:
        found.append(
            Finding(
                "drafts",
                "warning",
                f"{note}: nobody knows whether it was sent",
                f"ask whether it arrived; then `mailbot send '{note}' --again`, or `mailbot discard '{note}'`",
            )
        )
    if draft.status == "conflict":
        found.append(
            Finding(
                "drafts",
                "warning",
                f"{note}: it was edited here and in Drafts",
                "set `resolve: note` or `resolve: server` in it",
            )
        )
    if not draft.stored or draft.status in ("unknown", "sending"):
        return found
    open_ = draft.newest and draft.status in OPEN
    if open_ and not draft.there and draft.status != "missing":
        found.append(
            Finding(
                "drafts",
                "warning",
                f"{note}: its draft is not in Drafts under its own id",
                "`mailbot sync` finds out what became of it",
            )
        )
    surplus = tuple(
        uid
        for uid in draft.same
        if not open_ or uid != (draft.uid if draft.uid in draft.there else draft.there[0])
    )
    if open_ and len(draft.there) > 1:
        what = f"{note}: it lies in Drafts {len(draft.there)} times (UID {listed(map(str, draft.there))})"
        advice = (
            "`mailbot verify --repair` removes the copies"
            if len(surplus) == len(draft.there) - 1
            else "delete those that you do not want in your mail client"
        )
        found.append(
            Finding("drafts", "wrong", what, advice, RemoveCopies(draft.id, surplus) if surplus else None)
        )
    elif not open_ and draft.there and draft.status not in ("discarded", "answered"):
        what = f"{note}: a draft that is `{draft.status}` still lies in Drafts (UID {listed(map(str, draft.there))})"
        advice = (
            "`mailbot verify --repair` removes it"
            if surplus
            else "delete it in your mail client if you do not want it"
        )
        found.append(
            Finding(
                "drafts",
                "wrong" if surplus else "warning",
                what,
                advice,
                RemoveCopies(draft.id, surplus) if surplus else None,
            )
        )
    return found


def of_draft_notes(unknown: Sequence[str], twins: Iterable[Sequence[str]]) -> list[Finding]:
    """Draft notes that the journal does not know, and notes of one draft."""
    found = [
        Finding("drafts", "warning", f"one draft has several notes: {listed(paths)}", "a sync program has kept both; delete the one that is not right")
        for paths in twins
    ]  # fmt: skip
    if unknown:
        said = f"the journal does not know {len(unknown)} draft note{'s' if len(unknown) > 1 else ''}: {listed(unknown)}"
        found.append(
            Finding("drafts", "wrong", said, "`mailbot verify --repair` writes them into it", Remember())
        )
    return found


def of_sent(copies: Mapping[str, int], files_itself: bool) -> list[Finding]:
    """How often each draft that mailbot has sent (by its note) lies in Sent. `files_itself`: the provider puts it there, later perhaps."""
    found = []
    for note, count in copies.items():
        if count > 1:
            found.append(
                Finding(
                    "sent",
                    "warning",
                    f"{note}: it lies in Sent {count} times",
                    "it went out once; delete a copy if you like",
                )
            )
        elif not count and not files_itself:
            found.append(
                Finding(
                    "sent",
                    "warning",
                    f"{note}: it was sent, and there is no copy in Sent",
                    "its note has the text; perhaps you have moved or deleted it",
                )
            )
    if not found:
        found.append(
            Finding("sent", "ok", f"each of {mails(len(copies))} that mailbot sent lately is in Sent, once")
        )
    return found
