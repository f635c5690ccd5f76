"""One bad thing costs itself: a note, an index, a server without UIDVALIDITY, an answer that was no truth."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail
from tests.e2e.test_bad_servers import Account
from tests.e2e.test_fetch import email_notes
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap, Session

ALWAYS = {"newer_than": "36500d"}


def link_out(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(300_000_000_000)


def no_text(path: Path) -> None:
    path.write_bytes(b"---\ntype: email\n---\n\xff\xfe\x00")


@pytest.mark.dovecot
@pytest.mark.parametrize("harm", [link_out, circle, pipe, folder, huge, no_text])
def test_a_note_that_is_no_note_costs_its_own_mail_alone(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, harm: Callable[[Path], None]
) -> None:
    dovecot.deliver(user, *(mail(to=user, message_id=f"<{n}@x>", subject=f"Mail {n}") for n in range(3)))
    with ModelServer(lambda _: (500, {}, "no")) as broken:
        settings = make_settings(dovecot.port, user, llm=broken.url, model={"retries": 0})
        (report,) = fetch_all(settings, Options())
    assert len(report.failed) == 3
    victim = next(p for p in email_notes(vault) if "Mail-1" in p.name)
    harm(victim)
    with ModelServer() as model:
        settings = make_settings(dovecot.port, user, llm=model.url)
        (report,) = fetch_all(settings, Options())
    assert report.error == ""
    assert len([d for d in report.drafts if "Mail-1" not in d]) == 2
    assert len(report.failed) == (0 if harm is no_text else 1), report.failed
    assert all("bug" not in f for f in report.failed)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 97):
        data[at] ^= 0xFF
    path.write_bytes(data)


def tables_gone(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript("DROP TABLE passage; DROP TABLE link;")
    database.close()


@pytest.mark.parametrize("harm", [garbage, half, flipped, tables_gone])
@pytest.mark.parametrize(
    "command", [["search", "erasure coding"], ["index"], ["explain", "m.eml", "--no-model"], ["people"]]
)
def test_a_damaged_index_is_made_anew_at_the_first_sign(
    make_settings: MakeSettings, vault: Path, tmp_path: Path, command: list[str], harm: Callable[[Path], None]
) -> None:
    make_settings(1, "jo@example.com")
    (tmp_path / "m.eml").write_bytes(mail())
    for n in range(30):
        (vault / f"Note {n}.md").write_text(
            f"# Note {n}\n\nOf erasure coding, number {n}.\n" * 20, encoding="utf-8"
        )
    assert CliRunner().invoke(mailbot, ["index"]).exit_code == 0
    index = State(vault).index
    database = sqlite3.connect(index)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    harm(index)
    codes = []
    for _ in range(2):
        done = CliRunner().invoke(mailbot, command)
        assert "Traceback" not in done.output
        assert "bug" not in done.output
        codes.append(done.exit_code)
    assert codes[1] == 0, done.output
    assert (
        codes[0] == 0 or command[0] == "explain"
    )  # it finds out in the middle, and the next time all is well
    found = CliRunner().invoke(mailbot, ["search", "erasure coding", "-k", "100", "--json"])
    assert "Storage Evaluation" in found.output


@pytest.mark.dovecot
def test_a_fetch_heals_the_index_and_drafts_all_the_same(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, mail(to=user))
    fetch_all(settings, Options())
    garbage(State(vault).index)
    dovecot.deliver(user, mail("Which disks?", message_id="<2@x>", to=user))
    (report,) = fetch_all(settings, Options())
    assert (report.error, len(report.notes), len(report.drafts)) == ("", 1, 1)


@pytest.mark.parametrize("fetch", ["unseen", "new"])
def test_without_uidvalidity_a_uid_is_no_identity(
    make_settings: MakeSettings, vault: Path, fetch: str
) -> None:
    """The mails are compared by their bytes: none is lost where UIDs are given out anew, none kept twice, and a run with
    nothing new writes nothing."""
    account = Account(
        *(mail(message_id=f"<{n}@x>", subject=f"Mail {n}", to="jo@example.com") for n in (1, 2))
    )
    account.uidvalidity = 0
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", drafts=ALWAYS, account={"fetch": fetch})
        (first,) = fetch_all(settings, Options())
        assert (first.error, len(first.notes)) == ("", 2)
        account.boxes["INBOX"] = {
            1: mail(message_id="<3@x>", subject="Mail 3", to="jo@example.com"),
            2: account.boxes["INBOX"][1],
        }
        (second,) = fetch_all(settings, Options())
        assert (second.error, len(second.notes)) == ("", 1)
        journal = State(vault).journal.read_bytes()
        (third,) = fetch_all(settings, Options())
        assert (third.error, third.notes) == ("", [])
        assert State(vault).journal.read_bytes() == journal
    assert len(email_notes(vault)) == 3


def test_a_uidnext_at_the_end_of_all_numbers_is_legal(make_settings: MakeSettings, vault: Path) -> None:
    account = Account(mail(to="jo@example.com"))

    def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("EXAMINE INBOX"):
            account.open = "INBOX"
            session.send("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] x\r\n")
            return session.ok(tag)
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        (report,) = fetch_all(make_settings(server.port, "jo@example.com", drafts=ALWAYS), Options())
        assert (report.error, len(report.notes)) == ("", 1)
        assert len([c for c in server.commands if "SEARCH" in c]) < 20


def test_an_append_that_was_answered_ok_and_not_stored_is_noticed(
    make_settings: MakeSettings, vault: Path
) -> None:
    account = Account(mail(to="jo@example.com"))
    account.trouble = lambda session, tag, line, _: session.ok(tag) if line.startswith("APPEND") else None
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", drafts=ALWAYS)
        (report,) = fetch_all(settings, Options())
        assert (report.drafts, len(report.failed)) == ([], 1)
        assert "said OK to the draft in Drafts, but it is not there" in report.failed[0]
        account.trouble = lambda *_: None
        fetch_all(settings, Options())
        assert len(account.boxes["Drafts"]) == 1
        fetch_all(settings, Options())
        assert len(account.boxes["Drafts"]) == 1


@pytest.mark.dovecot
def test_a_clock_that_was_wrong_costs_no_draft(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """Ten years ahead at the first run, every mail is old, and kept at a time that is still to come. The next run, by a clock
    that is right, drafts it after all, once."""
    today = f"{datetime.now(UTC):%a, %d %b %Y}".encode()
    dovecot.deliver(user, mail(to=user).replace(b"Fri, 20 Nov 2026 09:15", today + b" 00:00"))
    (first,) = fetch_all(make_settings(dovecot.port, user, drafts={"newer_than": "0s"}), Options())
    assert (len(first.notes), first.drafts) == (1, [])
    settings = make_settings(dovecot.port, user)
    (still,) = fetch_all(settings, Options())
    assert still.drafts == []
    with opened_journal(State(vault).journal) as journal:
        journal.mails.kept_now(1, datetime.now(UTC) + timedelta(days=3650))
    (second,) = fetch_all(settings, Options())
    assert (second.error, len(second.drafts)) == ("", 1)
    (third,) = fetch_all(settings, Options())
    assert third.drafts == []
    assert notes.read(email_notes(vault)[0].read_text(encoding="utf-8")).properties["disposition"] == "reply"


def test_a_wait_that_ends_in_years_was_set_by_a_wrong_clock(make_settings: MakeSettings, vault: Path) -> None:
    account = Account(mail(to="jo@example.com"))
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", drafts=ALWAYS)
        with opened_journal(State(vault).journal) as journal:
            journal.pauses.set("work", datetime(2099, 1, 1, tzinfo=UTC), "busy")
        (report,) = fetch_all(settings, Options())
    assert (report.error, len(report.notes)) == ("", 1)


def test_an_endless_backoff_of_a_server_lasts_a_day(make_settings: MakeSettings, vault: Path) -> None:
    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        return (
            session.no(tag, "Suggested Backoff Time: 99999999999999999999 s")
            if line.startswith("EXAMINE")
            else None
        )

    with ScriptedImap(script) as server:
        settings = make_settings(server.port, "jo@example.com")
        fetch_all(settings, Options())
        (report,) = fetch_all(settings, Options())
        assert (report.exit_code, "paused until" in report.error) == (75, True)
        with opened_journal(State(vault).journal) as journal:
            pause = journal.pauses.active("work", datetime.now(UTC))
        assert pause is not None
        assert pause.until - datetime.now(UTC) <= timedelta(days=1)
        said = CliRunner().invoke(mailbot, ["status"]).output
        assert f"until {pause.until:%Y-%m-%dT%H:%M}" in said


def test_a_server_that_writes_the_header_anew_makes_no_draft_twice(make_settings: MakeSettings) -> None:
    """A Message-ID of its own, no X-Mailbot-Id, and a mail without a Message-ID to be answered: the body is looked at."""
    account = Account(mail(to="jo@example.com").replace(b"Message-ID: <m1@acme.example>\r\n", b""))

    def trouble(session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if not line.startswith("APPEND"):
            return None
        box = account.boxes["Drafts"]
        box[max(box, default=0) + 1] = (
            b"Message-ID: <own@server>\r\nSubject: x\r\n\r\n" + literal.partition(b"\r\n\r\n")[2]
        )
        return session.ok(tag, f"[APPENDUID 7 {max(box)}] done")

    account.trouble = trouble
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", drafts=ALWAYS)
        for _ in range(3):
            (report,) = fetch_all(settings, Options())
            assert (report.error, report.failed, len(account.boxes["Drafts"])) == ("", [], 1)


@pytest.mark.dovecot
@pytest.mark.parametrize("what", ["folder", "pipe", "link out", "file above"])
def test_what_lies_in_the_place_of_the_style_note_stops_no_draft(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path, what: str
) -> None:
    place = vault / "Mailbot" / "Style.md"
    if what == "file above":
        place.parent.write_text("theirs")
    else:
        place.parent.mkdir()
        {
            "folder": lambda: place.mkdir(),
            "pipe": lambda: os.mkfifo(place),
            "link out": lambda: place.symlink_to("/etc/hostname"),
        }[what]()
    sent = [
        mail("Hi Ana,\n\nyes.\n\nJo", sender=f"Jo <{user}>", to="ana@acme.example", message_id=f"<s{n}@x>")
        for n in range(6)
    ]
    dovecot.deliver(user, *sent, mailbox="Sent")
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert (report.error, report.failed, len(report.drafts)) == ("", [], 1)


@pytest.mark.dovecot
def test_since_before_all_mail_is_no_narrowing(
    dovecot: Dovecot, user: str, make_settings: MakeSettings
) -> None:
    """Dovecot refuses the year 1."""
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options(since=date(1, 1, 1)))
    assert (report.error, len(report.notes)) == ("", 1)


@pytest.mark.parametrize("which", ["index.sqlite", "journal.sqlite"])
@pytest.mark.parametrize("command", [["fetch"], ["status"], ["search", "x"], ["people"]])
def test_a_pipe_in_the_place_of_the_state_is_named_and_not_waited_for(
    make_settings: MakeSettings, vault: Path, which: str, command: list[str]
) -> None:
    make_settings(1, "jo@example.com")
    folder = State(vault).folder
    folder.mkdir(parents=True)
    os.mkfifo(folder / which)
    done = CliRunner().invoke(mailbot, command)
    assert "Traceback" not in done.output
    assert done.exit_code in (0, 65, 69)
