"""Whether every mail that the server lists is a note, once, or in quarantine. Plain values in, findings out; each says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.sync.decide.finding import (
    SHOWN,
    FetchRaw,
    Finding,
    Remember,
    Sweep,
    TryNow,
    listed,
    mails,
    notes,
)


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
        said = f"{mails(len(before))} in {seen.mailbox} before the point up to which it was read, and not kept: UID {listed(map(str, before))}"
        advice = "`mailbot verify --repair` has the next `mailbot fetch` keep them"
        found.append(Finding("mails", "warning", said, advice, TryNow(seen.mailbox, before)))
    if later:
        said = f"{mails(later)} in {seen.mailbox} not kept yet"
        found.append(Finding("mails", "warning", said, "`mailbot fetch` keeps what is unread"))
    if seen.failing:
        said = f"{mails(len(seen.failing))} of {seen.mailbox} could not be saved yet; mailbot keeps trying, less and less often"
        found.append(Finding("mails", "warning", said, "`mailbot quarantine list` says why"))
    if not found:
        given_up = f", {len(seen.given_up)} given up by you" if seen.given_up else ""
        said = f"every unread mail of {seen.mailbox} was kept ({len(seen.unread & seen.kept)}{given_up})"
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
        said = f"the journal does not know {notes(len(seen.unknown))} of this account: {listed(seen.unknown)}"
        advice = "`mailbot verify --repair` adds them; if the journal was lost, run `mailbot rebuild`"
        found.append(Finding("notes", "wrong", said, advice, Remember()))
    for paths in seen.several[:SHOWN]:
        said = f"one mail has several notes: {listed(paths)}"
        found.append(Finding("notes", "wrong", said, "decide which one is right, and delete the others"))
    if len(seen.several) > SHOWN:
        said = f"{len(seen.several) - SHOWN} more mails have several notes each"
        found.append(Finding("notes", "wrong", said, "decide which is right, and delete the others"))
    if seen.gone:
        one = len(seen.gone) == 1
        said = f"{notes(len(seen.gone))} of kept mails {'is' if one else 'are'} no longer where mailbot reads: {listed(seen.gone)}"
        advice = (
            f"if you deleted {'it' if one else 'them'}, or moved {'it' if one else 'them'} where `exclude` says, run `mailbot verify --accept`;"
            " if not, look in your backup or sync program"
        )
        found.append(Finding("notes", "warning", said, advice))
    if not found:
        found.append(Finding("notes", "ok", f"each of {mails(seen.kept)} is a note, once"))
    return found


def of_spool(without: Sequence[tuple[int, str]]) -> list[Finding]:
    """Mails (id, note) that wait for triage or a draft, and whose copy on this machine is gone."""
    if not without:
        return []
    said = f"{mails(len(without))} that wait for a draft lack their copy on this machine: {listed(note for _, note in without)}"
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
    said = f"{len(unfinished)} unfinished file{'s' if len(unfinished) > 1 else ''} of runs that were killed: {listed(unfinished)}"
    return [
        Finding(
            "files",
            "warning",
            said,
            "the next run takes them away, or `mailbot verify --repair` now",
            Sweep(),
        )
    ]
