"""The user's second thoughts: a `disposition` that was changed in the note of a mail that was done with."""

from __future__ import annotations

import re
from datetime import timedelta

from mailbot.assistant.triage import Disposition, disposition_of
from mailbot.errors import BadData, ServerUnavailable
from mailbot.mail.message import Address
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import notebook
from mailbot.sync.journal import MailRow, now
from mailbot.sync.raw import raw_mail
from mailbot.sync.run import Run
from mailbot.vault.entry import party
from mailbot.vault.files import inside, write_atomic

RECENT = timedelta(days=30)
"""How old a mail may be whose note is still looked at for a change of mind."""
_HEAD = 256 * 1024
_SAID = re.compile(rb"^disposition:[ \t]*[\"']?(\w+)", re.MULTILINE)


def second_thoughts(run: Run) -> list[tuple[MailRow, Disposition]]:
    """The mails that were done with and whose notes now say another disposition than ours. Reads the head of each recent
    note and changes nothing."""
    found = []
    for row in run.journal.done_since(run.account.name, now() - RECENT):
        try:
            with inside(run.vault, row.note).open("rb") as file:
                front = file.read(_HEAD)
            match = (
                _SAID.search(front[: max(0, front.find(b"\n---", 3)) + 1]) if front[:3] == b"---" else None
            )
        except (OSError, BadData):
            continue
        said = disposition_of(match[1].decode()) if match else None
        if said and said != row.disposition:
            found.append((row, said))
    return found


def reopen(run: Run, server: ImapAccount, thoughts: list[tuple[MailRow, Disposition]]) -> None:
    """Obey them: a mail that now wants a reply is fetched again and waits for its draft, the others are noted. What the
    user says of a sender is remembered."""
    for row, said in thoughts:
        properties = notebook.properties(run.vault, row.note)
        if properties is None:
            continue
        sender = Address(*party(str(properties.get("from") or "")))
        if said == "reply":
            try:
                write_atomic(run.spool / f"{row.sha256}.eml", raw_mail(run, server, row))
            except ServerUnavailable as error:  # it may be there in the next run
                server.ensure()
                run.report.remarks.append(f"{row.note}: {error}; its draft waits")
                continue
            except BadData as error:
                run.report.remarks.append(str(error))
                note_hash = notebook.change(
                    run.vault, row.note, row.note_hash, {"reason": "You said so, but the mail is gone"}
                )
                run.journal.update_mail(row.id, stage="done", disposition=said, note_hash=note_hash)
                continue
            run.journal.update_mail(
                row.id, stage="draft", disposition=row.disposition, note_hash=row.note_hash
            )
            continue  # recorded when it is obeyed
        changes = {"decided_by": "user", "reason": "You said so in the note"}
        note_hash = notebook.change(run.vault, row.note, row.note_hash, changes)
        run.journal.update_mail(row.id, stage="done", disposition=said, note_hash=note_hash)
        if sender.email:
            run.journal.correspondence.corrected(row.id, sender.key, said, now())
