"""The audience of an answer, as the vault knows it: the person notes of those on the mail and of those whom it names."""

from __future__ import annotations

import re

from mailbot.assistant.disclosure import Audience, existed
from mailbot.assistant.scope import Scope
from mailbot.mail.mail import Mail
from mailbot.mail.message import Message
from mailbot.vault.entry import name_key, person_target
from mailbot.vault.index import Index, NoteRow
from mailbot.vault.people import person


def audience_of(index: Index, people: list[NoteRow], mail: Mail, scope: Scope) -> Audience:
    """Who reads the answer to a mail, and of whom its notes may therefore speak."""
    message = mail.message
    known = {n.id: n for n in people if existed(n, scope)}
    for note in _mentioned(index, f"{message.subject}\n{mail.text.newest}"):
        known.setdefault(note.id, note)
    called = {name for id_ in known for name in index.names_of(id_)}
    called |= {name_key(a.name) for a in (*message.authors, *message.to, *message.cc) if a.name}
    called |= {person_target(n.path) for n in known.values()}
    to = scope.readers or message.reply_to or message.authors
    readers = frozenset(a.key for a in to if a.email and a.key not in scope.own)
    noted = {
        r for r in readers if any(not n.auto_created and existed(n, scope) for n in index.with_address(r))
    }
    return Audience(
        readers=readers,
        people=frozenset(known),
        called=frozenset(called),
        strangers=(readers & scope.strangers) - noted,
    )


def people_on(index: Index, message: Message, scope: Scope) -> list[NoteRow]:
    """The person notes of those on the mail, the user aside. A name alone makes nobody of whom the user never heard."""
    found: dict[int, NoteRow] = {}
    for address in (*message.authors, *message.to, *message.cc):
        name = "" if address.key in scope.strangers else address.name
        if address.key not in scope.own and (known := person(index, address.email, name)):
            found.setdefault(known.id, known)
    return list(found.values())


def _mentioned(index: Index, text: str) -> list[NoteRow]:
    """The person notes whose whole name stands in a text, where only one note has that name."""
    words = re.findall(r"\w[\w'’.-]*", text[:20_000])
    names = {
        " ".join(words[n : n + size]).strip(".") for size in (2, 3) for n in range(len(words) - size + 1)
    }
    found: dict[int, NoteRow] = {}
    for name in names:
        if name[:1].isupper() or not name.isascii():
            rows = index.with_name(name)
            if len(rows) == 1:
                found.setdefault(rows[0].id, rows[0])
    return list(found.values())
