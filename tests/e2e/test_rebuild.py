"""`mailbot rebuild`: a journal made anew knows the mails and drafts again; nothing is made twice, nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbot.cli.main import mailbot
from mailbot.sync import pipeline
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault.draft_note import BEGIN
from tests.conftest import MakeSettings
from tests.e2e.life.desk import Desk, sending
from tests.servers.dovecot import Dovecot
from tests.servers.mail_clients import Roundcube
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


@pytest.fixture
def desk(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, model: ModelServer
) -> Iterator[Desk]:
    made = Desk(dovecot, user, make_settings(dovecot.port, user, llm=model.url), vault)
    yield made
    made.close()


def rebuild(*options: str, code: int = 0) -> Result:
    done = CliRunner().invoke(mailbot, ["rebuild", "--yes", *options])
    assert done.exit_code == code, done.output
    return done


def lost(desk: Desk) -> None:
    State(desk.settings.vault).journal.unlink()


def broken(desk: Desk) -> None:
    State(desk.settings.vault).journal.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def whole(desk: Desk) -> None:
    pass


def indexed(desk: Desk) -> None:
    """The index knows the notes that the last run has written: only a change of a note changes it."""
    assert CliRunner().invoke(mailbot, ["index"]).exit_code == 0


def answers(desk: Desk) -> list[str]:
    return sorted(str(message_from_bytes(raw)["In-Reply-To"]) for raw in desk.drafts().values())


def notes_of(desk: Desk) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in desk.vault.rglob("*") if p.is_file() and ".mailbot" not in str(p)}


@pytest.mark.parametrize("state", [lost, broken, whole])
def test_nothing_is_made_twice_after_it(
    desk: Desk, model: ModelServer, state: Callable[[Desk], None]
) -> None:
    for n in range(3):
        desk.mail(f"Which disk has number {n}?", message_id=f"<{n}@acme.example>", subject=f"Disk {n}")
    desk.mail(
        "Our news",
        message_id="<n@x>",
        sender="News <no-reply@shop.example>",
        headers="List-Unsubscribe: <x:y>\n",
    )
    desk.fetch()
    before, drafts, asked = notes_of(desk), desk.drafts(), len(model.requests)
    state(desk)
    told = rebuild().output
    assert "work: rebuilt 4 mails and 3 drafts" in told
    assert ("journal.sqlite.before-rebuild-" in told) == (state is not lost)
    for _ in range(2):
        report = desk.sync()
        assert (report.notes, report.drafts, report.noticed, report.remarks) == ([], [], [], [])
    assert (notes_of(desk), desk.drafts(), len(model.requests)) == (before, drafts, asked)
    everything = desk.everything()
    desk.sync()
    assert desk.everything() == everything


def test_a_draft_of_a_rebuilt_journal_lives_on(desk: Desk) -> None:
    """An edit in its note replaces the server's draft with its quote, and one in a client is taken over."""
    note = desk.drafted()
    lost(desk)
    rebuild()
    (uid, before) = next(iter(desk.drafts().items()))
    desk.edit(note, BEGIN, f"{BEGIN}\n\nFrom the note.\n")
    desk.sync()
    ((other, now),) = desk.drafts().items()
    assert other != uid and b"From the note." in now
    quote = before[before.index(b"wrote:") :]
    assert now.endswith(quote)
    rebuild()
    desk.client(Roundcube).save(lambda text: f"From a client.\n\n{text}")
    desk.sync()
    assert desk.status(note) == "edited" and "From a client." in desk.read(note).reply
    assert len(desk.drafts()) == 1


def test_what_was_edited_before_it_on_one_side_is_shown_on_both(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Roundcube).save(lambda text: f"From a client.\n\n{text}", Message_ID="")
    desk.edit(note, BEGIN, f"{BEGIN}\n\nFrom the note.\n")
    lost(desk)
    rebuild()
    for _ in range(2):
        desk.sync()
    assert "From the note." in desk.text(note) and "From a client." in desk.text(note)
    assert len(desk.drafts()) == 1


@pytest.mark.parametrize("what", ["sent", "discarded", "deleted"])
def test_what_became_of_a_draft_while_the_journal_was_lost_is_noticed(desk: Desk, what: str) -> None:
    note = desk.drafted()
    lost(desk)
    client = desk.client(Roundcube)
    if what == "sent":
        client.send()
    elif what == "deleted":
        client.delete()
    else:
        desk.set(note, status="discarded")
    rebuild()
    desk.sync()
    assert desk.status(note) == {"deleted": "discarded"}.get(what, what)
    desk.sync()
    assert len(desk.drafts()) == (what == "discarded" and len(desk.drafts()))


