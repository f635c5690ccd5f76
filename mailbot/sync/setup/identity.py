"""Who the user is, as their newest sent mails show it: the name in From, and the signature."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mailbot.errors import MailbotError
from mailbot.mail.mail import read_mail
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.setup.person import Person, anything

NEWEST = 20
"""Sent mails that are read."""
LARGEST = 500_000
"""Octets of one."""
OFTEN = 2
"""How many mails must carry a signature for it to be the user's usual one."""
LINES = 12


@dataclass(frozen=True, slots=True)
class Identity:
    """Empty texts for what is not known."""

    name: str = ""
    signature: str = ""


def shown_by_sent(server: ImapAccount, sent: str, address: str) -> Identity:
    """What the newest mails in Sent show. Raises MailbotError if they cannot be read."""
    names: Counter[str] = Counter()
    signatures: Counter[str] = Counter()
    opened = server.examine(sent)
    uids = server.uids_at(max(1, opened.exists - NEWEST + 1), opened.exists) if opened.exists else []
    small = [m for m in server.listings(uids) if m.size <= LARGEST]
    for _, raw in server.bodies(small):
        mail = read_mail(raw)
        for author in mail.message.authors:
            if author.key == address.casefold() and author.name:
                names[author.name] += 1
        if signature := mail.text.plain("signature").removeprefix("-- \n").removeprefix("--\n").strip():
            signatures[signature] += 1
    name = names.most_common(1)[0][0] if names else ""
    usual, count = signatures.most_common(1)[0] if signatures else ("", 0)
    fits = count >= min(OFTEN, len(small)) and usual.count("\n") < LINES
    return Identity(name, usual if fits else "")


def ask_identity(person: Person, server: ImapAccount, sent: str, address: str) -> Identity:
    """Ask for the name and the signature, with what Sent shows as the answer to say yes to."""
    shown = Identity()
    if sent:
        try:
            shown = shown_by_sent(server, sent, address)
        except MailbotError:
            server.ensure()
    name = person.ask("display-name", "Your name, as shown in From", anything, shown.name)
    signature = ""
    if shown.signature:
        person.say(
            "Your newest mails end with this signature:\n\n"
            + "\n".join(f"    {line}" for line in shown.signature.split("\n"))
            + "\n"
        )
        signature = shown.signature if person.agrees("signature", "Put it below drafts?") else ""
    return Identity(name, signature)
