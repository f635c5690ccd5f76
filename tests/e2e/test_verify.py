"""`mailbot verify`: what must hold is checked against server, journal and vault, and what needs no guess is mended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.config import load
from mailbot.sync import pipeline
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import Desk
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer

pytestmark = pytest.mark.dovecot

LEFT = ".mailbot-999999999-0123456789ab.tmp"


@pytest.fixture
def desk(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, model: ModelServer
) -> Iterator[Desk]:
    made = Desk(dovecot, user, make_settings(dovecot.port, user, llm=model.url), vault)
    yield made
    made.close()


def verify(*options: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """(exit code, what was off by what was looked at)."""
    done = CliRunner().invoke(mailbot, ["verify", "--json", *options])
    found = json.loads(done.output)
    off: dict[str, list[dict[str, Any]]] = {}
    for each in found["findings"]:
        if (
            each["level"] != "ok" and each["name"] != "secret"
        ):  # the password of these tests is in the environment
            off.setdefault(each["name"], []).append(each)
            assert each["advice"] or "run `" in each["found"].casefold(), each
    assert found["exit_code"] == done.exit_code
    return done.exit_code, off


def journal_of(desk: Desk) -> Path:
    return State(desk.settings.vault).journal


def sql(desk: Desk, statement: str) -> None:
    with closing(sqlite3.connect(journal_of(desk))) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute(statement)


def test_all_is_well_after_a_run_and_nothing_changes(desk: Desk) -> None:
    note = desk.drafted()
    desk.mail(
        "Our news",
        message_id="<n@x>",
        sender="News <no-reply@shop.example>",
        headers="List-Unsubscribe: <x:y>\n",
    )
    desk.fetch()
    desk.sync()
    before = desk.everything()
    _, off = verify()
    assert off == {} and desk.everything() == before
    told = CliRunner().invoke(mailbot, ["verify"]).output
    for line in (
        "every unread mail of INBOX was kept (2)",
        "each of 2 mails is a note, once",
        "each draft is where its note says, once (1)",
    ):
        assert line in told, told
    assert note in {row.note for row in desk.rows()}


def a_new_mail(desk: Desk) -> None:
    desk.mail("New", message_id="<new@acme.example>")


def a_failing_mail(desk: Desk) -> None:
    from datetime import UTC, datetime

    from mailbot.sync.memory.rows import Location

    desk.mail("Bad", message_id="<bad@acme.example>")
    with desk.dovecot.client(desk.user) as client:
        validity = client.select_folder("INBOX", readonly=True)[b"UIDVALIDITY"]
    with opened_journal(journal_of(desk)) as journal:
        journal.failures.record("work", Location("INBOX", validity, 2), "it is strange", 1, datetime.now(UTC))


def a_deleted_note(desk: Desk) -> None:
    next(desk.vault.glob("Email/2026/*/*.md")).unlink()


def a_copied_note(desk: Desk) -> None:
    path = next(desk.vault.glob("Email/2026/*/*.md"))
    path.with_name("copy.md").write_bytes(path.read_bytes())


def a_conflict_copy(desk: Desk) -> None:
    path = next(desk.vault.glob("Email/2026/*/*.md"))
    path.with_name(f"{path.stem}.sync-conflict-20261126-101010-ABCDEFG.md").write_bytes(path.read_bytes())


def an_unknown_mail(desk: Desk) -> None:
    sql(desk, "DELETE FROM draft")
    sql(desk, "DELETE FROM mail")


def an_unknown_draft(desk: Desk) -> None:
    sql(desk, "DELETE FROM draft")


def a_second_copy_in_drafts(desk: Desk) -> None:
    ((_, raw),) = desk.drafts().items()
    desk.dovecot.deliver(desk.user, raw, mailbox="Drafts")


def another_under_the_same_id(desk: Desk) -> None:
    ((_, raw),) = desk.drafts().items()
    desk.dovecot.deliver(desk.user, raw.replace(b"8+3", b"8+2"), mailbox="Drafts")


def a_copied_draft_note(desk: Desk) -> None:
    (row,) = desk.rows()
    (desk.vault / "Email" / "Drafts" / "copy.draft.md").write_text(desk.text(row.note), encoding="utf-8")


def a_draft_that_is_away(desk: Desk) -> None:
    with desk.dovecot.client(desk.user) as client:
        client.select_folder("Drafts")
        client.delete_messages(client.search(["ALL"]))
        client.expunge()


def a_draft_of_unknown_fate(desk: Desk) -> None:
    sql(desk, "UPDATE draft SET status = 'unknown', sent_at = '2026-11-20T00:00:00.000000+00:00'")


def a_conflict(desk: Desk) -> None:
    sql(desk, "UPDATE draft SET status = 'conflict'")


def a_replaced_one_in_drafts(desk: Desk) -> None:
    sql(desk, "UPDATE draft SET status = 'superseded'")


def unfinished_files(desk: Desk) -> None:
    (desk.vault / ".mailbot").mkdir()
    (desk.vault / ".mailbot" / LEFT).write_bytes(b"half")


def a_copy_that_is_gone(desk: Desk) -> None:
    desk.mail("And this?", message_id="<2@acme.example>", subject="Other")
    pipeline.fetch_all(desk.settings, Options(no_drafts=True))
    for path in State(desk.settings.vault).folder.rglob("*.eml"):
        path.unlink()


def a_sent_mail_without_a_copy(desk: Desk) -> None:
    sql(desk, "UPDATE draft SET status = 'sent', sent_at = '2999-01-01T00:00:00.000000+00:00'")
    a_draft_that_is_away(desk)


def a_state_that_others_can_read(desk: Desk) -> None:
    journal_of(desk).chmod(0o644)


CASES: list[tuple[Callable[[Desk], None], str, str, bool]] = [
    (a_new_mail, "mails", "1 mail in INBOX not kept yet", False),
    (a_failing_mail, "mails", "1 mail of INBOX could not be saved yet", False),
    (a_deleted_note, "notes", "no longer where mailbot reads", False),
    (a_copied_note, "notes", "one mail has several notes", False),
    (a_conflict_copy, "sync conflicts", "kept twice", False),
    (an_unknown_mail, "notes", "does not know 1 note", True),
    (an_unknown_draft, "drafts", "does not know 1 draft note", True),
    (a_second_copy_in_drafts, "drafts", "is in Drafts 2 times", True),
    (another_under_the_same_id, "drafts", "is in Drafts 2 times", False),
    (a_copied_draft_note, "drafts", "a copy of", False),
    (a_draft_that_is_away, "drafts", "it is not in Drafts under its own id", False),
    (a_draft_of_unknown_fate, "drafts", "nobody knows whether it was sent", False),
    (a_conflict, "drafts", "edited here and in Drafts", False),
    (a_replaced_one_in_drafts, "drafts", "is still in Drafts", True),
    (unfinished_files, "files", "1 unfinished file", True),
    (a_copy_that_is_gone, "waiting mails", "lack their copy on this machine", True),
    (a_sent_mail_without_a_copy, "sent", "there is no copy in Sent", False),
    (a_state_that_others_can_read, "state folder", "can be read by others", True),
]


@pytest.mark.parametrize(("breaks", "what", "said", "mends"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_is_off_is_said_and_what_needs_no_guess_is_mended(
    desk: Desk, breaks: Callable[[Desk], None], what: str, said: str, mends: bool
) -> None:
    desk.drafted()
    breaks(desk)
    before = desk.everything()
    code, off = verify()
    assert code == 1 and any(said in each["found"] for each in off[what]), off
    assert desk.everything() == before
    verify("--repair")
    _, after = verify()
    if mends:
        assert after == {}, after
        desk.sync()
        assert len(desk.drafts()) == (
            2 if breaks is a_copy_that_is_gone else 0 if breaks is a_replaced_one_in_drafts else 1
        )
        _, later = verify()
        assert later == {}, later
    else:
        assert what in after, after
    assert set(desk.dovecot.flags(desk.user).values()) == {()}


def test_a_mail_that_a_run_has_passed_is_taken_by_the_next_fetch(
    desk: Desk, make_settings: MakeSettings, user: str
) -> None:
    """Where everything new is fetched, a run does not look before its cursor again."""
    desk.settings = make_settings(desk.dovecot.port, user, account={"fetch": "new"})
    desk.drafted()
    sql(desk, "DELETE FROM location")
    _, off = verify()
    assert "before the point up to which it was read" in off["mails"][0]["found"]
    verify("--repair")
    report = desk.fetch()
    assert (report.notes, report.recognised) == ([], 1)
    assert verify()[1] == {}


def test_a_damaged_journal_is_told_to_be_rebuilt(desk: Desk) -> None:
    desk.drafted()
    journal_of(desk).write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    code, off = verify()
    assert code == 1 and "mailbot rebuild" in off["journal"][0]["found"]
    assert CliRunner().invoke(mailbot, ["rebuild", "--yes"]).exit_code == 0
    assert verify()[1] == {}


def test_a_server_that_is_away_is_named(desk: Desk, make_settings: MakeSettings, user: str) -> None:
    desk.drafted()
    desk.settings = make_settings(1, user)
    done = CliRunner().invoke(mailbot, ["verify"])
    assert done.exit_code == 69 and "127.0.0.1" in done.output


def test_two_accounts_with_one_mail_each_have_their_note(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    other = f"other-{user}"
    for each in (user, other):
        dovecot.deliver(each, mail(to=user))
    make_settings(dovecot.port, user)
    path = vault.parent / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    data["accounts"].append({**data["accounts"][0], "name": "home", "address": other})
    path.write_text(yaml.safe_dump(data))
    desk = Desk(dovecot, user, load(path), vault)
    pipeline.fetch_all(desk.settings, Options())
    assert (
        len([p for p in vault.rglob("*.md") if notes.read(p.read_text()).properties.get("type") == "email"])
        == 2
    )
    assert verify()[1] == {}
    sql(desk, "DELETE FROM draft")
    sql(desk, "DELETE FROM mail WHERE account = 'home'")
    _, off = verify()
    assert [each["about"] for each in off["notes"]] == ["home"]
