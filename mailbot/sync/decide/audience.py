"""Who reads the answer to a mail, and within what its context is gathered."""

from __future__ import annotations

from datetime import datetime

from mailbot.assistant.scope import Scope
from mailbot.mail.freemail import is_for_all
from mailbot.mail.message import Address, Message
from mailbot.mail.mime import reply_header
from mailbot.settings import Settings
from mailbot.vault import style_note

CONTEXT_TOKENS = 6000
"""How much of the vault is shown where no model is configured."""


def recipients(settings: Settings, message: Message) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """(To, Cc) of the answer to a mail, by the user's rule for replies to all."""
    mine = {o.casefold() for o in settings.own_addresses}
    others = {a.key for a in (*message.to, *message.cc)} - mine
    rule = settings.drafts.reply_all
    to_all = rule == "always" or (rule == "auto" and bool(others))
    return reply_header.recipients(message, settings.own_addresses, to_all)


def scope_of(
    settings: Settings,
    message: Message,
    strangers: frozenset[str],
    *,
    account: str = "",
    written_to: frozenset[str] = frozenset(),
    own_note: str = "",
    until: datetime | None = None,
    trust_dates: bool = False,
) -> Scope:
    """The scope of the answer to `message`, whose own note is `own_note` and which came to `account`. `strangers` are those readers
    with whom the user never exchanged mail, `written_to` the domains that the user has written to. `until` and `trust_dates`
    are for a look into the past: see `Scope`."""
    to, cc = recipients(settings, message)
    return Scope(
        own=frozenset(settings.own_addresses),
        own_names=tuple(dict.fromkeys(a.display_name for a in settings.accounts if a.display_name)),
        internal_domains=internal_domains(settings, account),
        written_to=written_to,
        readers=(*to, *cc),
        strangers=strangers,
        rules=settings.disclosure,
        own_note=own_note,
        people_folder=settings.people_folder,
        left_out=(f"{settings.email_folder}/Drafts", style_note.PATH, *settings.exclude),
        until=until,
        trust_dates=trust_dates,
    )


def internal_domains(settings: Settings, account: str) -> tuple[str, ...]:
    """Where the user's own people are: as the settings say, else at the domains of the account's own addresses, if not anybody may
    have an address there. One account's people are no insiders for another's mail."""
    if settings.disclosure.internal_domains:
        return settings.disclosure.internal_domains
    of = [a for a in settings.accounts if a.name == account] or settings.accounts
    domains = (email.casefold().rpartition("@")[2] for a in of for email in a.own_addresses)
    return tuple(dict.fromkeys(d for d in domains if d and not is_for_all(d)))


def context_tokens(settings: Settings | None) -> int:
    """How many tokens of the vault a prompt may carry."""
    return settings.llm.context_tokens if settings and settings.llm else CONTEXT_TOKENS
