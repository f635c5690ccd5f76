"""What was decided about a mail, as its note says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from mailbot.vault.note import Properties, property_text
from mailbot.vault.wikilink import unlinked

Disposition = Literal["reply", "read", "ignore"]
DecidedBy = Literal["fact", "rule", "model", "detector", "user"]
AskKind = Literal["question", "request"]

DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)
_DECIDERS: tuple[DecidedBy, ...] = get_args(DecidedBy)


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that a mail wants: its kind and the sentence that says so. `lookups` are short searches in the words that a note
    would use, `decides` says that it is the user's to decide and no fact to look up."""

    kind: AskKind
    text: str
    lookups: tuple[str, ...] = ()
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The disposition of a mail, who decided it and why; `asks` are the questions and requests that it makes.

    An empty `disposition` means that nobody has decided yet.
    """

    disposition: Disposition | Literal[""] = ""
    decided_by: DecidedBy | Literal[""] = ""
    reason: str = ""
    recipient_type: str = ""
    urgency: str = ""
    stakes: str = ""
    topics: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()

    def properties(self) -> dict[str, Any]:
        """The properties of an email note that say so. The asks stand in the mail itself."""
        return {
            "disposition": self.disposition,
            "decided_by": self.decided_by,
            "reason": property_text(self.reason),
            "recipient_type": self.recipient_type,
            "urgency": self.urgency,
            "stakes": self.stakes,
            "topics": [property_text(t) for t in self.topics],
            "people": [property_text(p) for p in self.people],
        }


BEGUN = "You have already started an answer"
"""The reason of a mail that the user is answering already."""
UNDECIDED = Verdict(reason="Not looked at yet")


def disposition_of(value: object) -> Disposition | None:
    """A disposition as a property holds it, None if the value is none."""
    return next((d for d in DISPOSITIONS if d == value), None)


def verdict_in(properties: Properties, asks: tuple[Ask, ...] = ()) -> Verdict | None:
    """The verdict that an email note's properties hold, None if they hold none. `asks` are added to it."""
    disposition = disposition_of(properties.get("disposition"))
    if disposition is None:
        return None

    def texts(key: str) -> tuple[str, ...]:
        value = properties.get(key)
        return tuple(unlinked(str(v)) for v in value) if isinstance(value, list) else ()

    def text(key: str) -> str:
        return str(properties.get(key) or "")

    return Verdict(
        disposition,
        next((d for d in _DECIDERS if d == properties.get("decided_by")), "model"),
        text("reason"),
        text("recipient_type"),
        text("urgency"),
        text("stakes"),
        texts("topics"),
        texts("people"),
        asks,
    )
