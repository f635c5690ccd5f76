"""The file of the journal: migrated from every earlier version, durable, and its errors told in words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.errors import BadData, TryAgain
from mailbot.sync.memory import database as module
from mailbot.sync.memory.database import Database
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.lock import locked
from mailbot.sync.memory.migrations import MIGRATIONS
from mailbot.sync.memory.rows import Cursor, Location
from mailbot.vault.verdict import Ask

FIRST = """
INSERT INTO mailbox VALUES ('work', 'INBOX', 7, 42, '2026-11-20T10:15:00+01:00');
INSERT INTO mailbox VALUES ('work', 'sent:Sent', 8, 9, '2026-11-20T09:15:00.5+00:00');
INSERT INTO mailbox VALUES ('work', 'Sent:Archive', 9, 7, '2026-11-20T09:15:00+00:00');
INSERT INTO mail (id, account, message_id, sha256, note, note_hash, date, stage, disposition) VALUES
  (1, 'work', '<late@x>', 's1', 'Email/late.md', 'h', '2026-11-20T04:00:00-05:00', 'triage', ''),
  (2, 'work', '<early@x>', 's2', 'Email/early.md', 'h', '2026-11-20T17:00:00+09:00', 'done', 'reply');
UPDATE mail SET next_try = '2026-11-21T09:00:00+00:00', error = 'model away', attempts = 3 WHERE id = 1;
INSERT INTO location VALUES ('work', 'INBOX', 7, 41, 1), ('work', 'INBOX', 7, 1, 99);
INSERT INTO failure VALUES ('work', 'INBOX', 7, 40, 'no body', 2, '2026-11-20T09:00:00+00:00');
INSERT INTO draft (id, mail_id, message_id, status, note, note_hash, mailbox, uidvalidity, uid, sha256, created) VALUES
  (1, 2, '<d1@me>', 'edited', 'D1.md', 'h', 'Drafts', 3, 4, 's', '2026-11-20T09:15:00+00:00'),
  (2, 2, '<d2@me>', 'draft', 'D2.md', 'h', 'Drafts', 3, 5, 's', '2026-11-20T09:15:00+00:00');
INSERT INTO pause VALUES ('work', '2026-11-22T09:00:00+00:00', 'busy');
"""
SECOND = """
INSERT INTO sent VALUES (1, 'work', 'Sent', 8, 1, '<s@me>', '<early@x>', '2026-11-20T09:00:00+00:00'),
  (2, 'work', 'Sent', 8, 2, '<t@me>', '', '');
