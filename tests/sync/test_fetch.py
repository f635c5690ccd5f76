"""What is fetched is decided purely; the journal is a memory."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.errors import BadData, TryAgain
from mailbot.sync.fetch import wanted
from mailbot.sync.journal import Cursor, Journal, backoff, now
from mailbot.sync.lock import locked

_UIDS = st.sets(st.integers(1, 50), max_size=20)


@given(
    _UIDS,
    _UIDS,
    st.dictionaries(st.integers(1, 50), st.sampled_from(["2026-01-01", "2026-12-31"])),
    st.none() | st.integers(0, 10),
    st.booleans(),
)
def test_nothing_known_is_fetched_twice_and_no_failure_before_its_time(
    found: set[int], known: set[int], failures: dict[int, str], limit: int | None, newest: bool
) -> None:
    uids = wanted(found, known, failures, "2026-06-01", limit, newest)
    due = {uid for uid, until in failures.items() if until <= "2026-06-01"}
    every = (found - known - failures.keys()) | due
    assert set(uids) <= every
    assert uids == sorted(uids)
    assert len(uids) == (len(every) if limit is None else min(limit, len(every)))
    if limit and len(every) > limit:
        assert (max(every) if newest else min(every)) in uids


def test_what_is_written_together_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        with pytest.raises(RuntimeError), journal.together():
            journal.move_cursor("a", "INBOX", Cursor(1, 5))
            raise RuntimeError
        assert journal.cursor("a", "INBOX") is None
        with journal.together():
            id_ = journal.add_mail("a", "<m@x>", "s", "n.md", "h", "2026", "triage", "")
            journal.locate(id_, "a", "INBOX", 1, 5)
        assert journal.known_uids("a", "INBOX", 1) == {5}
        assert journal.known_uids("a", "INBOX", 2) == set()


def test_opening_and_reading_change_no_byte(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Journal(path) as journal:
        journal.move_cursor("a", "INBOX", Cursor(1, 5))
    before = path.read_bytes(), path.stat().st_mtime_ns
    with Journal(path) as journal:
        journal.move_cursor("a", "INBOX", Cursor(1, 5))
        assert journal.waiting("a", now()) == []
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["j.sqlite"]


def test_failures_are_tried_again_with_growing_waits(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        id_ = journal.add_mail("a", "<m@x>", "s", "n.md", "h", "2026", "draft", "reply")
        waits = []
        for _ in range(4):
            at = now()
            journal.mail_failed(id_, "why", at)
            row = journal.mail(id_)
            waits.append(row.next_try <= at.isoformat())
        assert waits == [True, False, False, False]
        assert (row.attempts, row.error) == (4, "why")
        journal.update_mail(id_, stage="done", disposition="reply", note_hash="h")
        assert journal.failing_mails("a") == []
    assert backoff(1) == timedelta(0) < backoff(2) < backoff(3)
    assert backoff(99) == timedelta(days=1)


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(BadData, match=r"j\.sqlite"):
        Journal(path)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path, "work"):
        with pytest.raises(TryAgain, match="account work"), locked(tmp_path, "work"):
            pass
        with locked(tmp_path, "other"):
            pass
