"""Mails -> person notes: whom the user has exchanged mail with (DESIGN 5). Arrival alone makes nobody known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from mailbot.errors import BadData
from mailbot.mail.correspondent import full_name, why_nobody
from mailbot.mail.header import addresses
from mailbot.mail.message import Address, message_ids
from mailbot.mail.signature import details
from mailbot.sync import notebook
from mailbot.sync.journal import MailRow, now
from mailbot.sync.run import Run, log
from mailbot.vault import people
from mailbot.vault.files import inside, write_atomic
from mailbot.vault.index import Index
from mailbot.vault.markdown import unescape
from mailbot.vault.note import Properties
from mailbot.vault.people import Encounter

PATIENCE = timedelta(days=60)
"""How long a stranger's mail waits for an answer of the user's."""
EARLIER = 10
"""Earlier mails that a new person note begins with."""
_SIGNATURE = re.compile(r"^> \[!info\]- Signature\n((?:>.*\n?)+)", re.MULTILINE)


def acquaint(run: Run, index: Index) -> None:
    """Bring the person notes up to date with the mails that were kept: make those of people whom the user has written with,
    and note the mail in those that are there. A note that cannot be read or written is reported and left."""
    done = []
    for row in run.journal.unmet(run.account.name):
        found = notebook.read(run.vault, row.note)
        properties = notebook.properties(run.vault, row.note)
        if found is None or properties is None:
            done.append(row.id)
            continue
        sender = next(iter(addresses(str(properties.get("from") or ""))[0]), None)
        if sender is None or why_nobody(sender):
            done.append(row.id)
            continue
        try:
            if _met(run, index, row, sender, properties, found[0]):
                done.append(row.id)
        except (BadData, OSError) as error:
            run.report.remarks.append(f"the person note of {sender.email} was left as it is: {error}")
            done.append(row.id)
    if done:
        run.journal.correspondence.met(done)
    run.journal.correspondence.forget_unmet(now() - PATIENCE)


def _met(run: Run, index: Index, row: MailRow, sender: Address, properties: Properties, text: str) -> bool:
    """Whether nothing is left to do about the sender of a mail; False while they are a stranger."""
    known = people.person(index, sender.email, full_name(sender))
    if known is None and len(index.with_address(sender.email)) > 1:
        return True  # several notes claim the address: which is theirs, the user must say
    if known is None and not _exchange(run, sender, properties):
        return False
    met = encounter(row.note, properties, text, sender)
    if known:
        _update(run, known.path, met, sender)
        return True
    name = full_name(sender)
    taken = [p.path for p in index.people()]
    path = people.new_path(run.settings.people_folder, name, sender.email, taken)
    target = inside(run.vault, path)
    if target.exists():
        return True  # a note that is no person's lies there: the user's
    earlier = [e for e in _earlier(run, index, sender) if e.note != met.note]
    write_atomic(target, people.new_note(name, sender.email, [*earlier, met]).encode())
    run.report.people.append(path)
    log.info("account %s: a person note was made for the sender of mail %d", run.account.name, row.id)
    index.refresh(run.settings.exclude)
    return True


def _update(run: Run, path: str, met: Encounter, sender: Address) -> None:
    text, _ = notebook.must_read(run.vault, path)
    changed = people.with_encounter(text, met, sender.email)
    if changed != text:
        write_atomic(inside(run.vault, path), changed.encode())


def _earlier(run: Run, index: Index, sender: Address) -> Iterable[Encounter]:
    """The mails from them that the vault has already, oldest first."""
    for note in reversed(index.mail_with(sender.key, EARLIER)):
        properties = notebook.properties(run.vault, note.path) or {}
        author = next(iter(addresses(str(properties.get("from") or ""))[0]), None)
        if author and author.key == sender.key and properties.get("date"):
            yield Encounter(str(properties["date"])[:10], note.path)


def _exchange(run: Run, sender: Address, properties: Properties) -> bool:
    named = message_ids(" ".join(str(properties.get(key) or "") for key in ("in_reply_to", "thread")))
    return run.journal.correspondence.written_to(sender.key) > 0 or run.journal.correspondence.sent_any(named)


def encounter(path: str, properties: Properties, text: str, sender: Address) -> Encounter:
    """An email note -> what a person note keeps of it."""
    match = _SIGNATURE.search(text)
    signature = unescape("\n".join(line[2:] for line in match[1].split("\n"))) if match else ""
    told = details(signature, sender, full_name(sender))
    return Encounter(str(properties.get("date") or "")[:10], path, told.role, told.company, told.phone)
