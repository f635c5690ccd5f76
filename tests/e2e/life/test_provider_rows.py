"""Rows of docs/providers.md, played in whole runs: what a server or a mail client does, and what becomes of mail, note and draft."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from aiosmtpd.smtp import Session as SmtpSession

from mailbot import stopping
from mailbot.mail.server import idle
from mailbot.mail.server.idle import Listener
from mailbot.mail.server.login import Login
from mailbot.sync import pipeline
from mailbot.sync.commands import watch
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import SOURCE, Desk, sending
from tests.e2e.life.test_notice import add_line, settled
from tests.e2e.test_bad_servers import Account, email_notes
from tests.e2e.test_broken_wire import time_passes
from tests.servers.dovecot import Dovecot
from tests.servers.mail_clients import Claws, Roundcube, Thunderbird
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap, Session, fetched
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


@pytest.fixture(scope="module")
def prefixed() -> Iterator[Dovecot]:
    server = Dovecot(prefix="INBOX.", separator=".").start()
    yield server
    server.stop()


def test_all_works_below_a_namespace_prefix(
    prefixed: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path
) -> None:
    """As on Courier and older Cyrus: every mailbox but the inbox lies below `INBOX.`."""
    prefixed.deliver(user, mail(to=user))
    settings = make_settings(prefixed.port, user, llm=model.url)
    (report,) = pipeline.fetch_all(settings, Options())
    assert (report.error, report.failed, len(report.drafts)) == ("", [], 1)
    ((uid, _),) = prefixed.messages(user, "INBOX.Drafts").items()
    note = vault / report.drafts[0]
    note.write_text(
        note.read_text(encoding="utf-8").replace("8+3 in every run", "8+2 in every run"), encoding="utf-8"
    )
    (report,) = pipeline.sync_all(settings, Options())
    ((other, raw),) = prefixed.messages(user, "INBOX.Drafts").items()
    assert other != uid and b"8+2" in raw, report


@pytest.mark.parametrize("answer", ["NIL", "flags only"])
def test_a_mail_without_a_body_is_kept_as_soon_as_it_has_one(
    make_settings: MakeSettings, vault: Path, answer: str
) -> None:
    account = Account(mail(), mail("And this?", message_id="<2@acme.example>", subject="Other"))
    healthy = False

    def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if healthy or not line.startswith("UID FETCH") or "BODY.PEEK[]" not in line:
            return None
        uids = [int(each) for each in re.findall(r"\d+", line.split()[2])]
        for uid in uids:
            if uid == 1:
                session.send(
                    f"* 1 FETCH (UID 1 {'BODY[] NIL' if answer == 'NIL' else 'FLAGS (' + chr(92) + 'Seen)'})\r\n"
                )
            else:
                session.send(fetched(uid, uid, account.boxes["INBOX"][uid]))
        return session.ok(tag)

    account.trouble = trouble
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com")
        (report,) = pipeline.fetch_all(settings, Options(no_drafts=True))
        assert len(email_notes(vault)) == 1 and "sent no body" in report.failed[0]
        healthy = True
        time_passes(settings)
        (report,) = pipeline.fetch_all(settings, Options(no_drafts=True))
    assert report.failed == [] and len(email_notes(vault)) == 2


def test_an_old_revision_that_a_client_saves_later_is_shown_beside_the_new_one(desk: Desk) -> None:
    """Roundcube had the draft open while mailbot replaced it."""
    note = desk.drafted()
    client = desk.client(Roundcube)
    _, opened = client.only_draft()
    desk.edit(note, "Best regards", "From the note.\n\nBest regards")
    desk.sync()
    client.imap.append(
        "Drafts", client.rewritten(opened, lambda text: f"From the client.\n\n{text}", {}), flags=client.flags
    )
    for _ in range(2):
        desk.sync()
    text = desk.text(note)
    assert desk.status(note) == "conflict" and "From the note." in text and "From the client." in text
    assert "resolve" in text


def test_a_draft_that_thunderbird_has_saved_is_said_to_be_recognised(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Thunderbird).save(add_line)
    desk.sync()
    assert "another Message-ID" in desk.text(note)


def test_a_draft_to_other_people_is_not_taken_for_ours(desk: Desk) -> None:
    """The user forwards the mail to a colleague: it answers the same mail, and is another draft."""
    note = desk.drafted()
    client = desk.client(Thunderbird)
    uid, opened = client.only_draft()
    client.imap.append(
        "Drafts",
        client.rewritten(opened, lambda _: "Bo, can you take this?", {"To": "bo@elsewhere.example"}),
        flags=client.flags,
    )
    client._expunge(uid)
    desk.sync()
    assert desk.status(note) == "missing" and "Bo, can you take this?" not in desk.text(note)
    assert len(desk.drafts()) == 1


def test_the_last_of_several_references_is_the_parent(desk: Desk) -> None:
    desk.mail(headers="In-Reply-To: <0@acme.example>\nReferences: <first@acme.example> <0@acme.example>\n")
    (note,) = desk.fetch().drafts
    desk.client(Claws).save(add_line)
    ((_, raw),) = desk.drafts().items()
    assert b"In-Reply-To" not in raw and raw.index(b"<first@acme.example>") < raw.index(SOURCE.encode())
    desk.sync()
    assert (desk.status(note), "8+3" in desk.read(note).reply) == ("edited", True)
    settled(desk)


def test_a_server_that_files_what_was_sent_is_looked_at_first(
    desk: Desk, make_settings: MakeSettings
) -> None:
    """It is in no table: Sent is looked at before a copy is put there."""

    class Filing(SmtpServer):
        async def handle_DATA(self, server: Any, session: SmtpSession, envelope: Envelope) -> str:
            desk.dovecot.deliver(desk.user, bytes(envelope.content or b""), mailbox="Sent")
            return await super().handle_DATA(server, session, envelope)

    with sending(desk, make_settings, Filing()):
        note = desk.drafted()
        text = desk.text(note)
        begin, end = text.index("%% mailbot: reply begins %%"), text.index("%% mailbot: reply ends %%")
        desk.write(
            note, f"{text[:begin]}%% mailbot: reply begins %%\n\nHi Ana,\n\nit was 8+3.\n\nJo\n\n{text[end:]}"
        )
        desk.set(note, status="approved")
        desk.sync()
        assert desk.status(note) == "sent" and len(desk.dovecot.messages(desk.user, "Sent")) == 1
        settled(desk)


def test_idle_is_begun_anew_so_that_a_dropped_line_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "RENEWED", 0.3)

    def script(session: Session, tag: str, command: str, _: bytes) -> bool | None:
        if command.upper() == "IDLE":
            session.send("+ idling\r\n")
            session.file.readline()
            return session.ok(tag)
        return None

    with ScriptedImap(script, capabilities="IMAP4rev1 IDLE") as server:
        waiting = Listener(
            Login("work", "127.0.0.1", server.port, "none", "jo", lambda: "secret", timeout=2.0)
        )
        waiting.examine("INBOX")
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert not waiting.wait("INBOX", 10.0, lambda: True)
        waiting.close()
        assert server.commands.count("IDLE") >= 3


def test_news_that_a_server_holds_back_are_found_by_the_look_now_and_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its IDLE never says anything; the mail is a note after the next look all the same."""
    monkeypatch.setattr(watch, "POLL_EVERY", 1.0)
    monkeypatch.setattr(Listener, "_idles", lambda self: False)
    watcher = watch.Watcher(desk.settings, desk.settings.accounts[0], lambda _: None)
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + 20
        while not State(desk.settings.vault).journal.exists():
            assert time.monotonic() < end, "it never looked"
            time.sleep(0.1)
        desk.mail()
        while not list(desk.vault.glob("Email/2*/*/*.md")):
            assert time.monotonic() < end, "it never came"
            time.sleep(0.1)
    finally:
        stopping.ask()
        thread.join(10)
        stopping.forget()
    assert not thread.is_alive()
