"""What becomes of a server draft. Plain values; no server."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailbot.sync.decide.fate import Append, Confirm, Copy, Fate, LookedFor, Mark, Replace, fate
from mailbot.sync.memory.rows import DraftRow

INTENT = DraftRow(
    1, 1, "<d@me>", "intent", "", "D.md", "h", "Drafts", 0, 0, "sha", datetime(2026, 11, 20, tzinfo=UTC)
)
STORED = replace(INTENT, status="draft", uidvalidity=3, uid=12)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (LookedFor(), Append()),
        (LookedFor((4,)), Confirm(4)),
        (LookedFor((4, 9)), Confirm(9)),
        (LookedFor((4,), answer_in_drafts=True, answer_in_sent=True, composed=False), Confirm(4)),
        (LookedFor(answer_in_drafts=True), Mark("unknown", "changed in Drafts")),
        (LookedFor(answer_in_sent=True), Mark("unknown", "sent")),
        (LookedFor(in_trash=True), Mark("discarded", "deleted")),
        (LookedFor((4,), in_trash=True), Confirm(4)),
        (LookedFor(composed=False), Mark("unknown", "moved or deleted")),
    ],
)
def test_an_intended_draft_is_appended_only_where_nothing_answers_the_mail(
    seen: LookedFor, expected: Fate
) -> None:
    assert fate(INTENT, seen) == expected


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        (Copy(), Replace(12)),
        (Copy(renumbered=True), Mark("unknown", "the server has renumbered the mailbox")),
        (
            Copy(present=False, unchanged=False),
            Mark("missing", "it is no longer there; you may have moved or deleted it"),
        ),
        (Copy(unchanged=False), Mark("edited", "it was changed there")),
        (
            Copy(removable=False),
            Mark("unknown", "the server cannot remove one message alone (it lacks UIDPLUS)"),
        ),
    ],
)
def test_a_replaced_draft_goes_only_where_it_is_certainly_ours(copy: Copy, expected: Fate) -> None:
    assert fate(STORED, copy) == expected


def test_a_draft_whose_place_was_never_told_is_left_alone() -> None:
    assert fate(replace(STORED, uid=0), Copy()) == Mark("unknown", "the server never reported its UID")


@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=4)))
def test_edited_is_said_of_nothing_but_a_change(flags: tuple[bool, bool, bool, bool]) -> None:
    """What learns from edits must not learn from a renumbered, a missing or an unremovable draft."""
    renumbered, present, unchanged, removable = flags
    found = fate(STORED, Copy(renumbered, present, unchanged, removable))
    edited = isinstance(found, Mark) and found.status == "edited"
    assert edited == (not renumbered and present and not unchanged)
    if isinstance(found, Replace):
        assert (renumbered, present, unchanged, removable) == (False, True, True, True)


@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=4)))
def test_every_mark_says_why(flags: tuple[bool, bool, bool, bool]) -> None:
    found = fate(INTENT, LookedFor((), *flags))
    assert not isinstance(found, Mark) or (
        found.why and found.status == ("discarded" if flags == (False, False, True, flags[3]) else "unknown")
    )
    assert isinstance(found, Append) == (flags == (False, False, False, True))
