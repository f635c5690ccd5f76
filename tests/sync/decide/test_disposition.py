"""What becomes of a mail, and why: one ordered list of rules over plain values. No server, no file, no model."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.mail import Mail, read_mail
from mailbot.sync.decide import disposition as module
from mailbot.sync.decide.disposition import RULES, Circumstances, Word, disposition
from mailbot.vault.verdict import UNDECIDED, Verdict
from tests.conftest import mail

OWN = frozenset({"jo@example.com"})
ASKING = mail("Hi Jo,\n\nwhich erasure coding did you use?\n\nAna")
TELLING = mail("Hi Jo,\n\nwe used 8+3.\n\nAna")
NEWSLETTER = mail(headers="List-Unsubscribe: <mailto:u@x.example>\n")
COPIED = mail(to="bo@acme.example", headers="Cc: jo@example.com\n")
ELSEWHERE = mail(to="bo@acme.example")


def decided(raw: bytes, **known: Any) -> Verdict:
    """What the rules say of a mail where a model may be asked for the rest."""
    return disposition(read_mail(raw), Circumstances(own=OWN, **{"model": True, **known}))


def why(raw: bytes, **known: Any) -> tuple[str, str, str]:
    verdict = decided(raw, **known)
    return verdict.disposition, verdict.decided_by, verdict.reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(sender="Jo <JO@example.com>"), "yourself"),
        (mail(headers="Auto-Submitted: auto-generated\n"), "Auto-Submitted"),
        (
            mail(headers="List-Id: <l.x.example>\nList-Post: <mailto:l@x.example>\n", to="l@x.example"),
            "mailing list",
        ),
        (mail(headers="Precedence: bulk\n", to="l@x.example"), "Bulk"),
        (mail(headers="List-Unsubscribe: <mailto:u@x.example>\n"), "newsletter"),
        (mail(sender="no-reply@x.example"), "no-reply@"),
        (mail(sender="X <noreply+123@x.example>"), "noreply+123@"),
        (mail(sender="MAILER-DAEMON@x.example"), "mail system"),
        (mail(headers="Return-Path: <>\n"), "return path is empty"),
        (mail(headers="X-Spam-Flag: YES\n"), "spam"),
        (mail(subject="Automatic reply: Storage", text="I am away."), "automatic reply"),
        (mail(sender="nobody at all"), "no sender"),
        (
            b"From: a@b.c\nContent-Type: multipart/report; boundary=x\n\n--x\n\nfailed\n--x--\n",
            "delivery report",
        ),
        (
            b"From: a@b.c\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n",
            "invitation",
        ),
        (
            b"From: a@b.c\nContent-Type: multipart/encrypted; boundary=x\n\n--x\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--x--\n",
            "encrypted",
        ),
    ],
)
def test_facts_withhold_a_draft(raw: bytes, reason: str) -> None:
    verdict = decided(raw)
    assert verdict.disposition in ("read", "ignore")
    assert verdict.decided_by == "fact"
    assert reason.casefold() in verdict.reason.casefold()


@pytest.mark.parametrize(
    "raw",
    [
        mail(),
        mail(headers="Auto-Submitted: no\n"),
        mail(headers="List-Id: <l.x.example>\n", to="l@x.example, jo@example.com"),
        mail(headers="Return-Path: <ana@acme.example>\n"),
        mail(sender="Noreen Reply <noreen@x.example>"),
        mail(headers="List-Unsubscribe: <mailto:u@x.example>\nIn-Reply-To: <mine@example.com>\n"),
    ],
)
def test_facts_never_grant_one(raw: bytes) -> None:
    assert decided(raw) == UNDECIDED


NEVER, ALWAYS = (
    Word("never", "draft: never stands in People/Ana.md"),
    Word("always", "triage.always names the sender"),
)
READ = Word("read", "You have said read of the last 3 mails from there")
SAID_REPLY, SAID_IGNORE = Word("reply", "You said so in the note"), Word("ignore", "You said so in the note")
WEEK, DAY = timedelta(days=7), timedelta(days=1)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"answered": True}, ("read", "fact", "You have answered it already")),
        ({"begun": True}, ("read", "fact", "You have already started an answer")),
        ({"superseded": True}, ("read", "fact", "A later mail in the thread is answered instead")),
        ({"settled": True}, ("read", "fact", "Its author has settled it in a later mail")),
        ({"twin": True}, ("read", "fact", "Another mail with this Message-ID has already been saved")),
        ({"too_large": True}, ("read", "rule", "Too large: only its header is kept (max_mail_size)")),
        ({"imported": True}, ("read", "rule", "Imported: no draft is made for it")),
        (
            {"age": WEEK + DAY, "newer_than": WEEK},
            ("read", "rule", "Older than 7 days: no draft is made for it (drafts.newer_than)"),
        ),
        (
            {"age": DAY, "newer_than": timedelta(hours=12)},
            ("read", "rule", "Older than 12 hours: no draft is made for it (drafts.newer_than)"),
        ),
        ({"said_of_sender": NEVER}, ("read", "rule", NEVER.where)),
        ({"said_of_sender": ALWAYS}, ("reply", "rule", ALWAYS.where)),
        ({"said_of_sender": READ}, ("read", "rule", READ.where)),
        ({"said_of_mail": SAID_REPLY}, ("reply", "user", SAID_REPLY.where)),
        ({"said_of_mail": SAID_IGNORE}, ("ignore", "user", SAID_IGNORE.where)),
        (
            {"written": 0, "received": 10},
            ("read", "fact", "10 mails from this sender, and you have never written to them"),
        ),
        ({"model": False}, ("reply", "detector", "Contains question")),
        ({}, ("", "", UNDECIDED.reason)),
        ({"age": DAY, "newer_than": WEEK}, ("", "", UNDECIDED.reason)),
        ({"age": WEEK, "newer_than": WEEK}, ("", "", UNDECIDED.reason)),
        ({"age": 99 * WEEK}, ("", "", UNDECIDED.reason)),
        ({"written": None, "received": 99}, ("", "", UNDECIDED.reason)),
        ({"written": 1, "received": 99}, ("", "", UNDECIDED.reason)),
        ({"written": 0, "received": 9}, ("", "", UNDECIDED.reason)),
    ],
)
def test_each_circumstance_decides_alone(known: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert why(ASKING, **known) == expected


ORDER: tuple[dict[str, Any], ...] = (
    {"said_of_mail": SAID_REPLY},
    {"superseded": True},
    {"settled": True},
    {"said_of_sender": NEVER},
    {"answered": True},
    {"begun": True},
    {"twin": True},
    {"too_large": True},
    {"imported": True},
    {"age": WEEK + DAY, "newer_than": WEEK},
    {"said_of_sender": ALWAYS},
    {"written": 0, "received": 10},
    {"model": False},
)
"""Circumstances in the order of their right to decide."""


@pytest.mark.parametrize(("first", "later"), list(itertools.combinations(range(len(ORDER)), 2)))
def test_of_two_circumstances_the_stronger_decides(first: int, later: int) -> None:
    """All pairs, but those that set the same value."""
    strong, weak = ORDER[first], ORDER[later]
    if strong.keys() & weak.keys():
        return
    assert why(ASKING, **weak, **strong) == why(ASKING, **strong)


@pytest.mark.parametrize("said", ["reply", "read", "ignore"])
@pytest.mark.parametrize("raw", [ASKING, TELLING, NEWSLETTER, mail(sender="no-reply@x.example")])
def test_the_users_word_stands_above_everything(raw: bytes, said: str) -> None:
    everything: dict[str, Any] = {
        "answered": True,
        "begun": True,
        "superseded": True,
        "twin": True,
        "imported": True,
    }
    verdict = decided(raw, said_of_mail=Word(said, "You said so"), said_of_sender=NEVER, **everything)
    assert (verdict.disposition, verdict.decided_by) == (said, "user")


@pytest.mark.parametrize(
    "raw", [NEWSLETTER, mail(sender="no-reply@x.example"), mail(headers="Auto-Submitted: auto-replied\n")]
)
def test_a_standing_always_does_not_answer_a_machine(raw: bytes) -> None:
    assert decided(raw, said_of_sender=ALWAYS).disposition != "reply"


def test_a_reply_comes_with_what_is_asked() -> None:
    for known in ({"said_of_mail": SAID_REPLY}, {"said_of_sender": ALWAYS}, {"model": False}):
        assert [a.text for a in decided(ASKING, **known).asks] == ["which erasure coding did you use?"]


def test_without_a_model_a_mail_that_asks_nothing_is_read() -> None:
    assert why(TELLING, model=False) == ("read", "detector", "Asks nothing")


def test_without_a_model_a_copy_is_read() -> None:
    assert why(COPIED, model=False) == ("read", "detector", "You are only in Cc")
    assert why(COPIED) == ("", "", UNDECIDED.reason)


def test_a_mail_that_names_nobody_of_us_from_a_stranger_is_read() -> None:
    reason = "It is not addressed to you, and you have never written to its sender"
    assert why(ELSEWHERE, written=0) == ("read", "fact", reason)
    assert why(ELSEWHERE, written=1) == ("", "", UNDECIDED.reason)
    assert why(ELSEWHERE) == ("", "", UNDECIDED.reason)
    assert disposition(read_mail(ELSEWHERE), Circumstances(written=0, model=True)) == UNDECIDED


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("All,\n\nJo, can you send the plan?", True),
        ("Jo Vermeer has the plan.", True),
        ("jo vermeer has the plan.", True),
        ("VERMEER has the plan, Vermeer said.", True),
        ("John has the plan.", False),
        ("A jo, a yo.", False),
        ("Who has the plan?", False),
    ],
)
def test_a_mail_to_a_group_that_names_us_is_judged(text: str, named: bool) -> None:
    """From a stranger, and addressed to neither us nor our list."""
    found = why(mail(text, to="all@acme.example"), written=0, own_names=("Jo Vermeer",))
    assert (found[0] == "") is named


def test_advertising_is_ignored_but_not_of_somebody_known() -> None:
    pitch = mail("Special offer! Can we meet for a demo of our product next week?")
    assert why(pitch, model=False)[0] == "ignore"
    assert why(pitch, model=False, exchanged=True)[0] == "reply"


@given(
    st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(),
    st.none() | st.integers(0, 3), st.integers(0, 12), st.booleans(), st.booleans(),
    st.sampled_from([None, NEVER, ALWAYS, READ]), st.sampled_from([ASKING, TELLING, NEWSLETTER, COPIED, ELSEWHERE]),
)  # fmt: skip
def test_every_mail_gets_one_answer_with_a_reason(
    answered: bool, begun: bool, twin: bool, large: bool, imported: bool, written: int | None, received: int,
    exchanged: bool, model: bool, word: Word | None, raw: bytes,
) -> None:  # fmt: skip
    """In any circumstances: the same answer twice, always with a reason, and `undecided` only where a model is there."""
    known = Circumstances(
        own=OWN, answered=answered, begun=begun, twin=twin, too_large=large, imported=imported, written=written,
        received=received, exchanged=exchanged, model=model, said_of_sender=word,
    )  # fmt: skip
    verdict = disposition(read_mail(raw), known)
    assert verdict == disposition(read_mail(raw), known)
    assert verdict.reason
    assert verdict.disposition or model
    if word in (NEVER, READ) or answered or begun:
        assert verdict.disposition != "reply"


def test_every_rule_is_in_the_list_once() -> None:
    """A rule that is written and not listed would never speak."""
    rules = [
        f
        for name, f in vars(module).items()
        if name.startswith("_") and callable(f) and not name.startswith("__")
    ]
    takes_both = {
        f
        for f in rules
        if getattr(f, "__code__", None) and f.__code__.co_argcount == 2 and f.__name__ != "_fact"
    }
    assert takes_both == set(RULES)
    assert len(RULES) == len(set(RULES))


def test_rules_answer_for_themselves() -> None:
    """No rule reads what another has said: each gives the same answer alone."""
    letter: Mail = read_mail(ASKING)
    known = Circumstances(own=OWN, answered=True, twin=True, imported=True, written=0, received=10)
    alone = [v for rule in RULES if (v := rule(letter, known))]
    assert disposition(letter, known) == alone[0]
    assert disposition(letter, replace(known, answered=False)) == alone[1]
