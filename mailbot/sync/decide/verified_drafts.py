"""Whether every draft lies where its status says, once, and what was sent lies in Sent once. Plain values in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailbot.sync.decide.finding import Finding, Level, Mend, Remember, RemoveCopies, listed, mails
from mailbot.sync.memory.rows import OPEN, DraftStatus


@dataclass(frozen=True, slots=True)
class DraftSeen:
    """A draft of the journal and what lies under its Message-ID in Drafts: `there` are the UIDs, `marked` those that are marked as deleted,
    `same` those of both that are byte for byte as mailbot has stored them, and that no mail client has saved since. `newest` is false for
    one that another has replaced."""

    id: int
    note: str
    status: DraftStatus
    stored: bool = True
    """It is one that lies in Drafts, not only in its note."""
    uid: int = 0
    there: tuple[int, ...] = ()
    marked: tuple[int, ...] = ()
    same: tuple[int, ...] = ()
    newest: bool = True


def of_draft(draft: DraftSeen) -> list[Finding]:
    """Whether a draft is where its status says, once. Only what is ours, and lies there once more than it should, is mended."""
    note, status = draft.note, draft.status
    if status == "intent":
        return [
            _off(
                "warning",
                f"{note}: it should be in Drafts, and is not yet",
                "the next `mailbot sync` stores it",
            )
        ]
    found = []
    if status == "unknown" and draft.newest:
        advice = (
            f"ask whether it arrived; then `mailbot send '{note}' --again`, or `mailbot discard '{note}'`"
        )
        found.append(_off("warning", f"{note}: nobody knows whether it was sent", advice))
    if status == "conflict":
        advice = "write `resolve: note` or `resolve: server` into its properties"
        found.append(_off("warning", f"{note}: it was edited here and in Drafts", advice))
    if not draft.stored or status in ("unknown", "sending"):
        return found
    return [*found, *(_open(draft) if draft.newest and status in OPEN else _over(draft))]


def _open(draft: DraftSeen) -> list[Finding]:
    """An open draft lies in Drafts once."""
    note, where = draft.note, ", ".join(map(str, draft.there))
    if not draft.there:
        if draft.status == "missing":
            return []
        advice = "`mailbot sync` finds out what became of it"
        return [_off("warning", f"{note}: it is not in Drafts under its own id", advice)]
    ours = [uid for uid in draft.same if uid in draft.there]
    kept = draft.uid if draft.uid in ours else next(iter(ours), 0)
    left = tuple(uid for uid in draft.same if uid in draft.marked and kept)
    if len(draft.there) > 1:
        surplus = tuple(uid for uid in ours if uid != kept)
        certain = len(surplus) == len(draft.there) - 1
        mend = RemoveCopies(draft.id, kept, (*surplus, *left)) if certain else None
        advice = (
            "`mailbot verify --repair` removes the copies"
            if certain
            else "delete those that you do not want in your mail client"
        )
        return [
            _off("wrong", f"{note}: it is in Drafts {len(draft.there)} times (UIDs {where})", advice, mend)
        ]
    if left:
        advice = "`mailbot verify --repair` removes it; most mail clients do so too"
        return [
            _off(
                "warning",
                f"{note}: a copy of it in Drafts is marked as deleted",
                advice,
                RemoveCopies(draft.id, kept, left),
            )
        ]
    return []


def _over(draft: DraftSeen) -> list[Finding]:
    """A draft that is done with is no longer in Drafts. One that a mail client has saved stays: mailbot has said so in its note."""
    ours = tuple(uid for uid in draft.same if uid in draft.there)
    if not ours or draft.status in ("discarded", "answered"):
        return []
    said = f"{draft.note}: a draft that is `{draft.status}` is still in Drafts (UIDs {', '.join(map(str, ours))})"
    return [_off("wrong", said, "`mailbot verify --repair` removes it", RemoveCopies(draft.id, 0, ours))]


def of_draft_notes(unknown: Sequence[str], copies: Iterable[tuple[str, Sequence[str]]]) -> list[Finding]:
    """Draft notes that the journal does not know, and (the note that mailbot follows, its copies)."""
    found = [
        _off("warning", f"{listed(others)}: a copy of {followed}, and mailbot follows that one alone", "delete the copy, or copy its text over")
        for followed, others in copies
    ]  # fmt: skip
    if unknown:
        said = f"the journal does not know {len(unknown)} draft note{'s' if len(unknown) > 1 else ''}: {listed(unknown)}"
        found.append(_off("wrong", said, "`mailbot verify --repair` adds them", Remember()))
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
                    f"{note}: it is in Sent {count} times",
                    "it went out once; delete a copy if you like",
                )
            )
        elif not count and not files_itself:
            found.append(
                Finding(
                    "sent",
                    "warning",
                    f"{note}: it was sent, and there is no copy in Sent",
                    "its note has the text; perhaps you have moved or deleted the copy",
                )
            )
    if found:
        return found
    said = (
        f"each of {mails(len(copies))} that mailbot sent in the last month is in Sent, once"
        if copies
        else "mailbot has sent nothing in the last month"
    )
    return [Finding("sent", "ok", said)]


def _off(level: Level, said: str, advice: str, mend: Mend | None = None) -> Finding:
    return Finding("drafts", level, said, advice, mend)