def test_an_approval_is_taken_back_and_nothing_is_sent(desk: Desk, make_settings: MakeSettings) -> None:
    note = desk.drafted()
    with sending(desk, make_settings, SmtpServer()) as smtp:
        assert CliRunner().invoke(mailbot, ["approve", note]).exit_code == 0
        told = rebuild().output
        assert f"approve it again: {note}" in told
        assert desk.status(note) == "edited" and "approve it again" in desk.text(note)
        for _ in range(2):
            desk.sync()
        assert smtp.mails == [] and desk.status(note) == "edited"
        assert CliRunner().invoke(mailbot, ["approve", note]).exit_code == 0
        desk.sync()
        assert len(smtp.mails) == 1 and desk.status(note) == "sent"
        rebuild()
        desk.sync()
        assert len(smtp.mails) == 1


def test_a_mail_that_waited_for_its_draft_still_gets_one(desk: Desk, model: ModelServer) -> None:
    desk.mail()
    pipeline.fetch_all(desk.settings, Options(no_drafts=True))
    with desk.dovecot.client(desk.user) as client:  # read meanwhile: no fetch would find it by itself
        client.select_folder("INBOX")
        client.add_flags(client.search(["ALL"]), [b"\\Seen"])
    lost(desk)
    assert "rebuilt 1 mails (1 still wait for a look or a draft)" in rebuild().output
    desk.sync()
    assert answers(desk) == ["<m1@acme.example>"]


def test_quarantine_and_todays_spending_are_carried_over(desk: Desk) -> None:
    desk.mail()
    desk.fetch()
    from datetime import UTC, datetime

    from mailbot.sync.memory.rows import Location

    path, at = State(desk.settings.vault).journal, Location("INBOX", 7, 99)
    with opened_journal(path) as journal:
        journal.failures.record("work", at, "it is strange", 3, datetime.now(UTC))
        journal.failures.give_up("work", at, True)
        before = journal.costs.since(datetime.now(UTC).replace(hour=0, minute=0, second=0))
    rebuild()
    with opened_journal(path) as journal:
        (failure,) = journal.failures.all("work")
        assert (failure.location, failure.attempts, failure.given_up) == (at, 3, True)
        assert journal.costs.since(datetime.now(UTC).replace(hour=0, minute=0, second=0)) == before


def test_where_the_server_fetches_everything_new_nothing_is_fetched_again(
    desk: Desk, make_settings: MakeSettings, user: str
) -> None:
    desk.settings = make_settings(desk.dovecot.port, user, account={"fetch": "new"})
    desk.mail()
    desk.fetch()
    desk.mail(
        "Never kept: the run that wanted to was killed.", message_id="<2@acme.example>", subject="Other"
    )
    desk.mail("The newest.", message_id="<3@acme.example>", subject="Newest")
    with desk.dovecot.client(user) as client:
        client.select_folder("INBOX")
        client.add_flags([3], [b"\\Seen"])
    lost(desk)
    rebuild()
    report = desk.fetch()
    assert len(report.notes) == 2
    assert desk.fetch().notes == []


def test_a_server_that_is_away_changes_nothing(desk: Desk, make_settings: MakeSettings, user: str) -> None:
    desk.drafted()
    indexed(desk)
    before = desk.everything()
    desk.settings = make_settings(1, user)
    assert "127.0.0.1" in rebuild(code=69).output
    desk.settings = make_settings(desk.dovecot.port, user)
    assert desk.everything() == before


def test_a_copy_of_a_draft_note_is_no_second_draft(desk: Desk) -> None:
    note = desk.drafted()
    copy = desk.vault / "Email" / "Drafts" / "copy (conflicted).draft.md"
    copy.write_text(desk.text(note), encoding="utf-8")
    lost(desk)
    rebuild()
    desk.sync()
    assert len(desk.drafts()) == 1 and len(desk.rows()) == 1


def test_dry_run_json_and_the_question(desk: Desk) -> None:
    desk.drafted()
    before = desk.everything()
    looked = CliRunner().invoke(mailbot, ["rebuild", "--dry-run", "--json"])
    assert json.loads(looked.output) == {"dry_run": True, "accounts": {"work": {"mails": 1, "drafts": 1}}}
    assert CliRunner().invoke(mailbot, ["rebuild"]).exit_code == 2
    assert desk.everything() == before
    (account,) = json.loads(rebuild("--json").output)["accounts"]
    assert (account["account"], account["restored"]["mails"], account["restored"]["drafts"]) == ("work", 1, 1)
