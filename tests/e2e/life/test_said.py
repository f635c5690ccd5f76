"""What the user writes into the status of a draft note: taken up, or put right with a word why. Never shown though it is not so."""

from __future__ import annotations

from typing import Any

import pytest

from mailbot.errors import BadData
from mailbot.sync.session.note_files import NoteFiles
from mailbot.vault.stand_ins import unescape
from tests.conftest import MakeSettings
from tests.e2e.life.desk import NOW, Desk, sending
from tests.e2e.life.test_notice import settled
from tests.e2e.life.test_send import answered, run, sync
from tests.servers.mail_clients import Neomutt, Roundcube
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


def history(desk: Desk, note: str) -> list[str]:
    return [unescape(line).partition(" ")[2].partition(" ")[2] for line in desk.read(note).history]


def ended(desk: Desk, how: str) -> str:
    """A draft that has ended; returns its note."""
    note = desk.drafted() if how == "superseded" else answered(desk)
    if how == "by command":
        desk.set(note, status="discarded")
    elif how == "in the client":
        desk.client(Roundcube).delete()
    elif how == "sent":
        desk.client(Roundcube).send()
    else:
        assert how == "superseded"
        headers = "In-Reply-To: <m1@acme.example>\nReferences: <m1@acme.example>\n"
        desk.set(note, status="draft")
        desk.mail(
            "And how many disks?", message_id="<m2@acme.example>", subject="Re: Storage", headers=headers
        )
    desk.sync()
    return note


@pytest.mark.parametrize("how", ["by command", "in the client"])
@pytest.mark.parametrize("status", ["draft", "edited"])
def test_a_discarded_draft_is_taken_up_again_with_the_text_of_its_note(
    desk: Desk, how: str, status: str
) -> None:
    note = ended(desk, how)
    assert (desk.status(note), desk.drafts()) == ("discarded", {})
    settled(desk)
    desk.edit(note, "it was 8+3.", "it was 8+3, in every run.")
    desk.set(note, status=status, cc=["bo@acme.example"])
    desk.sync()
    assert desk.status(note) == status
    (raw,) = desk.drafts().values()
    assert b"it was 8+3, in every run." in raw and b"In-Reply-To: <m1@acme.example>" in raw
    assert b"Cc: bo@acme.example" in raw and b"> which erasure coding" in raw
    assert history(desk, note)[-1] == "You took it up again."
    settled(desk)
    desk.edit(note, "in every run", "in all runs")
    desk.sync()
    (raw,) = desk.drafts().values()
    assert b"in all runs" in raw and desk.status(note) == "edited"
    settled(desk)


def test_a_discarded_draft_can_be_approved_and_is_sent(desk: Desk, smtp: SmtpServer) -> None:
    note = ended(desk, "in the client")
    desk.set(note, status="approved")
    desk.sync()
    (mail,) = smtp.mails
    assert b"it was 8+3." in bytes(mail.original_content or b"")
    assert (desk.status(note), desk.drafts()) == ("sent", {})
    assert history(desk, note)[-2:] == ["You took it up again. You approved it.", "Sent to ana@acme.example."]
    settled(desk)


def test_what_a_client_had_saved_is_taken_up_where_it_lies(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Roundcube).save(lambda text: f"Once more.\n\n{text}")
    desk.sync()
    desk.set(note, status="discarded")
    desk.sync()
    assert desk.status(note) == "discarded" and len(desk.drafts()) == 1
    assert history(desk, note)[-1].endswith("What your mail client has saved is still in Drafts.")
    settled(desk)
    desk.set(note, status="approved")
    desk.sync()
    (mail,) = smtp.mails
    assert b"Once more." in bytes(mail.original_content or b"")
    assert (desk.status(note), desk.drafts()) == ("sent", {})
    settled(desk)


