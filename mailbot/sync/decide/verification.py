"""Whether what must hold does: every mail once a note or in quarantine, every draft once in Drafts, nothing sent twice. Plain values in,
findings out; each says what to do, and what `verify --repair` may do where that needs no guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mailbot.sync.memory.rows import OPEN, DraftStatus

Level = Literal["ok", "warning", "wrong"]
SHOWN = 3
"""Names in one line; the rest is counted."""


@dataclass(frozen=True, slots=True)
class TryNow:
    """Mails that an earlier run has passed are tried by the next fetch."""

    mailbox: str
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Remember:
    """Notes of mails and drafts that the journal does not know are written into it, as `mailbot rebuild` does."""


@dataclass(frozen=True, slots=True)
class RemoveCopies:
    """Messages in Drafts that are byte for byte a draft of ours that lies there once already, or is done with."""

    draft_id: int
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FetchRaw:
    """Mails that wait for their draft, whose copy on this machine is gone: it is read from the server again."""

    mail_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Unfinished files that killed runs have left."""


Mend = TryNow | Remember | RemoveCopies | FetchRaw | Sweep


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, what was `found`, and what to do: `advice` for the user, `mend` for `verify --repair`."""

    what: str
    level: Level
    found: str
    advice: str = ""
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class UnreadMails:
    """The unread mails of a mailbox by UID, and which of them are known: kept as a note, failing, given up. `cursor` is how far
    it was read; `passed` says that a run does not look before it again."""

    mailbox: str
    unread: frozenset[int]
    kept: frozenset[int] = frozenset()
    failing: frozenset[int] = frozenset()
    given_up: frozenset[int] = frozenset()
    cursor: int = 0
    passed: bool = False


def of_mailbox(seen: UnreadMails) -> list[Finding]:
    """Whether every unread mail of a mailbox is a note or in quarantine."""
    unknown = sorted(seen.unread - seen.kept - seen.failing - seen.given_up)
    before = tuple(uid for uid in unknown if seen.passed and uid <= seen.cursor)
    later = len(unknown) - len(before)
    found: list[Finding] = []
    if before:
        said = f"{_mails(len(before))} in {seen.mailbox} that no run has kept, and that none looks at again: UID {_listed(map(str, before))}"
        advice = "`mailbot verify --repair` has the next `mailbot fetch` take them"
        found.append(Finding("mails", "wrong", said, advice, TryNow(seen.mailbox, before)))
    if later:
        said = f"{_mails(later)} in {seen.mailbox} not kept yet"
        found.append(Finding("mails", "warning", said, "`mailbot fetch` keeps what is unread"))
    if seen.failing:
        said = (
            f"{_mails(len(seen.failing))} of {seen.mailbox} in quarantine; tried again at growing intervals"
        )
        found.append(Finding("mails", "warning", said, "`mailbot quarantine list` says why"))
    if not found:
        given_up = f", {len(seen.given_up)} given up by you" if seen.given_up else ""
        said = f"every unread mail of {seen.mailbox} is a note ({len(seen.unread & seen.kept)}{given_up})"
        found.append(Finding("mails", "ok", said))
    return found


@dataclass(frozen=True, slots=True)
class NotesSeen:
    """The notes of an account's mails: how many mails are kept; the notes that are `gone` (of which mail by path); hashes of
    which there are several notes, with their paths; notes that the journal does not know."""

    kept: int
    gone: Sequence[str] = ()
    several: Sequence[Sequence[str]] = ()
    unknown: Sequence[str] = ()


def of_notes(seen: NotesSeen) -> list[Finding]:
    """Whether every mail that was kept is a note, once."""
    found: list[Finding] = []
    if seen.unknown:
        said = (
            f"the journal does not know {_notes(len(seen.unknown))} of this account: {_listed(seen.unknown)}"
        )
        advice = "`mailbot verify --repair` writes them into it; if it was lost, run `mailbot rebuild`"
        found.append(Finding("notes", "wrong", said, advice, Remember()))
    for paths in seen.several[:SHOWN]:
        said = f"one mail has several notes: {_listed(paths)}"
        found.append(Finding("notes", "wrong", said, "decide which one is right, and delete the others"))
    if len(seen.several) > SHOWN:
        said = f"{len(seen.several) - SHOWN} more mails have several notes each"
        found.append(Finding("notes", "wrong", said, "decide which is right, and delete the others"))
    if seen.gone:
        said = f"{_notes(len(seen.gone))} of kept mails {'is' if len(seen.gone) == 1 else 'are'} no longer in the vault: {_listed(seen.gone)}"
        advice = "if it was not you who deleted them, take them back from your backup or sync program"
        found.append(Finding("notes", "warning", said, advice))
    if not found:
        found.append(Finding("notes", "ok", f"each of {_mails(seen.kept)} is a note, once"))
    return found


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
        what = f"{note}: it lies in Drafts {len(draft.there)} times (UID {_listed(map(str, draft.there))})"
        advice = (
            "`mailbot verify --repair` removes the copies"
            if len(surplus) == len(draft.there) - 1
            else "delete those that you do not want in your mail client"
        )
        found.append(
            Finding("drafts", "wrong", what, advice, RemoveCopies(draft.id, surplus) if surplus else None)
        )
    elif not open_ and draft.there and draft.status not in ("discarded", "answered"):
        what = f"{note}: a draft that is `{draft.status}` still lies in Drafts (UID {_listed(map(str, draft.there))})"
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
        Finding("drafts", "warning", f"one draft has several notes: {_listed(paths)}", "a sync program has kept both; delete the one that is not right")
        for paths in twins
    ]  # fmt: skip
    if unknown:
        said = f"the journal does not know {len(unknown)} draft note{'s' if len(unknown) > 1 else ''}: {_listed(unknown)}"
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
            Finding("sent", "ok", f"each of {_mails(len(copies))} that mailbot sent lately is in Sent, once")
        )
    return found


def of_spool(without: Sequence[tuple[int, str]]) -> list[Finding]:
    """Mails (id, note) that wait for triage or a draft, and whose copy on this machine is gone."""
    if not without:
        return []
    said = f"{_mails(len(without))} that wait for a draft lack their copy on this machine: {_listed(note for _, note in without)}"
    return [
        Finding(
            "waiting mails",
            "wrong",
            said,
            "`mailbot verify --repair` reads it from the server again",
            FetchRaw(tuple(id_ for id_, _ in without)),
        )
    ]


def of_files(unfinished: Sequence[str]) -> list[Finding]:
    """Files that killed runs have left."""
    if not unfinished:
        return [Finding("files", "ok", "no run has left anything unfinished")]
    said = f"{len(unfinished)} unfinished file{'s' if len(unfinished) > 1 else ''} of runs that were killed: {_listed(unfinished)}"
    return [
        Finding(
            "files",
            "warning",
            said,
            "the next run takes them away, or `mailbot verify --repair` now",
            Sweep(),
        )
    ]


def _mails(count: int) -> str:
    return f"{count} mail{'' if count == 1 else 's'}"


def _notes(count: int) -> str:
    return f"{count} note{'' if count == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:SHOWN]) + (f" and {len(every) - SHOWN} more" if len(every) > SHOWN else "")
