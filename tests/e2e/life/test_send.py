"""Approved and sent: exactly what the user approved, once, and what comes after it. A real Dovecot, a real SMTP server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.errors import ServerUnavailable
from mailbot.mail.server import outbox
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import pipeline
from mailbot.sync.session.report import Options, Report
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import NOW, SOURCE, Desk, sending
from tests.e2e.life.test_notice import settled
from tests.servers.mail_clients import Thunderbird
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(mailbot, list(arguments))
    return done.exit_code, done.output


def answered(desk: Desk) -> str:
    """A draft whose blank the user has filled."""
    note = desk.drafted()
    text = desk.text(note)
    begin, end = text.index("%% mailbot: reply begins %%"), text.index("%% mailbot: reply ends %%")
    desk.write(
        note,
        text[:begin] + "%% mailbot: reply begins %%\n\nHi Ana,\n\nit was 8+3.\n\nJo Vermeer\n\n" + text[end:],
    )
    return note


def sync(desk: Desk) -> Report:
    (report,) = pipeline.sync_all(desk.settings, Options())
    assert report.error == ""
    return report


def test_approved_in_the_note_and_sent_by_sync(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.set(note, status="approved")
    desk.sync()
    (sent,) = smtp.mails
    raw = bytes(sent.original_content or b"")
    assert (sent.mail_from, sent.rcpt_tos) == (desk.user, ["ana@acme.example"])
    assert b"it was 8+3." in raw and f"In-Reply-To: {SOURCE}".encode() in raw
    assert b"ailbot" not in raw
    assert list(desk.dovecot.messages(desk.user, "Sent").values()) == [raw]
    assert list(desk.dovecot.flags(desk.user, "Sent").values()) == [(b"\\Seen",)]
    assert list(desk.dovecot.flags(desk.user).values()) == [(b"\\Answered",)]
    assert desk.drafts() == {}
    assert desk.status(note) == "sent"
    assert desk.property(note, "sent_message_id").encode() in raw
    assert "Sent to ana@acme.example." in desk.read(note).history[-1]
    settled(desk)
    assert len(smtp.mails) == 1


def test_nothing_is_sent_by_sync_unless_the_settings_allow_it(
    desk: Desk, make_settings: MakeSettings
) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        desk.set(note, status="approved")
        desk.sync()
        settled(desk)
        assert (server.mails, desk.status(note)) == ([], "approved")
        code, said = run("send", note, "--yes")
        assert (code, len(server.mails), desk.status(note)) == (0, 1, "sent"), said


def test_an_approval_can_be_taken_back_in_time(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.set(note, status="approved")
        desk.sync()
        settled(desk)
        desk.set(note, status="draft")
        desk.sync()
        assert "Not approved any more" in desk.read(note).history[-1]
        desk.hours_pass(1)
        desk.sync()
        assert (server.mails, len(desk.drafts())) == ([], 1)
        desk.set(note, status="approved")
        desk.sync()
        desk.hours_pass(1)
        desk.sync()
        assert len(server.mails) == 1


@pytest.mark.parametrize("where", ["note", "recipients", "client"])
def test_what_was_changed_after_it_was_approved_is_not_sent(
    desk: Desk, make_settings: MakeSettings, where: str
) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        assert run("approve", note)[0] == 0
        desk.sync()
        if where == "note":
            desk.edit(note, "it was 8+3", "it was 9+3")
        elif where == "recipients":
            desk.set(note, to="eve@evil.example")
        else:
            desk.client(Thunderbird).save(lambda text: text.replace("8+3", "9+3"))
        desk.hours_pass(1)
        sync(desk)
        assert (server.mails, desk.status(note)) == ([], "edited")
        assert run("send", note, "--yes")[0] == 1
        assert server.mails == []
        assert run("approve", note)[0] == 0
        desk.hours_pass(1)
        desk.sync()
        assert len(server.mails) == 1
        assert (b"eve@evil" if where == "recipients" else b"9+3") in bytes(
            server.mails[0].original_content or b""
        )
        settled(desk)


def test_a_draft_that_a_client_has_edited_goes_out_as_the_client_wrote_it(
    desk: Desk, smtp: SmtpServer
) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(lambda text: f"Dear all,\n\n{text}", To="ana@acme.example")
    desk.sync()
    assert desk.status(note) == "edited"
    assert run("approve", note)[0] == 0
    desk.sync()
    (sent,) = smtp.mails
    assert b"Dear all," in bytes(sent.original_content or b"")
    assert b"format=flowed" in bytes(sent.original_content or b"").replace(b'"', b"")
    assert (desk.status(note), desk.drafts()) == ("sent", {})
    settled(desk)


def test_a_blank_is_never_sent(desk: Desk, smtp: SmtpServer) -> None:
    note = desk.drafted()
    assert "[…" in desk.read(note).reply or "[your" in desk.read(note).reply
    code, said = run("approve", note)
    assert code == 1 and "still has a blank" in said
    desk.set(note, status="approved")
    report = sync(desk)
    assert any("still has a blank" in failure for failure in report.failed)
    assert smtp.mails == []


def test_what_is_shown_before_it_goes(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.edit(note, "it was 8+3.", "it was 8+3. The table is attached.")
    desk.sync()
    run("approve", note)
    code, said = run("send", note, "--dry-run", "--json")
    (shown,) = json.loads(said)["shown"]
    assert code == 0 and smtp.mails == []
    assert shown["to"] == ["Ana Ruiz <ana@acme.example>"]
    assert shown["doubts"] == ["the text mentions an attachment, but none is attached"]
    report = sync(desk)
    assert smtp.mails == [] and any("mentions an attachment" in f for f in report.failed)
    desk.set(note, attach=["Projects/Storage Evaluation.md"])
    sync(desk)
    run("approve", note)
    code, said = run("send", note, "--yes")
    assert (code, len(smtp.mails)) == (0, 1)
    assert "Storage Evaluation.md" in said and b'filename="Storage Evaluation.md"' in bytes(
        smtp.mails[0].original_content or b""
    )


def test_a_newer_mail_in_the_thread_holds_it(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        run("approve", note)
        newer = mail("And the price?", to=desk.user, sender="Bo <bo@acme.example>", message_id="<m2@acme.example>",
                     headers=f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n")  # fmt: skip
        desk.dovecot.deliver(desk.user, newer.replace(b"20 Nov", b"21 Nov"))
        desk.sync()
        desk.hours_pass(1)
        report = sync(desk)
        assert server.mails == []
        assert any("newer mail" in failure for failure in report.failed)
        code, said = run("send", note, "--yes")
        assert "newer mail" in said and (code, len(server.mails)) == (0, 1)


def test_a_permanent_refusal_comes_back_to_the_user(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(mode="5xx")) as server:
        note = answered(desk)
        desk.set(note, status="approved")
        report = sync(desk)
        assert any("554" in failure for failure in report.failed)
        assert desk.status(note) == "edited" and "554" in desk.read(note).history[-1]
        settled(desk)
        assert len(desk.drafts()) == 1 and server.mails == []


def test_a_passing_refusal_waits_and_is_tried_again(desk: Desk, make_settings: MakeSettings) -> None:
    server = SmtpServer(mode="4xx")
    with sending(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        assert any("451" in failure for failure in sync(desk).failed)
        assert any(
            "451" in failure for failure in sync(desk).failed
        )  # the second try at once, the third later
        settled(desk)
        assert desk.status(note) == "approved"
        server.mode = "ok"
        desk.hours_pass(1)
        desk.sync()
        assert (len(server.mails), desk.status(note)) == (1, "sent")


def test_one_of_two_recipients_is_refused_and_named(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(refuse=("gone@acme.example",))) as server:
        note = answered(desk)
        desk.set(note, cc=["gone@acme.example"], status="approved")
        report = sync(desk)
        assert any("gone@acme.example (550" in failure for failure in report.failed)
        assert (
            desk.status(note) == "sent"
            and "Not accepted for gone@acme.example" in desk.read(note).history[-1]
        )
        assert server.mails[0].rcpt_tos == ["ana@acme.example"]
        settled(desk)


@pytest.mark.parametrize("mode", ["drop", "hang"])
def test_a_lost_answer_is_unknown_and_never_sent_again_by_itself(
    desk: Desk, make_settings: MakeSettings, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AFTER_DOT", 0.5)
    server = SmtpServer(mode=mode)
    with sending(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        assert any("may have been sent or not" in failure for failure in sync(desk).failed)
        assert desk.status(note) == "unknown"
        server.mode = "ok"
        settled(desk)
        desk.hours_pass(30)
        sync(desk)
        assert len(server.mails) == 1
        assert run("approve", note)[0] == 1
        assert run("send", note, "--yes")[0] == 1
        assert len(server.mails) == 1
        code, said = run("send", note, "--yes", "--again")
        assert (code, len(server.mails), desk.status(note)) == (0, 2, "sent"), said
        settled(desk)


def test_a_lost_answer_is_found_in_sent(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AFTER_DOT", 0.5)
    with sending(desk, make_settings, SmtpServer(mode="drop")) as server:
        note = answered(desk)
        desk.set(note, status="approved")
        sync(desk)
        desk.dovecot.deliver(desk.user, bytes(server.mails[0].original_content or b""), mailbox="Sent")
        desk.sync()
        assert desk.status(note) == "sent"
        assert "sent after all" in desk.read(note).history[-1]
        assert list(desk.dovecot.flags(desk.user).values()) == [(b"\\Answered",)]
        assert desk.drafts() == {}
        settled(desk)


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_run_that_is_killed_while_it_sends_sends_nothing_twice(
    desk: Desk, smtp: SmtpServer, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real = outbox.Outbox.submit

    def submit(self: outbox.Outbox, wire: Any) -> Any:
        if point == "after":
            real(self, wire)
        raise Killed

    note = answered(desk)
    desk.set(note, status="approved")
    with monkeypatch.context() as patch:
        patch.setattr(outbox.Outbox, "submit", submit)
        with pytest.raises(Killed):
            pipeline.sync_all(desk.settings, Options())
    sync(desk)
    assert desk.status(note) == "unknown"
    settled(desk)
    assert len(smtp.mails) == (1 if point == "after" else 0)


def test_no_more_than_so_many_an_hour(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="0s", per_hour=1) as server:
        first = answered(desk)
        desk.mail("Which disks did you use?", message_id="<n1@acme.example>", subject="Disks")
        (second,) = desk.fetch().drafts
        desk.edit(second, desk.read(second).reply.split("\n")[0], "Hi Ana,")
        text = desk.text(second)
        begin, end = text.index("%% mailbot: reply begins %%"), text.index("%% mailbot: reply ends %%")
        desk.write(second, text[:begin] + "%% mailbot: reply begins %%\n\nAll of them.\n\n" + text[end:])
        desk.set(first, status="approved")
        desk.set(second, status="approved")
        report = sync(desk)
        assert len(server.mails) == 1 and any("send.per_hour" in r for r in report.remarks)
        desk.hours_pass(2)
        sync(desk)
        assert len(server.mails) == 2


def test_without_a_server_for_it_nothing_is_lost_and_the_user_is_told(desk: Desk) -> None:
    note = answered(desk)
    run("approve", note)
    code, said = run("send", note, "--yes")
    assert code == 78 and "smtp" in said
    assert desk.status(note) == "approved"


def test_a_wrong_certificate_or_login_sends_nothing(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(auth=("PLAIN",))) as server:
        note = answered(desk)
        run("approve", note)
        desk.settings = make_settings(
            desk.dovecot.port, desk.user, send=NOW,
            account={"smtp": {"host": "127.0.0.1", "port": server.port, "security": "tls", "timeout": 1}},
        )  # fmt: skip
        code, said = run("send", note, "--yes")
        assert code == 69 and "TLS failed" in said and server.mails == []
        assert desk.status(note) == "approved"


def test_drafts_that_are_only_notes_can_be_sent(desk: Desk, make_settings: MakeSettings) -> None:
    with SmtpServer() as server:
        smtp = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        desk.settings = make_settings(
            desk.dovecot.port, desk.user, account={"smtp": smtp}, send=NOW, drafts={"to_server": False}
        )
        note = answered(desk)
        desk.sync()
        assert (desk.drafts(), desk.status(note)) == ({}, "edited")
        settled(desk)
        run("approve", note)
        desk.sync()
        assert (len(server.mails), desk.status(note)) == (1, "sent")
        assert b"> which erasure coding" in bytes(server.mails[0].original_content or b"")
        assert len(desk.dovecot.messages(desk.user, "Sent")) == 1
        settled(desk)


def test_the_provider_that_files_sent_itself_gets_no_second_copy(
    desk: Desk, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.sync.steps import after_sending

    monkeypatch.setattr(after_sending, "files_sent_itself", lambda host, port: True)
    note = answered(desk)
    desk.set(note, status="approved")
    desk.sync()
    assert (desk.status(note), desk.dovecot.messages(desk.user, "Sent")) == ("sent", {})


def test_a_copy_that_cannot_be_filed_is_filed_later_and_the_mail_not_sent_again(
    desk: Desk, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise ServerUnavailable("the mailbox is full")

    note = answered(desk)
    desk.set(note, status="approved")
    with monkeypatch.context() as patch:
        patch.setattr(ImapAccount, "file", full)
        report = sync(desk)
    assert any("it was sent, but the mailbox is full" in failure for failure in report.failed)
    assert desk.status(note) == "sent" and desk.dovecot.messages(desk.user, "Sent") == {}
    desk.sync()
    assert list(desk.dovecot.messages(desk.user, "Sent").values()) == [
        bytes(smtp.mails[0].original_content or b"")
    ]
    settled(desk)
    assert len(smtp.mails) == 1


def test_what_is_held_back_is_said_once_in_the_note_and_to_cron(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.edit(note, "it was 8+3.", "it was 8+3, see [[Projects/Storage Evaluation]]. The table is attached.")
    desk.sync()
    run("approve", note)
    report = sync(desk)
    assert any("mentions an attachment" in f and "wikilink" in f for f in report.failed)
    assert "Not sent yet: the text mentions an attachment" in desk.read(note).history[-1]
    assert "mentions an attachment" in run("status")[1]
    settled(desk)
    assert smtp.mails == []


def test_an_approval_that_is_gone_is_said_by_send(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        run("approve", note)
        desk.sync()
        desk.edit(note, "8+3", "9+3")
        code, said = run("send", "--yes")
        assert code == 1 and "changed after you approved it" in said and server.mails == []


def test_a_newer_mail_that_is_not_fetched_yet_is_seen(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        run("approve", note)
        desk.sync()
        newer = mail(
            "Never mind.", to=desk.user, message_id="<m2@acme.example>", headers=f"References: {SOURCE}\n"
        )
        desk.dovecot.deliver(desk.user, newer)
        code, said = run("send", "--dry-run")
        assert code == 0 and "INBOX UID 2 (run `mailbot sync` to see it)" in said and server.mails == []


def test_ctrl_c_at_the_question_sends_nothing_and_is_no_bug(
    desk: Desk, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.cli import console

    note = answered(desk)
    run("approve", note)
    monkeypatch.setattr(console, "answers", lambda: True)
    done = CliRunner().invoke(mailbot, ["send", note], input="")
    assert done.exit_code == 130 and "bug" not in done.output and smtp.mails == []


def test_a_note_whose_mark_is_gone_is_named_once(desk: Desk) -> None:
    note = desk.drafted()
    desk.edit(note, "%% mailbot: reply ends %%", "")
    (report,) = pipeline.sync_all(desk.settings, Options())
    assert any("mailbot: reply ends" in failure for failure in report.failed)
    settled(desk)
