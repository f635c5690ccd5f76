"""Which mails of a mailbox are wanted, and what is to be done with each. Plain values; no server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.server.listing import Listing, Opened
from mailbot.sync.decide.mailbox import (
    Fetch,
    ForgetFailure,
    ForgetRenumbered,
    Found,
    KeepHeader,
    MoveCursor,
    Quarantine,
    Remembered,
    Search,
    Wish,
    plan,
    search_for,
    wanted,
    worth_a_search,
)
from mailbot.sync.memory.rows import Cursor

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=900)
DUE, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
UNSEEN, NEW = Search(("UNSEEN",), 1, moves=False), Search(("ALL",), 11, moves=True)
AT_TEN = Cursor(7, 10, NOW)
_UIDS = st.frozensets(st.integers(1, 50), max_size=20)


def listing(uid: int, size: int = 100) -> Listing:
    return Listing(uid, size, frozenset(), None, None)


@given(
    _UIDS,
    _UIDS,
    st.dictionaries(st.integers(1, 50), st.sampled_from([DUE, LATER])),
    st.none() | st.integers(0, 10),
    st.booleans(),
)
def test_nothing_known_is_fetched_twice_and_no_failure_before_its_time(
    found: frozenset[int],
    known: frozenset[int],
    failures: dict[int, datetime],
    limit: int | None,
    newest: bool,
) -> None:
    uids = wanted(found, Remembered(None, known, failures), NOW, limit, newest=newest)
    due = {uid for uid, until in failures.items() if until <= NOW}
    every = (found - known - failures.keys()) | due
    assert set(uids) <= every
    assert uids == sorted(uids)
    assert len(uids) == (len(every) if limit is None else min(limit, len(every)))
    if limit and len(every) > limit:
        assert (max(every) if newest else min(every)) in uids


@pytest.mark.parametrize(
    ("wish", "cursor", "uidvalidity", "expected"),
    [
        (Wish("unseen"), None, 7, UNSEEN),
        (Wish("unseen"), AT_TEN, 7, UNSEEN),
        (Wish("unseen"), AT_TEN, 8, UNSEEN),
        (Wish("new"), None, 7, UNSEEN),
        (Wish("new"), AT_TEN, 7, NEW),
        (Wish("new"), AT_TEN, 8, Search(("SINCE", (NOW - timedelta(days=1)).date()), 1, moves=False)),
        (Wish("new"), Cursor(7, 10), 8, Search(("ALL",), 1, moves=False)),
        (Wish("unseen", since=NOW), None, 7, Search(("UNSEEN", "SINCE", NOW.date()), 1, moves=False)),
        (Wish("new", since=NOW), AT_TEN, 7, Search(("ALL", "SINCE", NOW.date()), 11, moves=False)),
        (Wish("new", since=NOW), AT_TEN, 8, Search(("SINCE", NOW.date()), 1, moves=False)),
        # What came before `accounts.since` is never wanted; the cursor moves all the same.
        (Wish("unseen", begins=NOW), None, 7, Search(("UNSEEN", "SINCE", NOW.date()), 1, moves=False)),
        (Wish("new", begins=NOW), AT_TEN, 7, Search(("ALL", "SINCE", NOW.date()), 11, moves=True)),
        (
            Wish("new", since=LONG_AGO, begins=NOW),
            AT_TEN,
            7,
            Search(("ALL", "SINCE", NOW.date()), 11, moves=False),
        ),
        (
            Wish("new", begins=LONG_AGO),
            AT_TEN,
            8,
            Search(("SINCE", (NOW - timedelta(days=1)).date()), 1, moves=False),
        ),
    ],
)
def test_what_is_searched_for(wish: Wish, cursor: Cursor | None, uidvalidity: int, expected: Search) -> None:
    assert search_for(wish, cursor, uidvalidity) == expected


@pytest.mark.parametrize(
    ("search", "opened", "worth"),
    [
        (UNSEEN, Opened("INBOX", 7, 20, 5), True),
        (UNSEEN, Opened("INBOX", 7, 20, 0), False),
        (UNSEEN, Opened("INBOX", 7, 1, 5), False),
        (UNSEEN, Opened("INBOX", 7, 0, 5), True),
        (NEW, Opened("INBOX", 7, 11, 5), False),
        (NEW, Opened("INBOX", 7, 12, 5), True),
        (NEW, Opened("INBOX", 7, 0, 5), True),
        (NEW, Opened("INBOX", 7, 0, 0), False),
    ],
)
def test_a_mailbox_without_anything_new_is_not_searched(search: Search, opened: Opened, worth: bool) -> None:
    assert worth_a_search(search, opened) is worth


def test_a_plan_keeps_small_mails_and_the_headers_of_large_ones_and_moves_the_cursor_last() -> None:
    seen = Found(Opened("INBOX", 7, 14, 3), NEW, [11, 12], [11, 12], [listing(11), listing(12, 501)])
    assert plan(seen, Remembered(AT_TEN), Wish("new", max_size=500)) == [
        Fetch(listing(11), moves=True),
        KeepHeader(listing(12, 501), moves=True),
        MoveCursor(13),
    ]


def test_a_mail_that_is_found_and_not_described_is_tried_again_or_gone() -> None:
    seen = Found(Opened("INBOX", 7, 14, 3), UNSEEN, [11, 12], [11, 12], [], frozenset({12}))
    assert plan(seen, Remembered(), Wish()) == [
        ForgetFailure(11),
        Quarantine(12, "the server did not describe the mail"),
        MoveCursor(13),
    ]


@pytest.mark.parametrize("wish", [Wish("new", limit=5), Wish("new", since=NOW)])
def test_a_narrowed_run_leaves_the_cursor_where_it_was(wish: Wish) -> None:
    seen = Found(Opened("INBOX", 7, 14, 3), NEW, [11], [11], [listing(11)])
    assert not any(isinstance(a, MoveCursor) for a in plan(seen, Remembered(AT_TEN), wish))


def test_a_server_that_does_not_say_its_uidnext_moves_the_cursor_to_what_was_found() -> None:
    seen = Found(Opened("INBOX", 7, 0, 3), UNSEEN, [3, 9], [3, 9], [listing(3), listing(9)])
    assert plan(seen, Remembered(), Wish())[-1] == MoveCursor(9)
    assert plan(Found(Opened("INBOX", 7, 0, 0), UNSEEN), Remembered(), Wish()) == [MoveCursor(0)]


@pytest.mark.parametrize(("uidvalidity", "renumbered"), [(7, False), (8, True)])
def test_a_renumbered_mailbox_forgets_its_failures(uidvalidity: int, renumbered: bool) -> None:
    seen = Found(Opened("INBOX", uidvalidity, 1, 0), UNSEEN)
    assert (ForgetRenumbered(7) in plan(seen, Remembered(AT_TEN), Wish())) is renumbered


@given(_UIDS, _UIDS, st.booleans())
def test_every_uid_that_was_asked_about_has_exactly_one_action(
    described: frozenset[int], silent: frozenset[int], there: bool
) -> None:
    silent = silent - described
    asked = sorted(described | silent)
    listings = [listing(uid) for uid in sorted(described)]
    seen = Found(Opened("INBOX", 7, 60, 50), NEW, asked, asked, listings, silent if there else frozenset())
    uids = []
    for action in plan(seen, Remembered(), Wish("new")):
        match action:
            case Fetch(found) | KeepHeader(found):
                uids.append(found.uid)
            case Quarantine(uid) | ForgetFailure(uid):
                uids.append(uid)
    assert sorted(uids) == asked
