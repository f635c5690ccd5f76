"""Many mails at once: read in other processes, kept in batches. What comes out is what one after the other would give."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailbot.sync.decide.thread import backlog
from mailbot.sync.memory.rows import MailRow
from mailbot.sync.memory.strangers import SqliteStrangers
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.sync.steps.reading import ReadMails
from mailbot.vault import durable
from mailbot.vault import note as notes
from mailbot.vault import passages as passages_module
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from tests.conftest import ROOT, MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer


def fill(dovecot: Dovecot, user: str, count: int, **more: Any) -> None:
    """Mails of all kinds: plain, HTML, damaged, with attachments."""
    fixtures = sorted((ROOT / "fixtures" / "eml").rglob("*.eml"))
    raw = [fixtures[n % len(fixtures)].read_bytes() for n in range(count)]
    renamed = (
        re.sub(rb"(?im)^(message-id: *<)", rb"\g<1>%d." % n, each, count=1) for n, each in enumerate(raw)
    )
    dovecot.deliver(user, *renamed, **more)


def rows(index: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that an index holds, ids and times of change aside."""
    database = sqlite3.connect(index)
    try:
        columns = [
            c[1] for c in database.execute("PRAGMA table_info(note)") if c[1] not in ("id", "mtime_ns")
        ]
        found = {"note": database.execute(f"SELECT {', '.join(columns)} FROM note ORDER BY path").fetchall()}
        for table in ("passage", "address", "called", "party", "link"):
            names = [
                c[1] for c in database.execute(f"PRAGMA table_info({table})") if c[1] not in ("id", "note_id")
            ]
            quoted = ", ".join(f't."{name}"' for name in names)
            sql = f"SELECT n.path, {quoted} FROM {table} t JOIN note n ON n.id = t.note_id"
            found[table] = sorted(database.execute(sql).fetchall(), key=repr)
        words = "SELECT n.path FROM note_fts f JOIN note n ON n.id = f.rowid WHERE note_fts MATCH 'the OR task' ORDER BY 1"
        found["words"] = database.execute(words).fetchall()
        return found
    finally:
        database.close()


