"""What mailbot makes of a mail file, and why. Reads only: no server, no journal, no note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailbot.assistant.context.gather import gather
from mailbot.assistant.scope import Scope
from mailbot.assistant.steering import attempts
from mailbot.errors import BadData, MailbotError
from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, Message
from mailbot.mail.mime.parse import parse
from mailbot.mail.mime.tree import without_envelope
from mailbot.mail.text.split import MailText, split
from mailbot.regular_file import read_file
from mailbot.settings import Settings
from mailbot.sync.decide.audience import context_tokens, recipients, scope_of
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.sync.memory.journal import Journal
from mailbot.sync.steps.sent import strangers_among
from mailbot.sync.steps.wiring import user_of
from mailbot.vault import note as notes
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.index import Index
from mailbot.vault.source import Context
from mailbot.vault.verdict import Verdict

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
            message = parse(without_envelope(read_file(path)))
        except (OSError, BadData) as error:
            message = replace(parse(b""), defects=(f"the file was not read: {error}",))
        defects = list(message.defects)
        mail = Mail(message, self._split(message, defects))
        verdict = self._verdict(mail, defects)
        note = _note(mail, verdict, defects)
        context = self._context(mail, verdict)
        return {
            "path": str(path),
            "message_id": message.message_id or "",
            "subject": message.subject,
            "from": address(message.sender or Address("", "")),
            "to": [address(a) for a in message.to],
            "cc": [address(a) for a in message.cc],
            "date": message.date.isoformat() if message.date else "",
            "newest_reply": mail.text.newest,
            "quoted": mail.text.history,
            "signature": mail.text.signature,
            "attachments": [
                {"name": a.name, "type": a.content_type, "size": a.size} for a in message.attachments
            ],
            "disposition": verdict.disposition,
            "decided_by": verdict.decided_by,
            "reason": verdict.reason,
            "defects": defects,
            "note": note,
            "context": [
                {"note": s.note, "heading": s.heading, "score": s.score, "text": s.text, "use": s.use}
                for s in context.sources
            ],
            "withheld": [{"note": w.note, "reason": w.reason, "opens": w.opens} for w in context.withheld],
        }

    def _split(self, message: Message, defects: list[str]) -> MailText:
        try:
            return split(message)
        except Exception as error:  # noqa: BLE001 - `explain` is asked about damaged mail: it answers
            defects.append(f"its text could not be taken apart ({type(error).__name__})")
            return MailText()

    def _verdict(self, mail: Mail, defects: list[str]) -> Verdict:
        own = frozenset(self.settings.own_addresses if self.settings else ())
        verdict = disposition(mail, Circumstances(own=own, model=self.models is not None))
        if not verdict.disposition and self.models and self.settings:
            from mailbot.assistant.triage import Reader, judged

            reader = Reader(user_of(self.settings.accounts[0]), own)
            try:
                return judged(mail, reader, self.models, self.settings.folder)[0]
            except MailbotError as error:
                defects.append(f"the model could not be asked: {error}")
                return disposition(mail, Circumstances(own=own))
        return verdict

    def _context(self, mail: Mail, verdict: Verdict) -> Context:
        if self.index is None:
            return Context()
        scope = self._scope(mail.message)
        return gather(self.index, mail, verdict.asks, scope, budget=context_tokens(self.settings))

    def _scope(self, message: Message) -> Scope:
        known = self.index.kept(message.message_id or "") if self.index else ""
        if self.settings is None:
            return Scope(own_note=known)
        readers = [a for part in recipients(self.settings, message) for a in part]
        sent = self.journal.sent if self.journal else None
        return scope_of(
            self.settings,
            message,
            strangers_among(sent, message, readers) if sent else frozenset(),
            account=self._account(message),
            written_to=sent.domains() if sent else frozenset(),
            own_note=known,
        )

    def _account(self, message: Message) -> str:
        """The account whose address a mail names; empty for none."""
        to = {a.key for a in (*message.to, *message.cc)}
        accounts = self.settings.accounts if self.settings else ()
        return next((a.name for a in accounts if to & {o.casefold() for o in a.own_addresses}), "")


def _note(mail: Mail, verdict: Verdict, defects: list[str]) -> str:
    try:
        return notes.write(to_note(mail, Filing(), verdict, suspicious=attempts(mail.message)).note)
    except Exception as error:  # noqa: BLE001 - as above
        defects.append(f"it could not be made a note ({type(error).__name__})")
        return ""


def address(who: Address) -> dict[str, str]:
    return {"name": who.name, "address": who.email}


def mail_files(paths: list[Path]) -> Iterator[Path]:
    """The files named, and the `.eml` files of the folders named, in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*.eml") if p.is_file())
        else:
            yield path
