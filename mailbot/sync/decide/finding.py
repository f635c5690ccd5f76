"""What `mailbot verify` finds, and what mends it where that needs no guess."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
    """Messages in Drafts that are byte for byte as mailbot stored them, of a draft that lies there once more (`kept`, its UID), or is done
    with (0)."""

    draft_id: int
    kept: int
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


def mails(count: int) -> str:
    """`3 mails`."""
    return f"{count} mail{'' if count == 1 else 's'}"


def drafts(count: int) -> str:
    """`1 draft`."""
    return f"{count} draft{'' if count == 1 else 's'}"


def notes(count: int) -> str:
    """`1 note`."""
    return f"{count} note{'' if count == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    return ", ".join(every[:SHOWN]) + (f" and {len(every) - SHOWN} more" if len(every) > SHOWN else "")
