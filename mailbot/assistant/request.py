"""What a draft is asked for, and what it may be made from. The same for a model and for an outline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from mailbot.mail.mail import Mail
from mailbot.vault.source import Context
from mailbot.vault.verdict import Ask


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """An answer to `mail`, which wants `asks`, for the `user` (a name), from what `context` has, at the time `now` in the user's
    zone.

    `style` says how the user writes, in words for a prompt, and `closing` how the user closes to this person, empty if nothing
    shows it. `earlier` is the revision that `instruct` is about, and `why_earlier`
    why that was in its lane. `suspicious` says why the mail looks like an attempt to steer a model.
    """

    mail: Mail
    asks: tuple[Ask, ...]
    context: Context
    user: str
    now: datetime
    instruct: str = ""
    style: str = ""
    closing: str = ""
    earlier: str = ""
    why_earlier: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()

    @property
    def today(self) -> date:
        return self.now.date()
