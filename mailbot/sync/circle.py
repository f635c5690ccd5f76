"""For whom a context is gathered: the readers of the answer, and which of them the user never wrote with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.assistant.context import Circle
from mailbot.mail.message import Message
from mailbot.settings import Settings
from mailbot.sync.journal import Journal
from mailbot.sync.sent import never_met
from mailbot.sync.waiting import readers
from mailbot.vault import style_note


@dataclass(frozen=True, slots=True)
class Then:
    """A time in the past from which a mail is looked at, with no knowledge of later; `trust_dates` as in `Circle`."""

    at: datetime
    trust_dates: bool = False

    @property
    def utc(self) -> str:
        """As the journal compares times: ISO, UTC."""
        return self.at.astimezone(UTC).isoformat()


def circle_of(
    settings: Settings,
    journal: Journal | None,
    message: Message,
    *,
    own_note: str = "",
    then: Then | None = None,
) -> Circle:
    """The circle of the answer to `message`, whose own note is `own_note`. Without a journal nobody is taken for unknown."""
    to, cc = readers(settings, message)
    unknown = (
        never_met(journal, message, (*to, *cc), then.utc if then else "9999") if journal else frozenset()
    )
    return Circle(
        own=frozenset(settings.own_addresses),
        readers=(*to, *cc),
        unknown=unknown,
        rules=settings.disclosure,
        own_note=own_note,
        people_folder=settings.people_folder,
        left_out=(f"{settings.email_folder}/Drafts", style_note.PATH, *settings.exclude),
        until=then.at if then else None,
        trust_dates=bool(then and then.trust_dates),
    )


def budget_of(settings: Settings | None) -> int:
    """How many tokens of the vault a prompt may carry."""
    return settings.llm.context_tokens if settings and settings.llm else 3000
