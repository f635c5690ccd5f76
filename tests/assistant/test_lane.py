"""What a statement rests on, and how far a draft can be trusted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mailbot.assistant.asks import Ask, sentences
from mailbot.assistant.due import due_date, working_days
from mailbot.assistant.facts import Carrier, facts_in
from mailbot.assistant.lane import Grounds, lane_of, statements_of
from mailbot.assistant.support import matters, not_taken_up, supports, uncarried

SOURCE = "Erasure coding was 8+3 in every run of the benchmark, said Louis Meyer."
DAY = date(2026, 11, 26)
"""A Thursday."""


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
    said = "Let us meet on Tuesday at 14:30, I will bring Maria Stone."
    assert set(uncarried(said, ["When do we meet?"])) == {"Tuesday", "14:30", "Maria", "Stone"}
    assert uncarried("It was 1,200 runs.", ["1200 runs"]) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("12. März 2026", "on March 12"), ("1.200 €", "1,200"), ("€41.300,00", "41,300"), ("12/03/2026", "12 March"), ("at 14.30", "14:30"),
        ("Dienstag, 1. Dezember", "on Tuesday"), ("2026-12-01", "on Tuesday"), ("am 3.12.", "le 3 décembre"), ("le 1er décembre", "1 December"),
        ("Can you by tomorrow?", "on Friday"), ("12月1日", "Dec 1"), ("9 December", "9 déc."), ("Nov. 24, 2026", "24 novembre"), ("3 500 €", "3,500"),
    ],
)  # fmt: skip
def test_dates_and_numbers_are_the_same_in_every_language(given: str, said: str) -> None:
    assert Carrier([given], DAY).missing(said) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("4.2", "42"), ("2026-11-03", "3 sites"), ("12 March", "12 April"), ("Tuesday", "Wednesday"), ("41,300", "41,800"), ("8+3", "9+3"),
        ("1. Dezember", "on Wednesday"), ("Maria Stone", "we asked Mario"),
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_not_the_same(given: str, said: str) -> None:
    assert Carrier([given], DAY).missing(said)


def test_german_nouns_are_no_names_and_two_in_a_row_are() -> None:
    found = [
        f.shown for f in facts_in("Wir haben die Rechnung mit Ihrem Vorstand und mit Maria Stein besprochen.")
    ]
    assert found == ["Maria", "Stein"]


def test_a_day_and_its_month_stay_in_one_sentence() -> None:
    assert list(sentences("Das Angebot gilt bis zum 18. Dezember 2026. Danach nicht.")) == [
        "Das Angebot gilt bis zum 18. Dezember 2026.", "Danach nicht."
    ]  # fmt: skip


ASK = Ask("question", "Which erasure coding did you use?")
MAIL = "Which erasure coding did you use?"


def lane(
    text: str, know: tuple[str, ...] = (), asks: tuple[Ask, ...] = (ASK,), **more: Any
) -> tuple[str, str]:
    given = {"supports": [("x", "[[S]]")], **more}
    say = [MAIL, SOURCE, "The fee is 40 euros. We will deliver the tables on Friday, 27 November."]
    found, reasons = lane_of(text, asks, Grounds(say, know, "Ana", DAY), **given)
    return found, "; ".join(reasons)


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("Hi,\n\nwe used erasure coding 8+3.\n\nBest", "ready", "no doubt was found"),
        ("Hi,\n\nwe used erasure coding 9+4.\n\nBest", "check", "not found in the mail or in any source: 9, 4"),
        ("Hi,\n\nerasure coding 8+3; the fee is 40 euros.\n\nBest", "ready", "no doubt was found"),
        ("Hi,\n\nerasure coding 8+3; the fee is 45 euros.\n\nBest", "check", "45"),
        ("Hi,\n\nerasure coding 8+3. We will deliver the tables on Friday.\n\nBest", "ready", "no doubt was found"),
        ("Hi,\n\nerasure coding 8+3. We will deliver the manual.\n\nBest", "check", "commits you: We will deliver the manual."),
        ("Hi,\n\nerasure coding 8+3. We agree to your terms.\n\nBest", "check", "commits you: We agree to your terms."),
        ("Hi,\n\nerasure coding 8+3. Shall we talk on Tuesday?\n\nBest", "check", "Tuesday"),
        ("Hi,\n\n[… the coding]\n\nBest", "needs_you", "it has blanks"),
    ],
)  # fmt: skip
def test_what_a_source_carries_is_no_doubt_and_what_is_new_is(text: str, expected: str, why: str) -> None:
    """A date, a number or an amount that the mail or a source has word for word may be sent; a new commitment, an agreement, a
    price or date that no source has may not."""
    found, reasons = lane(text)
    assert (found, why in reasons) == (expected, True), reasons


def test_what_is_only_to_be_known_is_named() -> None:
    found, reasons = lane(
        "Hi,\n\nerasure coding 8+3, and 41,300 at most.\n\nBest", ("Her ceiling is 41,300.",)
    )
    assert found == "check"
    assert "tells Ana what stands only in your own notes: 41,300" in reasons


def test_two_right_facts_may_make_a_wrong_sentence() -> None:
    """8+3 and 40 stand in two sources; that one costs the other stands in none."""
    found, reasons = lane("Hi,\n\nerasure coding 8+3 costs 40 euros.\n\nBest")
    assert found == "check"
    assert "no one source carries" in reasons


def test_what_only_the_user_decides_is_not_ready() -> None:
    ask = Ask("question", ASK.text, decides=True)
    assert "only you can decide" in lane("Hi,\n\nerasure coding 8+3.\n\nBest", asks=(ask,))[1]


def test_an_ask_is_taken_up_by_what_was_found_for_it() -> None:
    """Asked in other words than answered: the number comes from the source that was found for it."""
    asks = (ASK, Ask("question", "What do you take for the drive?"))
    text = "Hi,\n\nerasure coding was 8+3 in all of the runs. Travel is charged at 0.58 a kilometre.\n\nBest"
    say = [MAIL, SOURCE, "Mileage is 0.58 per km."]
    for found_for, doubted in (({}, True), ({asks[1].text: [say[2]]}, False)):
        grounds = Grounds(say, mail_day=DAY, found_for=found_for)
        reasons = lane_of(text, asks, grounds, supports=[("x", "[[S]]")])[1]
        assert any("may not be answered" in r for r in reasons) is doubted


def test_greeting_and_closing_state_nothing() -> None:
    assert (
        statements_of("Sehr geehrte Frau Vogt,\n\nes sind 8+3.\n\nMit freundlichen Grüßen\nJo Vermeer")
        == "es sind 8+3."
    )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"suspicious": ["it speaks to a model"]}, "steer the model"),
        ({"supports": [("it is so", "")]}, "no source for: it is so"),
        ({"supports": []}, "it has no sources"),
        ({"removed": ["link"]}, "removed"),
    ],
)
def test_an_attack_an_unsupported_claim_and_what_was_taken_out_want_a_look(more: Any, why: str) -> None:
    found, reasons = lane("Hi,\n\nwe used erasure coding 8+3.\n\nBest", **more)
    assert found == "check"
    assert why in reasons


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


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [("20", "20", 0), ("20", "23", 1), ("20", "27", 5), ("21", "22", 0), ("26", "20", 0)],
)
def test_working_days_between(start: str, end: str, days: int) -> None:
    assert working_days(date(2026, 11, int(start)), date(2026, 11, int(end))) == days
