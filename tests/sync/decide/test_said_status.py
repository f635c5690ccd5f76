"""What is done about the status that the user has written into a draft note. Plain values."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.sync.decide.said_status import Correct, TakeUp, said_status
from mailbot.sync.memory.rows import DraftStatus
from mailbot.vault.read_draft import ReadDraft
from tests.sync.decide.test_life import ROW

STATUSES = [s for s in get_args(DraftStatus) if s != "intent"]


def read(status: str, *history: str) -> ReadDraft:
    return ReadDraft(status, "M.md", "<d@x>", "Hi", history=history)


@given(true=st.sampled_from(STATUSES), said=st.one_of(st.sampled_from(STATUSES), st.text(max_size=60)))
def test_what_is_not_so_is_never_left_and_what_is_so_always(true: str, said: str) -> None:
    answer = said_status(replace(ROW, status=true, why="why"), read(said, "2026-11-26 10:00 Why."))
    so = said == true or {said, true} == {"draft", "edited"}
    assert (answer is None) == so
    if isinstance(answer, TakeUp):
        assert true == "discarded" and said in ("draft", "edited", "approved")
    if isinstance(answer, Correct):
        assert answer.why.endswith(".") and len(answer.why) < 300


def test_a_choice_that_is_none_is_put_right() -> None:
    conflict = replace(ROW, status="conflict")
    assert isinstance(said_status(conflict, replace(read("conflict"), resolve="mine")), Correct)
    assert said_status(conflict, replace(read("conflict"), resolve="note")) is None


@pytest.mark.parametrize("history", [(), ("2026-11-26 10:00 You edited it in the note.",)])
def test_a_note_that_was_not_told_takes_nothing_up(history: tuple[str, ...]) -> None:
    draft = replace(ROW, status="discarded", why="you deleted its note")
    assert said_status(draft, read("draft", *history)) == Correct("It was discarded: you deleted its note.")
    told = (*history, "2026-11-26 11:00 It was discarded: you deleted its note.")
    assert said_status(draft, read("draft", *told)) == TakeUp()