def test_a_discarded_draft_with_a_blank_is_taken_up_and_not_approved(desk: Desk, smtp: SmtpServer) -> None:
    note = desk.drafted()
    desk.set(note, status="discarded")
    desk.sync()
    desk.set(note, status="approved")
    report = sync(desk)
    assert len(desk.drafts()) == 1 and desk.status(note) == "edited" and smtp.mails == []
    assert "not approved: it still has a blank" in report.failed[0]
    settled(desk)


def test_where_the_mail_is_gone_the_note_says_why_it_stays_discarded(desk: Desk) -> None:
    note = ended(desk, "by command")
    inbox = desk.dovecot.client(desk.user)
    inbox.select_folder("INBOX")
    inbox.delete_messages(inbox.search())
    inbox.expunge()
    inbox.shutdown()
    desk.set(note, status="draft")
    sync(desk)
    assert (desk.status(note), desk.drafts()) == ("discarded", {})
    assert "the mail is no longer in INBOX; move it back" in history(desk, note)[-1]
    settled(desk)


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_takes_it_up_once(desk: Desk, at: int, after: bool) -> None:
    from tests.e2e.life.test_machine import DovecotWorld, Killed, dying

    note = ended(desk, "by command")
    desk.set(note, status="draft")
    try:
        with dying(DovecotWorld.effects, at, after):
            sync(desk)
    except Killed:
        pass
    desk.sync()
    assert (desk.status(note), len(desk.drafts())) == ("draft", 1)
    settled(desk)


@pytest.mark.parametrize("how", ["sent", "superseded"])
def test_what_has_ended_does_not_pass_for_approved(desk: Desk, make_settings: MakeSettings, how: str) -> None:
    note = ended(desk, how)
    assert desk.status(note) == how
    desk.settings = make_settings(desk.dovecot.port, desk.user, send=NOW)
    desk.set(note, status="approved")
    report = sync(desk)
    assert desk.status(note) == how
    assert f"not approved: it stays `{how}`" in report.failed[0]
    assert history(desk, note)[-1].startswith(f"It stays `{how}`; `mailbot draft NOTE --again` makes another")
    settled(desk)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("aproved", "`aproved` is no status that you can set: write `approved` or `discarded`."),
        ("sent", "`sent` is what mailbot writes when it has seen it"),
        ("superseded", "`superseded` is what mailbot writes"),
    ],
)
def test_a_status_that_is_none_or_not_so_is_put_right(desk: Desk, written: str, said: str) -> None:
    note = desk.drafted()
    desk.set(note, status=written)
    assert bool(sync(desk).failed) is (written == "aproved")
    assert desk.status(note) == "draft" and history(desk, note)[-1].startswith(said)
    assert len(desk.drafts()) == 1
    settled(desk)


def test_a_conflict_is_not_approved_before_it_is_decided(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Roundcube).save(lambda text: f"One.\n\n{text}")
    desk.edit(note, "Best regards", "Two.\n\nBest regards")
    desk.sync()
    assert desk.status(note) == "conflict"
    desk.set(note, status="approved")
    report = sync(desk)
    assert desk.status(note) == "conflict" and "not approved: it was edited on both sides" in report.failed[0]
    settled(desk)


def test_a_choice_that_is_none_is_put_right(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Roundcube).save(lambda text: f"One.\n\n{text}")
    desk.edit(note, "Best regards", "Two.\n\nBest regards")
    desk.sync()
    desk.set(note, resolve="mine")
    desk.sync()
    assert desk.status(note) == "conflict" and not desk.property(note, "resolve")
    assert history(desk, note)[-1].startswith("`resolve: mine` chooses nothing: write `resolve: server` or")
    settled(desk)
    desk.set(note, resolve="note")
    desk.sync()
    assert desk.status(note) == "edited" and "Two." in desk.read(note).reply


