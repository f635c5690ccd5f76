"""What a draft is asked for, and what it may be made from. The same for a model and for an outline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mailbot.mail.mail import Mail
from mailbot.vault.source import Context
from mailbot.vault.verdict import Ask


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """An answer to `mail`, which wants `asks`, for the `user` (a name), from what `context` has, on the day `today`.

    `style` says how the user writes, in words for a prompt. `earlier` is the revision that `instruct` is about. `suspicious`
    says why the mail looks like an attempt to steer a model.
    """

    mail: Mail
    asks: tuple[Ask, ...]
    context: Context
    user: str
    today: date
    instruct: str = ""
    style: str = ""
    earlier: str = ""
    suspicious: tuple[str, ...] = ()
