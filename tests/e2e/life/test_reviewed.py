"""What a hard review broke, and what must stay mended."""

from __future__ import annotations

import email
import email.policy
import hashlib
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from email.message import EmailMessage
from typing import Any

import pytest

from mailbot import stopping
from mailbot.errors import ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import pipeline
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import NOW, Desk, sending
from tests.e2e.life.test_machine import DovecotWorld, Killed, dying
from tests.e2e.life.test_notice import add_line, settled
from tests.e2e.life.test_send import answered, run, sync
from tests.servers.mail_clients import AppleMail, MailClient, Roundcube, Thunderbird
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot
BEGIN, END = "%% mailbot: reply begins %%", "%% mailbot: reply ends %%"


def saved(client: MailClient, change: Callable[[EmailMessage], None], *, new_id: bool = False) -> None:
    """The client saves the draft with something that it changed in the whole message."""
    uid, raw = client.only_draft()
    client.new_id = new_id
    made = email.message_from_bytes(client.rewritten(raw, lambda text: text, {}), policy=email.policy.SMTP)
    assert isinstance(made, EmailMessage)
    change(made)
    client.imap.append("Drafts", made.as_bytes(), flags=client.flags)
    client.end_save(uid)


def html(body: str) -> Callable[[EmailMessage], None]:
    return lambda message: message.set_content(body, subtype="html")