@pytest.mark.parametrize(("word", "row"), [("sent", "sent"), ("draft", "edited")])
def test_the_user_says_what_became_of_a_mail_that_may_have_been_sent(
    desk: Desk, make_settings: MakeSettings, word: str, row: str
) -> None:
    server = SmtpServer(mode="drop")
    with sending(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        sync(desk)
        assert desk.status(note) == "unknown"
        server.mode = "ok"
        desk.set(note, status="approved")
        assert "it may have been sent already" in sync(desk).failed[0]
        assert desk.status(note) == "unknown" and len(server.mails) == 1
        desk.set(note, status=word)
        desk.sync()
        assert desk.status(note) == row and len(desk.drafts()) == (0 if word == "sent" else 1)
        settled(desk)
        if word == "draft":
            desk.set(note, status="approved")
            desk.sync()
            assert desk.status(note) == "sent" and len(server.mails) == 2
            settled(desk)


def test_another_draft_of_a_mail_that_was_sent_is_not_taken_for_sent(desk: Desk) -> None:
    note = ended(desk, "sent")
    assert desk.status(note) == "sent"
    code, said = run("draft", note, "--again")
    assert code == 0, said
    desk.sync()
    assert [row.status for row in desk.rows()] == ["sent", "draft"] and len(desk.drafts()) == 1
    settled(desk)


@pytest.mark.parametrize("edited", [False, True])
def test_an_approval_that_is_set_while_the_draft_is_away_holds_when_it_is_back(
    desk: Desk, smtp: SmtpServer, edited: bool
) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Neomutt)
    held = client.recall()
    desk.sync()
    assert desk.status(note) == "missing"
    client.put_back(held, (lambda text: f"PS.\n\n{text}") if edited else lambda text: text)
    desk.set(note, status="approved")
    report = sync(desk)
    if edited:  # what was approved is not what lies there now
        assert smtp.mails == [] and "not approved any more" in report.failed[0]
    else:
        assert len(smtp.mails) == 1 and desk.status(note) == "sent"
    settled(desk)


def test_one_note_of_an_ended_draft_that_cannot_be_changed_stops_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = ended(desk, "sent")
    desk.set(note, status="approved")
    edit = NoteFiles.edit

    def refused(self: NoteFiles, path: str, change: Any) -> Any:
        if path == note:
            raise BadData(f"{path}: it was changed in this very moment")
        return edit(self, path, change)

    with monkeypatch.context() as patch:
        patch.setattr(NoteFiles, "edit", refused)
        desk.mail("Which disks?", message_id="<n@acme.example>", subject="Disks")
        report = sync(desk)
    assert report.failed == [f"{note}: it was changed in this very moment"] and len(report.drafts) == 1


def test_a_mail_that_may_have_been_sent_stays_so_where_another_try_does_not_reach_the_server(
    desk: Desk, make_settings: MakeSettings
) -> None:
    server = SmtpServer(mode="drop")
    with sending(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        sync(desk)
    assert desk.status(note) == "unknown"
    code, said = run("send", note, "--again", "--yes")
    assert code == 69 and "not sent" in said
    assert (desk.rows()[-1].status, desk.status(note)) == ("unknown", "unknown") and desk.rows()[-1].sent_at
    server.mode = "4xx"
    with sending(desk, make_settings, server):
        run("send", note, "--again", "--yes")
        assert desk.rows()[-1].status == "unknown"
        sync(desk)
        assert desk.status(note) == "unknown" and len(server.mails) == 1
        settled(desk)


def test_a_list_of_one_is_a_status(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.set(note, status=["approved"])
    desk.sync()
    assert len(smtp.mails) == 1 and desk.status(note) == "sent"


def test_a_note_that_could_not_be_told_brings_nothing_back(desk: Desk) -> None:
    """Its properties were broken when its draft was deleted: that it says `draft` afterwards is not the user's word."""
    note = answered(desk)
    whole = desk.text(note)
    desk.write(note, whole.replace("status: edited", "status: edited\nodd: [a", 1))
    sync(desk)
    desk.client(Roundcube).delete()
    sync(desk)
    desk.write(note, whole)
    sync(desk)
    assert (desk.status(note), desk.drafts()) == ("discarded", {})
    assert history(desk, note)[-1] == "It was discarded: you deleted it in your mail client."
    settled(desk)
