"""A draft on servers and in moments that are not as they should be: renamed, stripped, without UIDPLUS, changed in this very moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import pipeline
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings
from tests.e2e.life.desk import Desk
from tests.e2e.life.test_notice import add_line, settled
from tests.e2e.life.test_send import answered
from tests.servers.mail_clients import Claws, MailClient, Roundcube, Thunderbird

pytestmark = pytest.mark.dovecot


def test_drafts_was_renamed_and_the_settings_say_so(desk: Desk, make_settings: MakeSettings) -> None:
    note = desk.drafted()
    with desk.dovecot.client(desk.user) as client:
        client.rename_folder("Drafts", "Entwurf")
    desk.settings = make_settings(desk.dovecot.port, desk.user, account={"drafts_mailbox": "Entwurf"})
    desk.sync()
    assert desk.status(note) == "draft"
    settled(desk)
    desk.edit(note, "Best regards", "It was 8+3.\n\nBest regards")
    desk.sync()
    (raw,) = desk.dovecot.messages(desk.user, "Entwurf").values()
    assert b"It was 8+3." in raw


def test_a_draft_that_was_moved_out_of_drafts_is_missing_and_comes_back(desk: Desk) -> None:
    note = desk.drafted()
    with desk.dovecot.client(desk.user) as client:
        client.create_folder("Later")
        client.select_folder("Drafts")
        client.move(client.search(["ALL"]), "Later")
        desk.sync()
        assert desk.status(note) == "missing"
        client.select_folder("Later")
        client.move(client.search(["ALL"]), "Drafts")
    desk.sync()
    assert desk.status(note) == "draft"
    settled(desk)


def test_a_client_that_strips_both_id_and_parent_leaves_the_last_of_references(desk: Desk) -> None:
    class Stripper(Claws):
        new_id = True

    note = desk.drafted()
    desk.client(Stripper).save(add_line)
    desk.sync()
    assert (desk.status(note), "8+3" in desk.read(note).reply) == ("edited", True)
    assert "recognised by the mail that it answers" in desk.read(note).history[-1]
    settled(desk)


def test_a_draft_without_anything_that_tells_is_not_guessed_at(desk: Desk) -> None:
    class Stripper(Claws):
        new_id = True
        loses = ("In-Reply-To", "References")

    note = desk.drafted()
    desk.client(Stripper).save(add_line)
    theirs = desk.drafts()
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("missing", theirs)


def test_without_uidplus_nothing_is_replaced_and_the_user_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = desk.drafted()
    monkeypatch.setattr(ImapAccount, "can_remove", lambda self: False)
    desk.edit(note, "Best regards", "It was 8+3.\n\nBest regards")
    before = desk.drafts()
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("unknown", before)
    assert "copy your text" in desk.read(note).history[-1]
    settled(desk)


@pytest.mark.parametrize("kind", [Roundcube, Thunderbird])
@pytest.mark.parametrize("moment", ["before the new one is stored", "before the old one is removed"])
def test_who_saves_in_a_client_while_a_sync_replaces_the_draft_loses_nothing(
    desk: Desk, kind: type[MailClient], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = desk.drafted()
    client = desk.client(kind)
    desk.edit(note, "Best regards", "From the note.\n\nBest regards")
    name = "append_draft" if moment.startswith("before the new") else "take_away"
    real: Callable[..., Any] = getattr(ImapAccount, name)
    _, opened = client.only_draft()

    def saving(self: ImapAccount, *arguments: Any, **more: Any) -> Any:
        monkeypatch.setattr(ImapAccount, name, real)
        client.imap.append("Drafts", client.rewritten(opened, lambda text: f"From the client.\n\n{text}", {}))
        uid = min(desk.drafts())
        client.imap.select_folder("Drafts")
        client.imap.add_flags([uid], [b"\\Deleted"])
        client.imap.uid_expunge([uid])
        return real(self, *arguments, **more)

    monkeypatch.setattr(ImapAccount, name, saving)
    pipeline.sync_all(desk.settings, Options())
    for _ in range(3):
        desk.sync()
    everywhere = desk.text(note).encode() + b"".join(desk.drafts().values())
    assert b"From the note." in everywhere and b"From the client." in everywhere
    settled(desk)


def test_a_draft_that_is_done_with_is_made_again_only_at_the_users_word(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Roundcube).delete()
    desk.sync()
    done = CliRunner().invoke(mailbot, ["draft", note])
    assert done.exit_code == 65 and "discarded" in done.output and "--again" in done.output
    assert desk.drafts() == {}
    done = CliRunner().invoke(mailbot, ["draft", note, "--again"])
    assert done.exit_code == 0 and len(desk.drafts()) == 1
    desk.sync()
    settled(desk)


def test_what_was_sent_is_noticed_by_draft_itself(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Thunderbird).send()
    done = CliRunner().invoke(mailbot, ["draft", note])
    assert done.exit_code == 65 and "`sent`" in done.output
    assert desk.drafts() == {}


def test_discard_by_command(desk: Desk) -> None:
    note = desk.drafted()
    done = CliRunner().invoke(mailbot, ["discard", note])
    assert (done.exit_code, done.output) == (0, f"{note}: discarded\n")
    assert (desk.status(note), desk.drafts()) == ("discarded", {})
    assert CliRunner().invoke(mailbot, ["approve", note]).exit_code == 1
    settled(desk)


def test_a_dry_run_says_what_a_sync_would_do_and_changes_nothing(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Roundcube).save(add_line)
    before = desk.everything()
    done = CliRunner().invoke(mailbot, ["sync", "--dry-run", "--json"])
    assert done.exit_code == 0 and '"take the edited text"' in done.output and note in done.output
    assert desk.everything() == before


def test_an_approved_draft_is_not_replaced_without_a_word(desk: Desk) -> None:
    note = answered(desk)
    assert CliRunner().invoke(mailbot, ["approve", note]).exit_code == 0
    done = CliRunner().invoke(mailbot, ["draft", note])
    assert done.exit_code == 65 and "approved" in done.output and "--again" in done.output
    assert len(desk.drafts()) == 1 and desk.status(note) == "approved"
