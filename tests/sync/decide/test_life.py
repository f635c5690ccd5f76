"""What became of a stored draft, decided from plain values; no server, no vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailbot.mail.mail import read_mail
from mailbot.sync.decide.content import content_of, folded, likeness, quote_in, reply_in
from mailbot.sync.decide.life import (
    Approve,
    Disagree,
    Discard,
    Doubt,
    Leave,
    Life,
    Miss,
    Relocate,
    Return,
    Store,
    TakeText,
    Unapprove,
    WasAnswered,
    WasSent,
    life,
)
from mailbot.sync.decide.seen import Found, InNote, OnServer, Seen
from mailbot.sync.memory.rows import DraftRow, Location
from tests.conftest import mail

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ROW = DraftRow(
    1, 1, "<d@me>", "draft", "", "D.md", "h", "Drafts", 3, 12, "sha", NOW, server_base="base", note_base="nb"
)
HERE = OnServer(placed=True)


def found(uid: int = 20, **more: Any) -> Found:
    place = more.pop("place", "drafts")
    return Found(
        place, Location("Drafts", 3, uid), more.pop("message_id", "<d@me>"), more.pop("by_id", True), **more
    )


def became(server: OnServer = HERE, note: InNote | None = None, **row: Any) -> Life:
    return life(replace(ROW, **row), Seen(server, note or InNote(), NOW))


OTHER = found(content="other")
MOVED = found(same=True, ours=True, content="base")
ALIKE = found(by_id=False, message_id="<new@me>", likeness=0.8, content="other")
UNLIKE = replace(ALIKE, likeness=0.1)
SENT = found(place="sent")
ANSWER = found(place="sent", by_id=False, likeness=0.9)


@pytest.mark.parametrize(
    ("server", "note", "row", "expected"),
    [
        (HERE, InNote(), {}, Leave()),
        (OnServer(copies=(OTHER,)), InNote(), {}, TakeText(OTHER)),
        (OnServer(copies=(ALIKE,)), InNote(), {}, TakeText(ALIKE)),
        (OnServer(copies=(UNLIKE,)), InNote(), {}, TakeText(UNLIKE)),
        (OnServer(copies=(MOVED,)), InNote(), {}, Relocate(MOVED)),
        (OnServer(copies=(OTHER,)), InNote(changed=True), {}, Disagree(OTHER)),
        (OnServer(copies=(replace(OTHER, as_noted=True),)), InNote(changed=True), {}, TakeText(replace(OTHER, as_noted=True))),
        (OnServer(placed=True, copies=(replace(OTHER, stale=True),)), InNote(), {}, Disagree(replace(OTHER, stale=True))),
        (HERE, InNote(changed=True), {}, Store("you edited it in the note")),
        (HERE, InNote(changed=True, status="approved"), {}, Store("you edited it in the note", approved=True)),
        (HERE, InNote(changed=True), {"ours": False}, Disagree(None)),
        (HERE, InNote(status="approved"), {}, Approve()),
        (HERE, InNote(status="approved"), {"status": "approved"}, Leave()),
        (HERE, InNote(status="draft"), {"status": "approved"}, Unapprove("you took the approval back")),
        (HERE, InNote(status="discarded"), {}, Discard("you discarded it", "user", remove=True)),
        (HERE, InNote(status="discarded"), {"ours": False}, Discard("you discarded it", "user", remove=False, theirs=True)),
        (OnServer(copies=(OTHER,)), InNote(status="discarded"), {}, Discard("you discarded it", "user", remove=False, theirs=True)),
        (HERE, InNote(there=False, read=False), {}, Discard("you deleted its note", "user", remove=True)),
        (OnServer(sent=SENT), InNote(), {}, WasSent(SENT)),
        (OnServer(placed=True, sent=SENT), InNote(status="discarded"), {}, WasSent(SENT)),
        (OnServer(sent=ANSWER), InNote(), {}, WasSent(ANSWER)),
        (OnServer(placed=True, sent=replace(ANSWER, strict=0.5)), InNote(), {}, WasAnswered(replace(ANSWER, strict=0.5))),
        (OnServer(placed=True, sent=replace(ANSWER, strict=0.95)), InNote(), {}, WasSent(replace(ANSWER, strict=0.95))),
        (OnServer(sent=ANSWER), InNote(), {"status": "unknown", "sent_at": NOW}, WasSent(ANSWER)),
        (OnServer(sent=replace(ANSWER, likeness=0.1)), InNote(), {}, WasAnswered(replace(ANSWER, likeness=0.1))),
        (OnServer(trash=found(place="trash")), InNote(), {}, Discard("you deleted it in your mail client", "client", remove=False)),
        (OnServer(marked=True), InNote(), {}, Discard("you marked it as deleted in your mail client", "client", remove=False)),
        (OnServer(), InNote(), {}, Miss()),
        (HERE, InNote(), {"status": "missing"}, Return()),
        (HERE, InNote(), {"status": "discarded"}, Return()),
        (OnServer(), InNote(), {"status": "discarded"}, Leave()),
        (HERE, InNote(there=False), {"status": "discarded"}, Leave()),
        (HERE, InNote(), {"status": "conflict"}, Leave()),
        (HERE, InNote(resolve="note"), {"status": "conflict"}, Store("you chose the text of the note", theirs=True)),
        (HERE, InNote(read=False), {}, Leave()),
        (HERE, InNote(), {"status": "unknown", "sent_at": NOW}, Leave()),
        (OnServer(), InNote(), {"status": "unknown"}, Leave()),
    ],
)  # fmt: skip
def test_each_fate(server: OnServer, note: InNote, row: dict[str, Any], expected: Life) -> None:
    assert became(server, note, **row) == expected


def test_several_that_differ_are_not_guessed_at() -> None:
    two = OnServer(copies=(ALIKE, replace(ALIKE, content="third")))
    doubt = became(two)
    assert isinstance(doubt, Doubt)
    assert became(two, status="unknown", why=doubt.why) == Leave()


def test_a_run_that_was_stopped_while_it_sent_leaves_a_doubt_and_no_second_mail() -> None:
    assert isinstance(became(HERE, InNote(status="approved"), status="sending"), Doubt)


def test_missing_is_decided_after_three_runs_and_six_hours() -> None:
    long = {"status": "missing", "since": NOW - timedelta(hours=7), "looks": 2}
    assert isinstance(became(OnServer(), **long), Discard)
    assert became(OnServer(), **long | {"looks": 1}) == Miss()
    assert became(OnServer(), **long | {"since": NOW - timedelta(hours=5)}) == Miss()
    assert became(OnServer(), **long | {"status": "draft"}) == Miss()


def test_wrapping_stuffing_and_requoting_is_no_edit() -> None:
    one = "Hi Ana,\n\nit was 8+3 in every run of the benchmark.\n\nOn Friday Ana wrote:\n> which\n>> old\n"
    other = "Hi Ana,\n\n it was 8+3 in every \nrun of the benchmark.\n-- \n\nOn Friday Ana wrote:\n>  which\n> > old\n"
    assert folded(one) == folded(other)
    assert content_of(read_mail(mail(one))).hash == content_of(read_mail(mail(other))).hash
    assert content_of(read_mail(mail(one))).hash != content_of(read_mail(mail(one, to="bo@x.example"))).hash
    assert (
        content_of(read_mail(mail(one))).hash != content_of(read_mail(mail(one.replace("8+3", "9+3")))).hash
    )


@pytest.mark.parametrize(("one", "other", "least", "most"), [("a b c", "a b c", 1, 1), ("a b c d", "a b c e", 0.7, 0.8), ("a", "b", 0, 0), ("", "", 1, 1), ("", "a", 0, 0)])  # fmt: skip
def test_likeness_is_of_words_in_order(one: str, other: str, least: float, most: float) -> None:
    assert least <= likeness(one, other) <= most


QUOTE = "On Fri, 20 Nov 2026 at 09:15, Ana Ruiz wrote:\n> which coding?\n> Ana"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (f"8+3.\n\nJo Vermeer\nAcme\n\n{QUOTE}", "8+3."),
        (f"8+3.\n\n-- \nJo Vermeer\nAcme\n\n{QUOTE}", "8+3."),
        (f"8+3.\n\nJo Vermeer Acme\n\n{QUOTE}", "8+3."),
        (f"8+3.\n\n{QUOTE}", "8+3."),
        ("8+3.", "8+3."),
        (f"8+3.\n\n{QUOTE}\n\nThat is all.", f"8+3.\n\n{QUOTE}\n\nThat is all."),
    ],
)
def test_the_reply_is_what_was_written_above_the_quote_without_the_signature(text: str, reply: str) -> None:
    assert reply_in(read_mail(mail(text)).text, "Jo Vermeer\nAcme").split() == reply.split()


def test_the_quote_below_can_be_kept() -> None:
    assert quote_in(read_mail(mail(f"8+3.\n\n{QUOTE}")).text) == QUOTE
    assert quote_in(read_mail(mail("8+3.")).text) == ""
