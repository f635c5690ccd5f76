"""A user's desk in a test: one account on a real Dovecot, a vault, a clock that the test turns, and mail clients."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import imapclient

from mailbot.settings import Settings
from mailbot.sync import pipeline
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.session.report import Options, Report
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from mailbot.vault import read_draft
from mailbot.vault.read_draft import ReadDraft
from tests.conftest import MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot
from tests.servers.mail_clients import MailClient
from tests.servers.smtp import SmtpServer

Client = TypeVar("Client", bound=MailClient)
SOURCE = "<m1@acme.example>"


@dataclass
class Desk:
    dovecot: Dovecot
    user: str
    settings: Settings
    vault: Path
    connections: list[imapclient.IMAPClient] = field(default_factory=list)

    def mail(self, text: str = "Hi Jo,\n\nwhich erasure coding did you use?\n\nAna", **more: str) -> None:
        self.dovecot.deliver(self.user, mail(text, to=more.pop("to", self.user), **more))

    def fetch(self, **options: Any) -> Report:
        (report,) = pipeline.fetch_all(self.settings, Options(**options))
        assert (report.error, report.failed) == ("", [])
        return report

    def sync(self) -> Report:
        (report,) = pipeline.sync_all(self.settings, Options())
        assert (report.error, report.failed) == ("", [])
        return report

    def drafted(self) -> str:
        """A mail comes and gets its draft; returns the path of the draft note."""
        self.mail()
        (draft,) = self.fetch().drafts
        return draft

    def client(self, kind: type[Client]) -> Client:
        self.connections.append(self.dovecot.client(self.user))
        return kind(self.connections[-1])

    def close(self) -> None:
        for connection in self.connections:
            connection.shutdown()

    def read(self, note: str) -> ReadDraft:
        return read_draft.parse(self.text(note), note)

    def text(self, note: str) -> str:
        return (self.vault / note).read_text(encoding="utf-8")

    def status(self, note: str) -> str:
        return str(notes.read(self.text(note)).properties["status"])

    def property(self, note: str, name: str) -> Any:
        return notes.read(self.text(note)).properties.get(name)

    def write(self, note: str, text: str) -> None:
        """Save a note as an editor does."""
        (self.vault / note).write_text(text, encoding="utf-8")

    def edit(self, note: str, before: str, after: str) -> None:
        text = self.text(note)
        assert before in text, (before, text)
        self.write(note, text.replace(before, after, 1))

    def set(self, note: str, **properties: Any) -> None:
        self.write(note, notes.with_properties(self.text(note), properties))

    def drafts(self) -> dict[int, bytes]:
        return self.dovecot.messages(self.user, "Drafts")

    def rows(self) -> list[DraftRow]:
        with opened_journal(State(self.settings.vault).journal) as journal:
            return [
                d
                for m in journal.mails.done_since("work", datetime.fromisoformat("2000-01-01T00:00+00:00"))
                for d in journal.drafts.of(m.id)
            ]

    def hours_pass(self, hours: int) -> None:
        """What the journal remembers of drafts happened so much earlier."""
        with closing(sqlite3.connect(State(self.settings.vault).journal)) as journal, journal:
            for name in ("since", "approved_at", "sent_at", "next_try"):
                rows = journal.execute(f"SELECT id, {name} FROM draft WHERE {name} IS NOT NULL").fetchall()
                for id_, at in rows:
                    earlier = datetime.fromisoformat(at) - timedelta(hours=hours)
                    journal.execute(
                        f"UPDATE draft SET {name} = ? WHERE id = ?",
                        (earlier.isoformat(timespec="microseconds"), id_),
                    )

    def everything(self) -> dict[str, Any]:
        """All that a run could change: vault, state and the four mailboxes with their flags."""
        found: dict[str, Any] = dict(tree(self.vault))
        found |= {
            f"state/{k}": v
            for k, v in tree(State(self.settings.vault).folder).items()
            if not k.endswith((".lock", "-shm", "-wal"))
        }
        for name in ("INBOX", "Drafts", "Sent", "Trash"):
            found[name] = (self.dovecot.flags(self.user, name), self.dovecot.messages(self.user, name))
        return found


NOW: dict[str, Any] = {"allow": True, "after": "0s"}


@contextmanager
def sending(desk: Desk, make: MakeSettings, server: SmtpServer, **send: Any) -> Iterator[SmtpServer]:
    with server:
        smtp = {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout": 1}
        desk.settings = make(desk.dovecot.port, desk.user, account={"smtp": smtp}, send=send or NOW)
        yield server