def test_files_and_hidden_readers_of_a_client_outlive_the_choice_of_the_notes_text(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()

    def enriched(message: EmailMessage) -> None:
        message["Bcc"] = "boss@acme.example"
        message.add_attachment(b"PDFPDF", maintype="application", subtype="pdf", filename="offer.pdf")

    saved(desk.client(Thunderbird), enriched, new_id=True)
    desk.sync()
    assert "Its files: offer.pdf. Bcc: boss@acme.example." in desk.read(note).history[-1]
    for word in ("9+3", "10+4"):
        desk.edit(note, "8+3" if word == "9+3" else "9+3", word)
        desk.sync()
        assert desk.status(note) == "conflict"
        desk.set(note, resolve="note")
        desk.sync()
        (raw,) = desk.drafts().values()
        assert b"offer.pdf" in raw and b"boss@acme.example" in raw and word.encode() in raw


@pytest.mark.parametrize("heading", ["## History", "## In Drafts", "## Earlier Revisions"])
def test_headings_of_the_users_own_are_not_mailbots(desk: Desk, smtp: SmtpServer, heading: str) -> None:
    note = answered(desk)
    text = desk.text(note)
    own = f"Hi Ana,\n\n{heading}\n\n- It was 8+3.\n\n## Plan\n\nMore soon.\n\nJo Vermeer"
    desk.write(note, f"{text[: text.index(BEGIN)]}{BEGIN}\n\n{own}\n\n{text[text.index(END) :]}")
    desk.sync()
    settled(desk)
    assert own in desk.text(note)
    desk.set(note, status="approved")
    desk.sync()
    assert own in desk.text(note)
    raw = bytes(smtp.mails[0].original_content or b"").decode()
    assert heading in raw and "You edited" not in raw


def test_what_the_user_writes_below_the_other_text_stays(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.edit(note, "8+3", "9+3")
    desk.sync()
    desk.edit(note, "## History", "Mind: ask Bo first.\n\n### A heading\n\nMore.\n\n## History")
    desk.set(note, resolve="server")
    desk.sync()
    assert "Mind: ask Bo first.\n\n### A heading\n\nMore." in desk.text(note)
    assert "## In Drafts" not in desk.text(note)


def other_sender(message: EmailMessage) -> None:
    message.replace_header("From", "Jo <private@home.example>")


def other_reply_to(message: EmailMessage) -> None:
    message["Reply-To"] = "eve@evil.example"


@pytest.mark.parametrize("change", [other_sender, other_reply_to, lambda message: None])
def test_what_a_client_saves_after_the_approval_is_not_sent(
    desk: Desk, make_settings: MakeSettings, change: Callable[[EmailMessage], None]
) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        run("approve", note)
        desk.sync()
        saved(desk.client(Roundcube), change)
        desk.hours_pass(1)
        sync(desk)
        assert (server.mails, desk.status(note)) == ([], "edited")
        settled(desk)


def test_a_link_that_leads_elsewhere_is_an_edit(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.sync()
        body = '<p>Hi Ana, see <a href="https://{}.example/x">here</a>.</p>'
        saved(desk.client(Roundcube), html(body.format("acme")))
        desk.sync()
        run("approve", note)
        saved(desk.client(Roundcube), html(body.format("evil")))
        desk.hours_pass(1)
        sync(desk)
        assert (server.mails, desk.status(note)) == ([], "edited")


@pytest.mark.parametrize("synced", [False, True])
def test_a_file_that_changes_after_the_approval_needs_another(
    desk: Desk, make_settings: MakeSettings, synced: bool
) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        (desk.vault / "Offer.txt").write_text("100 euros")
        desk.set(note, attach=["Offer.txt"])
        if synced:
            desk.sync()
        run("approve", note)
        (desk.vault / "Offer.txt").write_text("999 euros")
        desk.hours_pass(1)
        sync(desk)
        assert (server.mails, desk.status(note)) == ([], "edited")
        run("approve", note)
        desk.hours_pass(1)
        desk.sync()
        (sent,) = server.mails
        parts = email.message_from_bytes(bytes(sent.original_content or b""), policy=email.policy.default)
        assert [str(a.get_content()).strip() for a in parts.iter_attachments()] == ["999 euros"]  # type: ignore[attr-defined]


def test_a_client_that_takes_the_file_out_takes_it_out_of_the_note_too(desk: Desk) -> None:
    note = answered(desk)
    desk.set(note, attach=["Projects/Storage Evaluation.md"])
    desk.sync()
    desk.client(Roundcube).save(add_line)
    desk.sync()
    assert desk.property(note, "attach") == []
    settled(desk)


def test_an_approval_that_is_taken_back_while_another_is_sent_holds(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.mail.server.outbox import Outbox

    with sending(desk, make_settings, SmtpServer()) as server:
        first = answered(desk)
        desk.mail("Which disks?", message_id="<n1@acme.example>", subject="Disks")
        (second,) = desk.fetch().drafts
        text = desk.text(second)
        desk.write(second, f"{text[: text.index(BEGIN)]}{BEGIN}\n\nAll.\n\n{text[text.index(END) :]}")
        real = Outbox.submit

        def submit(self: Outbox, wire: Any) -> Any:
            for note in {first, second}:
                if "status: approved" in desk.text(note) and wire.message_id not in desk.text(note):
                    desk.set(note, status="draft")
            return real(self, wire)

        monkeypatch.setattr(Outbox, "submit", submit)
        desk.set(first, status="approved")
        desk.set(second, status="approved")
        sync(desk)
        assert len(server.mails) == 1


def test_one_broken_note_keeps_no_other_from_being_sent(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        first = answered(desk)
        desk.mail("Which disks?", message_id="<n1@acme.example>", subject="Disks")
        (second,) = desk.fetch().drafts
        text = desk.text(second)
        desk.write(second, f"{text[: text.index(BEGIN)]}{BEGIN}\n\nAll.\n\n{text[text.index(END) :]}")
        run("approve", first, second)
        desk.sync()
        desk.edit(first, END, "")
        desk.hours_pass(1)
        report = sync(desk)
        assert len(server.mails) == 1 and desk.status(second) == "sent"
        assert any(first in failure for failure in report.failed)


def test_a_draft_that_waits_for_drafts_can_be_approved(
    desk: Desk,
    smtp: SmtpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(self: ImapAccount, *arguments: Any) -> int:
        raise ServerUnavailable("the mailbox is full")

    with monkeypatch.context() as patch:
        patch.setattr(ImapAccount, "append_draft", refuses)
        desk.mail()
        pipeline.fetch_all(desk.settings, Options())
    (found,) = desk.vault.rglob("*.draft.md")
    note = str(found.relative_to(desk.vault))
    text = desk.text(note)
    desk.write(note, f"{text[: text.index(BEGIN)]}{BEGIN}\n\nIt was 8+3.\n\n{text[text.index(END) :]}")
    assert run("approve", note)[0] == 0
    for _ in range(3):
        sync(desk)
    assert len(smtp.mails) == 1 and desk.status(note) == "sent"


def test_an_outline_that_was_rewritten_whole_is_the_users_draft(desk: Desk) -> None:
    note = desk.drafted()
    answer = (
        "Hello Ana, we compared several codes in spring, and took the one whose repairs read least. Best, Jo"
    )
    desk.client(Thunderbird).save(lambda text: f"{answer}\n\n{text[text.index('On Fri') :]}")
    desk.sync()
    assert desk.status(note) == "edited" and desk.read(note).reply.split() == answer.split()
    settled(desk)
    desk.client(Thunderbird).send()
    desk.sync()
    assert desk.status(note) == "sent"


def test_other_recipients_in_the_note_do_not_hide_a_clients_draft(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.set(note, to="bo@acme.example")
    desk.sync()
    assert desk.status(note) == "conflict"
    settled(desk)


def test_a_name_does_not_stay_with_another_address(desk: Desk) -> None:
    note = desk.drafted()
    desk.set(note, to="eve@other.example")
    desk.sync()
    (raw,) = desk.drafts().values()
    assert b"To: eve@other.example\r\n" in raw


@pytest.mark.parametrize("cc", ["bo@acme.example, Cara", "bo@acme.example, cara@"])
def test_a_recipient_that_cannot_be_read_is_not_left_out_in_silence(desk: Desk, cc: str) -> None:
    note = desk.drafted()
    before = desk.drafts()
    desk.set(note, cc=cc)
    (report,) = pipeline.sync_all(desk.settings, Options())
    assert any("is not an address" in failure for failure in report.failed) and desk.drafts() == before


GMAIL = (
    '<div>On Fri, 20 Nov 2026 at 09:15, Ana Ruiz wrote:<br></div><blockquote class="gmail_quote">Hi Jo,<br><br>which erasure coding did'
    ' you use?</blockquote><div>It was 8+3.</div><blockquote class="gmail_quote">Ana</blockquote><div>Jo Vermeer</div>'
)


def test_an_answer_between_quoted_html_keeps_who_said_what(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    saved(desk.client(AppleMail), html(GMAIL), new_id=True)
    desk.sync()
    reply = desk.read(note).reply
    assert "It was 8+3." in reply.split("\n")
    assert "> which erasure coding did you use?" in reply.split("\n")
    settled(desk)


def test_an_answer_below_a_printed_header_is_not_lost(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    below = "-------- Original Message --------\nFrom: Ana Ruiz <ana@acme.example>\nSubject: Storage\n\nHi Jo,\n\nwhich?\n\nHi Ana,\n\n9+3 it was.\n"
    desk.client(Roundcube).save(lambda text: below)
    desk.sync()
    assert "9+3 it was." in desk.read(note).reply
    settled(desk)


def test_a_mail_without_an_id_has_a_draft_that_is_followed(desk: Desk) -> None:
    raw = mail(to=desk.user).replace(b"Message-ID: <m1@acme.example>\r\n", b"")
    desk.dovecot.deliver(desk.user, raw)
    (note,) = desk.fetch().drafts
    (desk.vault / "Answers").mkdir()
    (desk.vault / note).rename(desk.vault / "Answers" / "to Ana.md")
    desk.sync()
    assert len(desk.drafts()) == 1
    desk.client(Thunderbird).save(add_line)
    desk.sync()
    assert desk.status("Answers/to Ana.md") == "edited"
    settled(desk)


def test_a_draft_of_an_unknown_charset_costs_nothing(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    saved(
        desk.client(Roundcube), lambda m: m.replace_header("Content-Type", 'text/plain; charset="x-unknown"')
    )
    desk.edit(note, "8+3", "9+3")
    sync(desk)
    desk.set(note, resolve="note")
    sync(desk)
    assert any(b"9+3" in raw for raw in desk.drafts().values())


def test_a_run_that_is_stopped_before_anything_was_handed_over_leaves_the_approval(
    desk: Desk, make_settings: MakeSettings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        account = {
            "smtp": {"host": "127.0.0.1", "port": silent.getsockname()[1], "security": "none", "timeout": 5}
        }
        desk.settings = make_settings(desk.dovecot.port, desk.user, account=account, send=NOW)
        note = answered(desk)
        run("approve", note)
        threading.Timer(1.0, stopping.ask).start()
        (report,) = pipeline.sync_all(desk.settings, Options())
        assert "stopped" in report.error
        stopping.forget()
    assert desk.status(note) == "approved"
    assert [d.status for d in desk.rows()][-1] == "approved"


def test_an_empty_reply_is_not_sent(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    text = desk.text(note)
    desk.write(note, f"{text[: text.index(BEGIN)]}{BEGIN}\n\n{text[text.index(END) :]}")
    desk.set(note, status="approved")
    report = sync(desk)
    assert smtp.mails == [] and any("it has no text" in failure for failure in report.failed)


def test_a_choice_and_an_approval_at_once_are_both_obeyed(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.edit(note, "it was 8+3", "it was 9+3")
    desk.sync()
    desk.set(note, resolve="note", status="approved")
    desk.sync()
    desk.sync()
    assert len(smtp.mails) == 1 and b"it was 9+3" in bytes(smtp.mails[0].original_content or b"")
    assert desk.status(note) == "sent"


def test_drafts_was_renamed_and_the_server_made_another(desk: Desk) -> None:
    note = desk.drafted()
    with desk.dovecot.client(desk.user) as client:
        client.rename_folder("Drafts", "Old Drafts")
        if not client.folder_exists("Drafts"):
            client.create_folder("Drafts")
    desk.sync()
    assert desk.status(note) == "draft"
    settled(desk)


def test_a_draft_that_was_deleted_before_its_result_was_known_is_not_made_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.sync.memory.drafts import SqliteDrafts

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(SqliteDrafts, "stored", killed)
        desk.mail()
        pipeline.fetch_all(desk.settings, Options())
    desk.client(Roundcube).delete()
    desk.sync()
    assert desk.drafts() == {}
    (found,) = desk.vault.rglob("*.draft.md")
    assert desk.status(str(found.relative_to(desk.vault))) == "discarded"
    settled(desk)


def test_a_handshake_may_take_longer_than_a_look() -> None:
    """Between STARTTLS and the handshake a busy server may pause: the account's own time limit counts."""
    import ssl
    import time

    import trustme

    from mailbot.mail.server.login import Login
    from mailbot.mail.server.outbox import Outbox

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener, authority.cert_pem.tempfile() as ca:

        def serve() -> None:
            plain, _ = listener.accept()
            plain.sendall(b"220 x\r\n")
            plain.recv(1000)
            plain.sendall(b"250-x\r\n250 STARTTLS\r\n")
            plain.recv(1000)
            plain.sendall(b"220 go\r\n")
            time.sleep(0.6)
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.recv(1000)
                secure.sendall(b"250 x\r\n")
                secure.recv(1000)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        from pathlib import Path

        login = Login(
            "work",
            "127.0.0.1",
            listener.getsockname()[1],
            "starttls",
            "jo",
            lambda: "s",
            ca_file=Path(ca),
            timeout=5,
        )
        Outbox(login).check()
        thread.join(5)


@pytest.mark.parametrize("choice", ["server", "note"])
@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("after", [False, True])
def test_a_choice_outlives_a_run_that_is_killed(desk: Desk, choice: str, at: int, after: bool) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(lambda text: f"From the client.\n\n{text}")
    desk.edit(note, "it was 8+3", "it was 9+3")
    desk.sync()
    desk.set(note, resolve=choice)
    with suppress(Killed), dying(DovecotWorld.effects, at, after):
        pipeline.sync_all(desk.settings, Options())
    desk.sync()
    desk.sync()
    read = desk.read(note)
    assert (read.status, read.resolve) == ("edited", "")
    assert ("From the client." in read.reply) == (choice == "server")
    assert "From the client." in desk.text(note) and "it was 9+3" in desk.text(note)
    ((_, raw),) = desk.drafts().items()
    assert (b"From the client." in raw) == (choice == "server")
    settled(desk)


@pytest.mark.parametrize("edited", [False, True])
def test_a_draft_of_an_earlier_version_can_be_edited_and_sent(
    desk: Desk, smtp: SmtpServer, edited: bool
) -> None:
    """Such a version remembered the bytes that it stored, and neither what they said nor how long the quote was."""
    note = answered(desk)
    desk.sync()
    path = State(desk.settings.vault).journal
    with closing(sqlite3.connect(path)) as journal, journal:
        told = hashlib.sha256((desk.vault / note).read_bytes()).hexdigest()
        journal.execute(
            "UPDATE draft SET server_base = '', note_base = '', quote_lines = 0, note_hash = ?", (told,)
        )
    if edited:
        desk.edit(note, "it was 8+3", "it was 9+3")
    desk.sync()
    (raw,) = desk.drafts().values()
    assert (b"it was 9+3" in raw) == edited and raw.count(b"> which erasure coding") == 1
    settled(desk)
    desk.set(note, status="approved")
    desk.sync()
    assert len(smtp.mails) == 1 and desk.status(note) == "sent"


def test_a_proxy_with_a_password_is_written_into_no_crontab(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from mailbot.sync.commands.schedule import job_of

    monkeypatch.setenv("HTTPS_PROXY", "http://jo:secret@proxy.example:3128")
    assert "secret" not in str(job_of(Path("accounts.yaml"), 10, watch=False))
