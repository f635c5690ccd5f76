"""What mailbot makes of a mail file, and why. Reads only: no server, no journal, no note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailbot.assistant.context import Circle, gather
from mailbot.assistant.triage import Circumstances, Triage, detected, facts, judged
from mailbot.errors import MailbotError
from mailbot.mail.message import Address, Message
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import MailText, split
from mailbot.settings import Settings
from mailbot.sync.circle import budget_of, circle_of
from mailbot.sync.fetch import suspicion, verdict_of
from mailbot.sync.journal import Journal
from mailbot.vault import note as notes
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.index import Index
from mailbot.vault.note import Note

if TYPE_CHECKING:
    from mailbot.assistant.models import Models


@dataclass(frozen=True, slots=True)
class Explainer:
    """What an explanation may use: the settings, an index to find context in, a model for triage; each may be missing."""

    settings: Settings | None = None
    index: Index | None = None
    models: Models | None = None
    journal: Journal | None = None
    """What is known of earlier exchanges; without it nobody is taken for a stranger."""

    def explain(self, path: Path) -> dict[str, Any]:
        """The interface of `mailbot explain --json` for one file. Never raises: what went wrong is in `defects`."""
        try:
            message = parse(path.read_bytes())
        except OSError as error:
            message = replace(parse(b""), defects=(f"the file cannot be read ({error.strerror})",))
        defects = list(message.defects)
        try:
            reply = split(message)
        except Exception as error:  # noqa: BLE001 - `explain` is asked about damaged mail: it answers
            reply = MailText()
            defects.append(f"its text could not be taken apart ({type(error).__name__})")
        triage = self._triage(message, reply, defects)
        try:
            made = to_note(message, reply, Filing(), verdict_of(triage)).note
            note = notes.write(Note({**made.properties, **suspicion(message)}, made.body))
        except Exception as error:  # noqa: BLE001
            note = ""
            defects.append(f"it could not be made a note ({type(error).__name__})")
        return {
            "path": str(path),
            "message_id": message.message_id or "",
            "subject": message.subject,
            "from": address(message.sender or Address("", "")),
            "to": [address(a) for a in message.to],
            "cc": [address(a) for a in message.cc],
            "date": message.date.isoformat() if message.date else "",
            "newest_reply": reply.newest,
            "quoted": reply.history,
            "signature": reply.signature,
            "attachments": [
                {"name": a.name, "type": a.content_type, "size": a.size} for a in message.attachments
            ],
            "disposition": triage.disposition,
            "decided_by": triage.decided_by,
            "reason": triage.reason,
            "defects": defects,
            "note": note,
            "context": self._context(message, reply, triage),
        }

    def _triage(self, message: Message, reply: MailText, defects: list[str]) -> Triage:
        own = self.settings.own_addresses if self.settings else ()
        triage = facts(message, reply, Circumstances(frozenset(own)))
        if triage is None and self.models is not None and self.settings and self.settings.llm:
            try:
                user = self.settings.accounts[0].display_name or self.settings.accounts[0].address
                return judged(message, reply, own, user, self.models, self.settings.folder)[0]
            except MailbotError as error:
                defects.append(f"the model could not be asked: {error}")
        return triage or detected(reply, message.subject)

    def _context(self, message: Message, reply: MailText, triage: Triage) -> list[dict[str, Any]]:
        if self.index is None:
            return []
        known = self.index.kept(message.message_id or "")
        circle = Circle(own_note=known)
        if self.settings:
            circle = circle_of(self.settings, self.journal, message, own_note=known)
        budget = budget_of(self.settings)
        found = gather(self.index, message, reply, triage.asks, circle, budget=budget)
        return [
            {"note": s.note, "heading": s.heading, "score": s.score, "text": s.text} for s in found.sources
        ]


def address(who: Address) -> dict[str, str]:
    return {"name": who.name, "address": who.email}


def mail_files(paths: list[Path]) -> Iterator[Path]:
    """The files named, and the `.eml` files of the folders named, in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*.eml") if p.is_file())
        else:
            yield path
