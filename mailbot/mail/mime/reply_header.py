"""The headers of a reply: recipients, sender, subject, threading. They come from the source mail and the settings alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailbot.mail.message import Address, Message, MessageId

MAX_REFERENCES = 40
"""Ids kept in References: the root and the newest (RFC 5322 3.6.4 lets the middle go)."""


def recipients(
    message: Message, own: Iterable[str], reply_all: bool
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """(To, Cc) of a reply: Reply-To, else From (RFC 5322 3.6.2); on reply-all the other recipients go to Cc, less the
    user's own addresses (`own`), each once. Never a Bcc, never Sender."""
    mine = {address.casefold() for address in own}
    tagged = {_untagged(address) for address in mine}
    seen: set[str] = set()

    def fresh(addresses: Iterable[Address], *, all_others: bool = False) -> tuple[Address, ...]:
        chosen = []
        for address in addresses:
            if (
                "@" in address.email
                and address.key not in seen
                and not (all_others and _untagged(address.key) in tagged)
            ):
                seen.add(address.key)
                chosen.append(address)
        return tuple(chosen)

    followup = message.headers.get("mail-followup-to")
    if reply_all and followup:
        from mailbot.mail.mime.header import addresses

        wanted = tuple(a for value in followup for a in addresses(value)[0] if a.key not in mine)
        if wanted:
            return fresh(wanted), ()
    to = fresh(message.reply_to) or fresh(message.authors)
    if to and all(_untagged(a.key) in tagged for a in to):  # a mail of one's own goes on to those it went to
        to = fresh(message.to, all_others=True) or to
    if not reply_all:
        return to, ()
    seen |= mine
    # A list that points Reply-To at itself would leave the author out; anyone else who sets Reply-To means it.
    posts = message.header("list-post").casefold()
    munged = bool(message.reply_to) and all(a.key in posts for a in message.reply_to)
    return to, fresh((*(message.authors if munged else ()), *message.to, *message.cc), all_others=True)


def _untagged(email: str) -> str:
    """jo+news@example.com -> jo@example.com (RFC 5233)."""
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def sender_alias(message: Message, own: Iterable[Address]) -> Address:
    """The user's address that received the mail (Delivered-To, X-Original-To, To, Cc, in this order), else the first."""
    mine = tuple(own)
    known = {a.key: a for a in mine}
    claims = [*message.headers.get("delivered-to", ()), *message.headers.get("x-original-to", ())]
    for email in [*(c.strip("<> ").casefold() for c in claims), *(a.key for a in (*message.to, *message.cc))]:
        if email in known:
            return known[email]
    return mine[0]


_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|vs|odp|rif|res|ref|ynt|回复|回覆|答复|答覆|返信|답장|πρ|να)(?:\[\d+\]|\(\d+\))?\s*[:：]\s*)+",
    re.IGNORECASE,
)


def reply_subject(subject: str) -> str:
    """One `Re: ` in front of the subject, whatever stood there before; the rest unchanged."""
    return f"Re: {_PREFIX.sub('', subject).strip()}".strip()


def threading(message: Message) -> tuple[MessageId | None, tuple[MessageId, ...]]:
    """(In-Reply-To, References) of a reply (RFC 5322 3.6.4); neither where the parent has no id."""
    if message.message_id is None:
        return None, ()
    parents = message.references or (message.in_reply_to if len(message.in_reply_to) == 1 else ())
    chain = tuple(dict.fromkeys((*(p for p in parents if p != message.message_id), message.message_id)))
    if len(chain) > MAX_REFERENCES:
        chain = (chain[0], *chain[-(MAX_REFERENCES - 1) :])
    return message.message_id, chain