def test_processes_and_batches_give_the_notes_that_one_after_the_other_gives(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(dovecot, user, 90)
    settings = make_settings(dovecot.port, user)
    started: list[int] = []
    real = os.sched_getaffinity

    def processors(pid: int) -> set[int]:
        started.append(pid)
        return {*real(pid), 0, 1}

    monkeypatch.setattr(os, "sched_getaffinity", processors)
    (report,) = fetch_all(settings, Options(no_drafts=True))
    assert (len(report.notes), report.failed, report.error) == (90, [], "")
    assert started, "no process was asked for"
    many, index = tree(vault), rows(State(vault).index)
    for path in sorted(vault.rglob("*.md")):
        if path.parent.name != "Projects":
            path.unlink()
    State(vault).journal.unlink()
    State(vault).index.unlink()
    monkeypatch.setattr("mailbot.sync.steps.fetch.MANY", 10**9)
    monkeypatch.setattr("mailbot.sync.steps.fetch.BATCH", 1)
    (report,) = fetch_all(settings, Options(no_drafts=True))
    assert (len(report.notes), report.failed) == (90, [])
    assert tree(vault) == many
    assert rows(State(vault).index) == index


def test_the_index_holds_of_a_new_note_what_reading_it_would_give(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    fill(dovecot, user, 38)
    fetch_all(make_settings(dovecot.port, user), Options(no_drafts=True))
    with Index(tmp_path / "anew.sqlite", vault) as anew:
        assert refresh(anew).added > 30
    assert rows(State(vault).index) == rows(tmp_path / "anew.sqlite")


def test_what_is_the_same_in_one_mailbox_is_told_apart_in_one_run(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """The same mail twice is one note; another mail with its Message-ID is a note that names it; two notes of one name are two."""
    once = mail(message_id="<a@acme.example>", text="One.")
    other = mail(message_id="<a@acme.example>", text="Two.")
    nameless = [
        mail(message_id=f"<{n}@acme.example>", subject="Same").replace(b"Message-ID", b"X-Was") for n in "bc"
    ]
    dovecot.deliver(user, once, other, once, *nameless)
    (report,) = fetch_all(make_settings(dovecot.port, user), Options(no_drafts=True))
    assert (len(report.notes), report.recognised, report.failed) == (4, 1, [])
    twin = notes.read((vault / report.notes[1]).read_text()).properties
    assert twin["same_message_id_as"] == [f"[[{report.notes[0].removesuffix('.md')}]]"]
    assert len(set(report.notes)) == 4


def test_a_disk_that_fills_up_in_a_batch_keeps_what_it_kept(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.deliver(user, *(mail(message_id=f"<{n}@acme.example>", subject=f"Mail {n}") for n in range(6)))
    settings = make_settings(dovecot.port, user, account={"fetch": "new"})
    real, count = durable._synced, [0]

    def full(file: durable._Begun) -> None:
        count[0] += 1
        if count[0] > 3:
            os.close(file.handle)
            file.ready.unlink()
            raise OSError(28, "No space left on device", str(file.path))
        real(file)

    with monkeypatch.context() as patched:
        patched.setattr(durable, "AT_ONCE", 1)
        patched.setattr(durable, "_synced", full)
        (report,) = fetch_all(settings, Options(no_drafts=True))
    assert (report.exit_code, len(report.notes)) == (75, 3)
    assert "No space left" in report.error
    assert not list(vault.rglob(".mailbot*"))
    (report,) = fetch_all(settings, Options(no_drafts=True))
    assert (len(report.notes), report.recognised, report.failed) == (3, 0, [])
    assert len([p for p in vault.rglob("*.md") if "Mail" in p.name]) == 6


def test_a_mail_that_the_journal_cannot_hold_costs_no_other(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.deliver(
        user,
        *(mail(message_id=f"<{n}@acme.example>", subject=f"Mail {n}") for n in range(4)),
        mail(message_id="<p@x>", sender="P Oison <poison@acme.example>"),
        mail(message_id="<z@x>"),
    )
    real = SqliteStrangers.add

    def add(
        self: SqliteStrangers, mail_id: int, account: str, at: datetime, address: str, parents: object
    ) -> None:
        if address == "poison@acme.example":
            raise UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")
        real(self, mail_id, account, at, address, parents)  # type: ignore[arg-type]

    settings = make_settings(dovecot.port, user)
    with monkeypatch.context() as patched:
        patched.setattr(SqliteStrangers, "add", add)
        (report,) = fetch_all(settings, Options(no_drafts=True))
    assert (len(report.notes), len(report.failed), report.error) == (5, 1, "")
    assert "a bug in mailbot (UnicodeEncodeError)" in report.failed[0]


def test_a_note_whose_folder_leads_out_costs_no_other(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (vault / "Email" / "2026").mkdir(parents=True)
    (vault / "Email" / "2026" / "10").symlink_to(tmp_path / "elsewhere")
    old = mail(message_id="<old@acme.example>").replace(b"Fri, 20 Nov", b"Tue, 20 Oct")
    dovecot.deliver(
        user, *(mail(message_id=f"<{n}@acme.example>", subject=f"Mail {n}") for n in range(5)), old
    )
    (report,) = fetch_all(make_settings(dovecot.port, user), Options(no_drafts=True))
    assert (len(report.notes), len(report.failed), report.error) == (5, 1, "")
    assert "leads out of the vault" in report.failed[0]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_note_is_in_the_index_whole_or_not_at_all(vault: Path, tmp_path: Path) -> None:
    """Ctrl-C may come between any two statements."""
    text = "".join(f"# Part {n}\n\n{'word ' * 150}\n\n" for n in range(12))
    (vault / "long.md").write_text(text)
    real = passages_module.passages
    for stop in range(1, 30, 4):
        with Index(tmp_path / f"{stop}.sqlite", vault) as index:
            stopped = False

            def some(body: str, stop: int = stop) -> Iterator[object]:
                for number, each in enumerate(real(body)):
                    if number == stop % 12:
                        raise KeyboardInterrupt
                    yield each

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("mailbot.vault.indexing.passages", some)
                try:
                    refresh(index)
                except KeyboardInterrupt:
                    stopped = True
            assert stopped
            refresh(index)
            assert (
                len(
                    index.passages_of(
                        next(
                            i
                            for i, p in index.database.execute("SELECT id, path FROM note")
                            if p == "long.md"
                        )
                    )
                )
                == 12
            )


def test_a_backlog_costs_a_run_what_it_drafts(
    dovecot: Dovecot,
    user: str,
    model: ModelServer,
    make_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of thirty mails that wait for a draft no more are read than get one."""
    dovecot.deliver(
        user, *(mail(to=user, message_id=f"<{n}@acme.example>", subject=f"Mail {n}") for n in range(30))
    )
    settings = make_settings(
        dovecot.port, user, llm=model.url, drafts={"max_per_run": 2}, triage={"always": ["acme.example"]}
    )
    (report,) = fetch_all(settings, Options())
    assert (len(report.drafts), report.waiting) == (2, 28)
    read: list[int] = []
    real = ReadMails.get

    def get(self: ReadMails, row: MailRow) -> object:
        read.append(row.id)
        return real(self, row)

    monkeypatch.setattr(ReadMails, "get", get)
    (report,) = fetch_all(settings, Options())
    assert (len(report.drafts), report.waiting) == (2, 26)
    assert len(read) == 2


def row(number: int, day: int, stage: str = "draft") -> MailRow:
    date = datetime(2026, 11, day, tzinfo=UTC)
    return MailRow(number, "work", "", f"{number}", f"n{number}.md", "", date, stage, "reply")  # type: ignore[arg-type]


def test_mails_of_one_thread_are_read_together() -> None:
    waiting = [row(1, 1), row(2, 2), row(3, 3, "triage"), row(4, 4), row(5, 5)]
    threads = {"n1.md": "<t>", "n3.md": "<t>", "n2.md": "<u>", "n5.md": "<u>"}
    undecided, others = backlog(waiting, threads)
    assert [each.id for each in undecided] == [1, 3]
    assert [[each.id for each in some] for some in others] == [[2, 5], [4]]


IDLE = """
assistant assistant.budget cli cli.console cli.fetch cli.logfile cli.main cli.run_report config credentials effect errors hearsay
mail mail.message mail.mime mail.mime.charset mail.mime.header mail.server mail.server.account mail.server.answer
mail.server.connection mail.server.listing mail.server.login mail.server.mailboxes mail.server.messages mail.server.sent_header
mail.server.special_use mail.server.stream mail.server.tls private regular_file settings settings.account
settings.kinds settings.model settings.rules settings.whole stopping sync sync.decide sync.decide.mailbox
sync.decide.retry sync.decide.users_word sync.memory sync.memory.corrections sync.memory.costs sync.memory.cursors
sync.memory.database sync.memory.drafts sync.memory.failures sync.memory.journal sync.memory.locations
sync.memory.lock sync.memory.mails sync.memory.migrations sync.memory.pauses sync.memory.rows sync.memory.sent
sync.memory.spool sync.memory.strangers sync.pipeline sync.session sync.session.accounts sync.session.login
sync.session.note_files sync.session.opening sync.session.report sync.session.state sync.steps sync.steps.ledger
sync.steps.draft_wiring sync.steps.look sync.steps.second_thoughts sync.steps.wiring vault vault.beneath vault.durable vault.exchange vault.files
vault.index_file vault.note vault.read_back vault.rename vault.stand_ins vault.unfinished vault.verdict vault.wikilink yaml_bounds
"""
HEAVY = [
    "openai",
    "httpx",
    "rich",
    "mailparser",
    "selectolax",
    "icalendar",
    "pymap",
    "multiprocessing",
    "asyncio",
]


def test_a_run_that_finds_nothing_imports_this_and_no_more(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """Most runs find nothing. They pay for no parser, no model, no search, and for no pattern of any language."""
    dovecot.deliver(user, mail(to=user))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    code = f"""
        import sys
        from mailbot.__main__ import main
        sys.argv = ["mailbot", "--config", "accounts.yaml", "fetch"]
        try:
            main()
        except SystemExit as end:
            assert not end.code, end.code
        own = sorted(name.removeprefix("mailbot.") for name in sys.modules if name.startswith("mailbot."))
        print(" ".join(own), [name for name in {HEAVY!r} if name in sys.modules], sep="|")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=tmp_path
    )
    own, _, heavy = done.stdout.strip().partition("|")
    assert (heavy, done.stderr, done.returncode) == ("[]", "", 0)
    loaded = set(own.split()) - {"__main__"}
    assert loaded - set(IDLE.split()) == set(), "an idle run pays for these now"
    assert set(IDLE.split()) - loaded == set(), "these are no longer needed: take them off the list"
