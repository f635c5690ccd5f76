"""Which mails want an answer, without a model: those whose newest text asks something."""

from __future__ import annotations

from mailbot.assistant.asks import asks
from mailbot.assistant.solicitation import is_solicitation
from mailbot.mail.mail import Mail
from mailbot.vault.stand_ins import visible
from mailbot.vault.verdict import Ask, Verdict

LOOKED_AT = 50_000
"""Characters of a mail."""


def asks_of(mail: Mail) -> tuple[Ask, ...]:
    """The questions and requests in the newest text of a mail, in order, each once."""
    return tuple(asks(visible(mail.text.newest[:LOOKED_AT])))


def detected(mail: Mail, *, known: bool = False) -> Verdict:
    """A mail that asks something wants a reply; in doubt it is only read. `known` says that the user and its author have
    written with each other: then it is no advertising."""
    found = asks_of(mail)
    text = mail.text
    if not found:
        return Verdict("read", "detector", "Asks nothing" if text.newest else "Nothing new is said in it")
    whole = visible(text.plain("newest", "forwarded", "signature")[:LOOKED_AT])
    if is_solicitation(mail.message.subject, whole, known=known):
        return Verdict("ignore", "detector", "Reads like advertising or fraud")
    question = any(a.kind == "question" for a in found)
    return Verdict("reply", "detector", "Contains question" if question else "Contains request", asks=found)