INSERT INTO sent_to VALUES ('ana@x', 1), ('bo@x', 2);
INSERT INTO correction VALUES (2, 'ana@x', 'read', '2026-11-20T09:00:00+00:00');
INSERT INTO unmet VALUES (1, 'work', '2026-11-20T09:00:00+00:00', 'cy@x', '<s@me>');
INSERT INTO call (at, account, purpose, model, tokens_in, tokens_out, cost) VALUES ('2026-11-20T09:00:00+00:00', 'work', 'draft', 'm', 5, 6, 0.5);
"""
THIRD = "INSERT INTO ask VALUES (1, 0, 'question', 'Which?');"


def of_version(path: Path, version: int) -> None:
    """A journal as mailbot 0.1.0 had it in each of its schemas, with a row in every table."""
    old = sqlite3.connect(path)
    old.create_function("utc", 1, module.utc_text)
    for number, statements in enumerate(MIGRATIONS[:version]):
        if number == 3:  # the rows are those of the schemas before it
            for script in (FIRST, SECOND, THIRD):
                old.executescript(script)
        for statement in statements:
            old.execute(statement)
    if version < 4:
        for script in (FIRST, SECOND, THIRD)[:version]:
            old.executescript(script)
    old.execute(f"PRAGMA user_version = {version}")
    old.commit()
    old.close()


@pytest.mark.parametrize("version", range(1, 5))
def test_a_journal_of_every_earlier_version_is_migrated_and_a_copy_kept(tmp_path: Path, version: int) -> None:
    path = tmp_path / "journal.sqlite"
    of_version(path, version)
    before = path.read_bytes()
    with opened_journal(path) as journal:
        moved = journal.cursors.get("work", "INBOX")
        assert moved == Cursor(7, 42)
        assert moved.moved == datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
        assert journal.cursors.get("work", "Sent", "sent") == Cursor(8, 9)
        assert journal.cursors.get("work", "Sent:Archive") == Cursor(9, 7)  # a mailbox that is only called so
        early, late = journal.mails.get(2), journal.mails.get(1)
        assert (early.date.hour, late.date.hour) == (8, 9)
        assert (late.error, late.attempts, late.next_try) == (
            "model away", 3, datetime(2026, 11, 21, 9, tzinfo=UTC),
        )  # fmt: skip
        assert early.next_try is None
        assert journal.locations.of(1) == [Location("INBOX", 7, 41)]
        assert journal.locations.known_uids("work", "INBOX", 7) == {41}  # what named no mail is gone
        assert journal.failures.attempts("work", Location("INBOX", 7, 40)) == 2
        # `edited` stood for several things: nothing may learn from it.
        assert [(d.status, bool(d.why), d.uid) for d in journal.drafts.of(2)] == [
            ("unknown", True, 4), ("draft", False, 5),
        ]  # fmt: skip
        assert journal.pauses.active("work", datetime(2026, 11, 22, tzinfo=UTC))
        if version >= 2:
            assert journal.sent.answered("<early@x>")
            assert (journal.sent.written_to("ana@x"), journal.sent.written_to("bo@x")) == (1, 1)
            assert [r.date for r in journal.sent.newest("work")] == [
                datetime(2026, 11, 20, 9, tzinfo=UTC),
                None,
            ]
            assert journal.corrections.last("ana@x", 1) == ["read"]
            assert [s.address for s in journal.strangers.all("work")] == ["cy@x"]
            assert journal.costs.since(datetime(2026, 11, 1, tzinfo=UTC)) == (11, 0.5)
        if version >= 3:
            assert journal.mails.asks(1) == (Ask("question", "Which?"),)
    assert (tmp_path / f"journal.sqlite.v{version}").exists()
    copy = sqlite3.connect(tmp_path / f"journal.sqlite.v{version}")
    assert copy.execute("SELECT count(*) FROM mail").fetchone() == (2,)
    copy.close()
    migrated = path.read_bytes()
    assert migrated != before
    with opened_journal(path):
        pass
    assert path.read_bytes() == migrated


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.sqlite"
    of_version(path, 3)
    broken = (*MIGRATIONS[3][:-1], "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS[:3], broken))
    with pytest.raises((TryAgain, BadData), match=r"journal\.sqlite"):
        Database(path)
    monkeypatch.undo()
    with opened_journal(path) as journal:
        assert journal.mails.get(1).message_id == "<late@x>"


def test_the_schema_is_the_same_whether_made_or_migrated(tmp_path: Path) -> None:
    of_version(tmp_path / "old.sqlite", 2)
    schemas = []
    for name in ("old.sqlite", "new.sqlite"):
        database = Database(tmp_path / name)
        schemas.append(sorted(database.all("SELECT type, name, sql FROM sqlite_master")))
        assert database.all("PRAGMA foreign_key_check") == []
        assert database.one("PRAGMA foreign_keys") == (1,)
        database.close()
    assert schemas[0] == schemas[1]


def test_opening_and_reading_change_no_byte(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened_journal(path) as journal:
        journal.cursors.move("a", "INBOX", Cursor(1, 5))
    before = path.read_bytes(), path.stat().st_mtime_ns
    with opened_journal(path) as journal:
        journal.cursors.move("a", "INBOX", Cursor(1, 5))
        journal.strangers.forget_before(datetime(2026, 11, 20, tzinfo=UTC))
        assert journal.mails.waiting("a", datetime.now(UTC)) == []
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["j.sqlite"]


def test_a_newer_journal_is_refused_kindly(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(BadData, match=r"j\.sqlite: a newer mailbot .*update mailbot"):
        Database(path)


def test_a_damaged_journal_is_named_as_damaged_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(BadData, match=r"j\.sqlite: the journal is damaged .*mailbot rebuild"):
        Database(path)


def test_damage_that_shows_later_is_told_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened_journal(path) as journal:
        for n in range(200):
            journal.pauses.set(f"account-{n}", datetime(2026, 11, 20, tzinfo=UTC), "x" * 200)
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(BadData, match="damaged"), opened_journal(path) as journal:
        for n in range(200):
            journal.pauses.active(f"account-{n}", datetime(2020, 1, 1, tzinfo=UTC))


def test_a_locked_journal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT", 0.05)
    path = tmp_path / "j.sqlite"
    Database(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(TryAgain, match=r"j\.sqlite: .*another program"), opened_journal(path) as journal:
            journal.pauses.set("work", datetime(2026, 11, 20, tzinfo=UTC), "busy")
    finally:
        other.close()


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path, "work"):
        with pytest.raises(TryAgain, match="account work"), locked(tmp_path, "work"):
            pass
        with locked(tmp_path, "other"):
            pass


def test_programs_that_migrate_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    of_version(path, 3)
    code = (
        "from pathlib import Path; from mailbot.sync.memory.journal import opened_journal\n"
        f"with opened_journal(Path({str(path)!r})) as j: print(len(j.mails.failing('work')))"
    )
    several = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    assert [p.communicate(timeout=60) for p in several] == [(b"1\n", b"")] * 6
    assert module.version_of(tmp_path / "journal.sqlite.v3") == 3
    left = [p.name for p in tmp_path.iterdir() if p.name != "home"]
    assert sorted(left) == ["journal.sqlite", "journal.sqlite.v3"]
