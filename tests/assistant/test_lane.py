"""What a statement rests on, and how far a draft can be trusted."""

from __future__ import annotations

from datetime import date

import pytest

from mailbot.assistant.asks import Ask
from mailbot.assistant.due import due_date
from mailbot.assistant.lane import lane_of
from mailbot.assistant.support import matters, not_taken_up, supports, uncarried

SOURCE = "Erasure coding was 8+3 in every run of the benchmark, said Louis Meyer."


@pytest.mark.parametrize(
    ("statement", "carried"),
    [
        ("The erasure coding was 8+3.", True), ("Erasure coding was 9+4 in every run.", False), ("We asked Bob Stone about the benchmark.", False),
        ("The benchmark was run by Louis Meyer.", True), ("Tomatoes grow well here.", False), ("Das Verfahren war 8+3, und das in jedem Lauf.", True),
    ],
)  # fmt: skip
def test_a_source_carries_only_what_it_says(statement: str, carried: bool) -> None:
    """Its numbers and names must stand there; across languages only those can be compared."""
    assert supports(statement, [SOURCE]) is carried
    assert not supports(statement, [])


def test_what_nobody_said_is_found() -> None:
    assert uncarried("Let us meet on Tuesday at 14:30, I will bring Maria Stone.", ["When do we meet?"]) == {
        "tuesday", "1430", "maria", "stone",
    }  # fmt: skip
    assert uncarried("It was 1,200 runs.", ["1200 runs"]) == set()


ASK = Ask("question", "Which erasure coding did you use?")


@pytest.mark.parametrize(
    ("text", "lane", "why"),
    [
        ("Hi,\n\nwe used erasure coding 8+3.\n\nBest", "ready", "every statement has a source"),
        ("Hi,\n\nwe used erasure coding 9+4.\n\nBest", "check", "not found in the mail or in any source: 4, 9"),
        ("Hi,\n\nI will send the erasure coding tables.\n\nBest", "check", "it is about a commitment"),
        ("Hi,\n\nerasure coding 8+3 costs more money: a budget of its own.\n\nBest", "check", "it is about money"),
        ("Hi,\n\nerasure coding 8+3, as the contract says.\n\nBest", "check", "it is about a contract"),
        ("Hi,\n\nerasure coding 8+3. Shall we talk on Friday?\n\nBest", "check", "it is about a date"),
        ("Hi,\n\n[…: your call on the coding]\n\nBest", "needs_you", "it has blanks"),
    ],
)  # fmt: skip
def test_a_lane_has_its_reasons(text: str, lane: str, why: str) -> None:
    """Money, contracts, dates and commitments are never `ready`; blanks are the user's."""
    found, reasons = lane_of(
        text, [ASK], [SOURCE, "friday contract money budget 8+3"], supports=[("x", "[[S]]")]
    )
    assert found == lane
    assert any(why in reason for reason in reasons), reasons


def test_an_attack_an_unsupported_claim_and_what_was_taken_out_want_a_look() -> None:
    fine = "Hi,\n\nwe used erasure coding 8+3.\n\nBest"
    for more, why in (
        ({"suspicious": ["it speaks to a model"]}, "steer the model"),
        ({"supports": [("it is so", "")]}, "no source for: it is so"),
        ({"supports": []}, "it has no sources"),
        ({"removed": ["link"]}, "removed"),
    ):
        lane, reasons = lane_of(fine, [ASK], [SOURCE], **{"supports": [("x", "[[S]]")], **more})  # type: ignore[arg-type]
        assert lane == "check"
        assert why in " ".join(reasons)


def test_an_ask_that_was_forgotten_is_named() -> None:
    asks = ["Which rack did you use?", "When does the workshop begin?"]
    assert not_taken_up(asks, "The rack was the third one.") == ["When does the workshop begin?"]
    assert not_taken_up(asks[:1], "It was the third one on the left.") == []


def test_matters_of_consequence_in_other_languages() -> None:
    assert matters("Die Rechnung über 40 Euro ist da, ich werde sie zahlen.") == ("money", "a commitment")
    assert "a date" in matters("On se voit mardi ?")


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("2026-12-01", "2026-12-01"), ("tomorrow", "2026-11-21"), ("by Friday", "2026-11-27"), ("next week", "2026-11-27"), ("Monday", "2026-11-23"),
        ("in 3 days", "2026-11-23"), ("end of month", "2026-11-30"), ("soon", ""), ("", ""), ("31.12.2026", ""),
    ],
)  # fmt: skip
def test_due_dates_count_from_the_mails_day(said: str, due: str) -> None:
    """2026-11-20 is a Friday."""
    assert due_date(said, date(2026, 11, 20)) == due
