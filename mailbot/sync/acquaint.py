"""Mails -> person notes: whom the user has exchanged mail with (DESIGN 5). Arrival alone makes nobody known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from mailbot.errors import BadData
from mailbot.mail.display_name import full_name
from mailbot.mail.freemail import is_for_all
from mailbot.mail.message import Address
from mailbot.mail.text.signature import details
from mailbot.sync import notebook
from mailbot.sync.decide.correspondent import why_nobody
from mailbot.sync.journal import MailRow, now
from mailbot.sync.run import Run, log
from mailbot.vault import people
from mailbot.vault.entry import party
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
    and note the mail in those that are there. A note that cannot be read is reported and tried again by a later run. Raises
    OSError where the disk fails: killed or stopped anywhere, the next run goes on where this one was."""
    sent = run.journal.correspondence
    done, made = [], dict[str, str]()
    for unmet in sent.unmet(run.account.name):
        domain = unmet.address.rpartition("@")[2]
        exchange = sent.written_to(unmet.address) > 0 or (
            not is_for_all(domain) and sent.wrote_there(unmet.parents, domain)
        )
        if not exchange and not index.with_address(unmet.address) and unmet.address not in made:
            continue  # a stranger, for the time being
        try:
            _met(run, index, run.journal.mail(unmet.mail_id), exchange, made)
        except BadData as error:  # mended by the user, it is taken up again
            run.report.remarks.append(f"the person note of {unmet.address} was left as it is: {error}")
        else:
            done.append(unmet.mail_id)
    if done:
        sent.met(done)
    sent.forget_unmet(now() - PATIENCE)
    if made:
        index.refresh(run.settings.exclude)


def _met(run: Run, index: Index, row: MailRow, exchange: bool, made: dict[str, str]) -> None:
    """Note a mail in the person note of its sender, which is made where there is none. `made` are those of this run."""
    found = notebook.read(run.vault, row.note)
    properties = notebook.properties(run.vault, row.note)
    if found is None or properties is None:
        return
    sender = Address(*party(str(properties.get("from") or "")))
    if why_nobody(sender):
        return
    met = encounter(row, properties, found[0], sender, run.clock().date().isoformat())
    # A name is enough only for those whom the user has written with: anybody can carry any name.
    known = people.person(index, sender.email, full_name(sender) if exchange else "")
    path = known.path if known else made.get(sender.key, "")
    if path:
        text = notebook.editable(run.vault, path)
        changed = people.with_encounter(text, met, sender.email)
        if changed != text:
            write_atomic(inside(run.vault, path), changed.encode())
        return
    if not exchange or len(index.with_address(sender.email)) > 1:
        return  # several notes claim the address: which is theirs, the user must say
    name = full_name(sender)
    taken = [*(p.path for p in index.people()), *made.values()]
    path = people.new_path(run.settings.people_folder, name, sender.email, taken)
    target = inside(run.vault, path)
    if target.exists():
        return  # a note that is no person's lies there: the user's
    earlier = [e for e in _earlier(run, index, sender) if e.note != met.note]
    write_atomic(target, people.new_note(name, sender.email, [*earlier, met]).encode())
    made[sender.key] = path
    run.report.people.append(path)
    log.info("account %s: a person note was made for the sender of mail %d", run.account.name, row.id)


def _earlier(run: Run, index: Index, sender: Address) -> Iterable[Encounter]:
    """The mails from them that the vault has already, oldest first."""
    for note in reversed(index.mail_with(sender.key, EARLIER)):
        properties = notebook.properties(run.vault, note.path) or {}
        author = Address(*party(str(properties.get("from") or "")))
        if author and author.key == sender.key and properties.get("date"):
            yield Encounter(str(properties["date"])[:10], note.path)


def encounter(
    row: MailRow, properties: Properties, text: str, sender: Address, today: str = "9999"
) -> Encounter:
    """An email note -> what a person note keeps of it. A mail without a date has the day of its arrival, and none is later
    than `today`, whatever it says."""
    match = _SIGNATURE.search(text)
    signature = unescape("\n".join(line[2:] for line in match[1].split("\n"))) if match else ""
    told = details(signature, sender, full_name(sender))
    day = min(str(properties.get("date") or row.date)[:10], today)
    return Encounter(day, row.note, told.role, told.company, told.phone)
