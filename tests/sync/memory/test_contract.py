"""What every journal promises: SQLite's, the one in memory, and any other that is to come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mailbot.sync.memory.journal import Journal, opened_journal
from mailbot.sync.memory.rows import Cursor, DraftRow, Location, Stage
from mailbot.vault.verdict import Ask
from tests.sync.memory.double import memory_journal

NOW = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
INBOX = Location("INBOX", 1, 5)


@pytest.fixture(params=["sqlite", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield memory_journal()
    else:
        with opened_journal(tmp_path / "journal.sqlite") as opened:
            yield opened


NUMBERS = itertools.count()


def add(
    journal: Journal,
    date: datetime = NOW,
    *,
    account: str = "work",
    message_id: str = "<m@x>",
    note: str = "",
    stage: Stage = "triage",
    disposition: str = "",
) -> int:
    sha = f"sha{next(NUMBERS)}"
    path = note or f"Email/{sha}.md"
    return journal.mails.add(account, message_id, sha, path, "hash", date, stage, disposition)


def intend(journal: Journal, mail_id: int, message_id: str = "<d@x>") -> int:
    return journal.drafts.add(draft_of(mail_id, message_id)).id


def draft_of(mail_id: int, message_id: str = "<d@x>") -> DraftRow:
    return DraftRow(0, mail_id, message_id, "intent", "", "D.md", "hash", "Drafts", 0, 0, "sha", NOW)


# --- together ------------------------------------------------------------------------------------------------------


def test_what_is_written_together_is_written_whole_or_not_at_all(journal: Journal) -> None:
    with pytest.raises(RuntimeError), journal.together():
        journal.cursors.move("work", "INBOX", Cursor(1, 5))
        mail = add(journal)
        journal.locations.add(mail, "work", INBOX)
        raise RuntimeError
    assert journal.cursors.get("work", "INBOX") is None
    assert journal.locations.known_uids("work", "INBOX", 1) == set()
    assert journal.mails.waiting("work", NOW) == []
    with journal.together():
        journal.locations.add(add(journal), "work", INBOX)
    assert journal.locations.known_uids("work", "INBOX", 1) == {5}


# --- cursors and locations -----------------------------------------------------------------------------------------


def test_a_cursor_never_goes_back_under_one_uidvalidity(journal: Journal) -> None:
    journal.cursors.move("work", "INBOX", Cursor(1, 5, NOW))
    journal.cursors.move("work", "INBOX", Cursor(1, 3, NOW + HOUR))
    journal.cursors.move("work", "INBOX", Cursor(1, 5, NOW + HOUR))
    found = journal.cursors.get("work", "INBOX")
    assert found == Cursor(1, 5) and found.moved == NOW
    journal.cursors.move("work", "INBOX", Cursor(2, 1, NOW + HOUR))
    assert journal.cursors.get("work", "INBOX") == Cursor(2, 1)


def test_a_cursor_belongs_to_one_account_mailbox_and_purpose(journal: Journal) -> None:
    journal.cursors.move("work", "Sent", Cursor(1, 9), "sent")
    assert journal.cursors.get("work", "Sent", "sent") == Cursor(1, 9)
    assert journal.cursors.get("work", "Sent") is None
    assert journal.cursors.get("home", "Sent", "sent") is None
    assert journal.cursors.any("work", "sent")
    assert not journal.cursors.any("work", "inbox")


def test_a_place_has_one_mail_and_a_mail_several_places(journal: Journal) -> None:
    first, second = add(journal), add(journal)
    journal.locations.add(first, "work", INBOX)
    journal.locations.add(second, "work", INBOX)
    journal.locations.add(second, "work", Location("Filed", 7, 9))
    assert journal.locations.of(first) == []
    assert journal.locations.of(second) == [Location("Filed", 7, 9), INBOX]
    assert journal.locations.known_uids("work", "INBOX", 1) == {5}
    assert journal.locations.known_uids("work", "INBOX", 2) == set()


def test_a_place_of_no_mail_is_refused(journal: Journal) -> None:
    """References hold."""
    with pytest.raises(Exception, match=r"damaged|no such mail"):
        journal.locations.add(99, "work", INBOX)


# --- failures ------------------------------------------------------------------------------------------------------


def test_a_failure_is_remembered_until_it_is_forgotten(journal: Journal) -> None:
    failures = journal.failures
    assert failures.attempts("work", INBOX) == 0
    failures.record("work", INBOX, "no body", 1, NOW)
    failures.record("work", INBOX, "no header", 2, NOW + HOUR)
    (found,) = failures.all("work")
    assert (found.location, found.error, found.attempts, found.next_try) == (
        INBOX,
        "no header",
        2,
        NOW + HOUR,
    )
    assert failures.attempts("work", INBOX) == 2
    assert failures.due("work", "INBOX", 1) == {5: NOW + HOUR}
    assert failures.due("work", "INBOX", 2) == {} == failures.due("home", "INBOX", 1)
    failures.forget("work", INBOX)
    assert failures.all("work") == []


def test_a_failure_that_is_given_up_is_not_due_until_it_is_wanted_again(journal: Journal) -> None:
    failures = journal.failures
    failures.record("work", INBOX, "x", 3, NOW)
    failures.give_up("work", INBOX, True)
    assert failures.due("work", "INBOX", 1) == {} and failures.given_up("work", "INBOX", 1) == {5}
    assert failures.given_up("work", "INBOX", 2) == set() == failures.given_up("home", "INBOX", 1)
    assert [f.given_up for f in failures.all("work")] == [True]
    failures.give_up("work", INBOX, False)
    assert failures.due("work", "INBOX", 1) == {5: NOW} and failures.given_up("work", "INBOX", 1) == set()
    failures.give_up("work", Location("INBOX", 1, 6), True)  # nothing is known of that one
    assert len(failures.all("work")) == 1


def test_failures_of_a_renumbered_mailbox_say_nothing_any_more(journal: Journal) -> None:
    journal.failures.record("work", INBOX, "x", 1, NOW)
    journal.failures.record("work", Location("INBOX", 2, 5), "x", 1, NOW)
    journal.failures.record("work", Location("Other", 1, 5), "x", 1, NOW)
    journal.failures.forget_renumbered("work", "INBOX", 2)
    left = [(f.location.mailbox, f.location.uidvalidity) for f in journal.failures.all("work")]
    assert left == [("INBOX", 2), ("Other", 1)]


# --- mails ---------------------------------------------------------------------------------------------------------


def test_times_come_back_aware_in_utc_and_mails_sorted_as_times(journal: Journal) -> None:
    """Written in each sender's own zone, so that the order of the texts is not the order of the moments."""
    tokyo, lima = timezone(timedelta(hours=9)), timezone(timedelta(hours=-5))
    late = add(journal, datetime(2026, 11, 20, 4, 0, tzinfo=lima))
    early = add(journal, datetime(2026, 11, 20, 17, 0, tzinfo=tokyo))
    between = add(journal, datetime(2026, 11, 20, 8, 30, 0, 1, tzinfo=UTC))
    found = journal.mails.waiting("work", NOW)
    assert [m.id for m in found] == [early, between, late]
    assert all(m.date.utcoffset() == timedelta(0) for m in found)
    assert found[0].date == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def test_a_mail_is_found_by_content_message_id_and_note(journal: Journal) -> None:
    id_ = add(journal, message_id="<a@x>", note="Email/2026/11/a_b%c.md")
    mails, row = journal.mails, journal.mails.get(id_)
    assert mails.by_content("work", row.sha256) == row
    assert mails.by_content("home", row.sha256) is None
    assert mails.by_message_id("<a@x>") == [row]
    assert mails.by_message_id("") == []
    assert mails.by_note(row.note) == row
    assert mails.named("a_b%c.md") == row == mails.named(row.note)
    assert mails.named("aXb%c.md") is None
    assert mails.named("b%c.md") is None
    assert row.stem == "a_b%c"
    add(journal, note="Other/a_b%c.md")
    assert mails.named("a_b%c.md") is None  # two have that name
    with pytest.raises(LookupError):
        mails.get(999)


def test_a_mail_waits_until_it_is_done_and_its_time_has_come(journal: Journal) -> None:
    mails = journal.mails
    id_ = add(journal)
    assert [m.id for m in mails.waiting("work", NOW)] == [id_]
    assert mails.waiting("home", NOW) == []
    mails.failed(id_, "model away", 2, NOW + HOUR)
    assert mails.waiting("work", NOW) == []
    assert [m.error for m in mails.failing("work")] == ["model away"]
    assert [m.id for m in mails.waiting("work", NOW + HOUR)] == [id_]
    mails.update(id_, stage="draft", disposition="reply", note_hash="new")
    row = mails.get(id_)
    assert (row.stage, row.disposition, row.note_hash, row.attempts, row.next_try, row.error) == (
        "draft", "reply", "new", 0, None, "",
    )  # fmt: skip
    assert mails.failing("work") == []
    mails.update(id_, stage="done", disposition="reply", note_hash="new")
    assert mails.waiting("work", NOW) == []
    assert [m.id for m in mails.done_since("work", NOW)] == [id_]
    assert mails.done_since("work", NOW + HOUR) == []


def test_a_mail_whose_draft_is_only_to_be_stored_does_not_wait(journal: Journal) -> None:
    id_ = add(journal)
    draft = intend(journal, id_)
    assert journal.mails.waiting("work", NOW) == []
    journal.drafts.mark(draft, "unknown", "gone")
    assert [m.id for m in journal.mails.waiting("work", NOW)] == [id_]


def test_asks_are_kept_in_their_order_and_replaced_whole(journal: Journal) -> None:
    id_ = add(journal)
    assert journal.mails.asks(id_) == ()
    asks = (Ask("question", "Which?"), Ask("request", "Send it.", ("price list", "Preisliste"), decides=True))
    journal.mails.set_asks(id_, asks)
    assert journal.mails.asks(id_) == asks
    journal.mails.set_asks(id_, asks[1:])
    assert journal.mails.asks(id_) == asks[1:]


def test_mails_are_counted_by_disposition(journal: Journal) -> None:
    for disposition in ("read", "read", "reply", ""):
        add(journal, disposition=disposition)
    add(journal, account="home", disposition="read")
    assert journal.mails.counts("work") == {"read": 2, "reply": 1, "": 1}


# --- drafts --------------------------------------------------------------------------------------------------------


def test_a_draft_goes_from_intent_to_stored_or_to_what_became_of_it(journal: Journal) -> None:
    id_ = add(journal)
    row = journal.drafts.add(draft_of(id_))
    assert (row.status, row.uid, row.why, row.created) == ("intent", 0, "", NOW)
    assert journal.drafts.due_intents("work", NOW) == [row]
    assert journal.drafts.due_intents("home", NOW) == []
    journal.drafts.redirect(row.id, "Entwürfe")
    journal.drafts.stored(row.id, 7, 12)
    (stored,) = journal.drafts.of(id_)
    assert (stored.status, stored.mailbox, stored.uidvalidity, stored.uid) == ("draft", "Entwürfe", 7, 12)
    journal.drafts.mark(row.id, "edited", "it was changed there")
    (marked,) = journal.drafts.of(id_)
    assert (marked.status, marked.why) == ("edited", "it was changed there")
    assert journal.drafts.due_intents("work", NOW) == []
    assert journal.drafts.counts("work") == {"edited": 1}


def test_an_intent_is_due_when_its_mail_is(journal: Journal) -> None:
    id_ = add(journal)
    draft = intend(journal, id_)
    assert [d.id for d in journal.drafts.due_intents("work", NOW)] == [draft]
    journal.mails.failed(id_, "refused", 1, NOW + HOUR)
    assert journal.drafts.due_intents("work", NOW) == []
    assert [d.id for d in journal.drafts.due_intents("work", NOW + HOUR)] == [draft]


def test_all_that_is_known_of_a_draft_is_saved(journal: Journal) -> None:
    row = journal.drafts.add(draft_of(add(journal)))
    full = replace(
        row, status="approved", why="w", note="N.md", note_hash="n", mailbox="M", uidvalidity=2, uid=3, sha256="s", ours=False,
        quote_lines=4, server_base="sb", note_base="nb", becomes="edited", ended_by="client", since=NOW, looks=2, approved="a",
        approved_at=NOW + HOUR, sent_at=NOW, todo="file", attempts=1, next_try=NOW, sent_mark=7, thread_note="T.md",
    )  # fmt: skip
    journal.drafts.save(full)
    assert journal.drafts.get(row.id) == full
    assert journal.drafts.of_note("N.md") == full
    assert journal.drafts.of_note("D.md") is None
    with pytest.raises(LookupError):
        journal.drafts.get(row.id + 1)


def test_an_approval_remembers_what_the_draft_was_before(journal: Journal) -> None:
    draft = intend(journal, add(journal))
    journal.drafts.mark(draft, "edited", "")
    journal.drafts.approve(draft, "hash", NOW)
    journal.drafts.approve(draft, "other", NOW + HOUR)
    row = journal.drafts.get(draft)
    assert (row.status, row.becomes, row.approved, row.approved_at) == (
        "approved",
        "edited",
        "other",
        NOW + HOUR,
    )


def test_a_draft_becomes_what_it_was_to_become_when_it_is_stored(journal: Journal) -> None:
    row = journal.drafts.add(replace(draft_of(add(journal)), becomes="edited"))
    journal.drafts.stored(row.id, 7, 12)
    assert journal.drafts.get(row.id).status == "edited"


def test_only_the_newest_draft_of_a_mail_is_watched_while_it_is_open(journal: Journal) -> None:
    id_, early = add(journal), NOW - HOUR
    first, second = intend(journal, id_, "<1@x>"), intend(journal, id_, "<2@x>")
    assert journal.drafts.watched("work", early) == []
    journal.drafts.stored(first, 7, 1)
    assert journal.drafts.replaced("work") == []
    journal.drafts.stored(second, 7, 2)
    assert [d.id for d in journal.drafts.watched("work", early)] == [second]
    assert [d.id for d in journal.drafts.replaced("work")] == [first]
    assert journal.drafts.watched("home", early) == []
    for status, ended_by, seen in (
        ("missing", "", True), ("unknown", "", True), ("sent", "", False), ("discarded", "user", False), ("discarded", "client", True),
    ):  # fmt: skip
        row = journal.drafts.get(second)
        journal.drafts.save(replace(row, status=status, ended_by=ended_by))  # type: ignore[arg-type]
        assert bool(journal.drafts.watched("work", early)) == seen
    assert journal.drafts.watched("work", NOW + HOUR) == []


def test_the_newest_draft_of_a_mail_has_ended_where_nothing_more_is_to_come(journal: Journal) -> None:
    id_, early = add(journal), NOW - HOUR
    first, second = intend(journal, id_, "<1@x>"), intend(journal, id_, "<2@x>")
    for each in (first, second):
        journal.drafts.mark(each, "superseded", "why")
    assert [d.id for d in journal.drafts.ended("work", early)] == [second]
    assert journal.drafts.ended("home", early) == journal.drafts.ended("work", NOW + HOUR) == []
    for status, ended_by, todo, over in (
        ("draft", "", "", False), ("intent", "", "", False), ("sent", "", "", True), ("sent", "", "file", False),
        ("answered", "", "", True), ("discarded", "user", "", True), ("discarded", "client", "", False),
    ):  # fmt: skip
        row = journal.drafts.get(second)
        journal.drafts.save(replace(row, status=status, ended_by=ended_by, todo=todo))  # type: ignore[arg-type]
        assert bool(journal.drafts.ended("work", early)) == over


def test_what_was_sent_is_counted_and_what_is_left_to_do_is_known(journal: Journal) -> None:
    draft = intend(journal, add(journal))
    journal.drafts.save(replace(journal.drafts.get(draft), status="sent", sent_at=NOW, todo="file remove"))
    assert [d.id for d in journal.drafts.unfinished("work")] == [draft]
    assert journal.drafts.unfinished("home") == []
    sent = journal.drafts.sent_between
    assert (sent("work", NOW, NOW), sent("work", NOW + HOUR, NOW + 2 * HOUR)) == (1, 0)
    assert sent("work", NOW - 2 * HOUR, NOW - HOUR) == sent("home", NOW, NOW) == 0
    assert journal.drafts.intended("work") == {"<d@x>"}
    journal.drafts.save(replace(journal.drafts.get(draft), todo=""))
    assert (journal.drafts.unfinished("work"), journal.drafts.intended("work")) == ([], set())


def test_a_draft_is_untouched_where_it_lies_as_it_was_stored(journal: Journal) -> None:
    draft = intend(journal, add(journal))
    assert journal.drafts.untouched("<d@x>", "Drafts", 5)
    journal.drafts.stored(draft, 7, 12)
    assert journal.drafts.untouched("<d@x>", "Drafts", 12)
    assert not journal.drafts.untouched("<d@x>", "Drafts", 13)
    assert not journal.drafts.untouched("<d@x>", "Trash", 12)
    journal.drafts.mark(draft, "edited", "")
    assert not journal.drafts.untouched("<d@x>", "Drafts", 12)


def test_answers_in_sent_are_found_by_what_they_answer_and_when_they_were_seen(journal: Journal) -> None:
    journal.sent.add("work", Location("Sent", 1, 1), "<a@me>", "<m@x>", NOW, ["Ana@x"])
    mark = journal.sent.newest_id()
    journal.sent.add("work", Location("Sent", 1, 2), "<b@me>", "<m@x>", NOW, ["bo@x"])
    ((row, to),) = journal.sent.answering("work", "<m@x>", mark)
    assert (row.message_id, to) == ("<b@me>", frozenset({"bo@x"}))
    assert journal.sent.answering("work", "", 0) == journal.sent.answering("home", "<m@x>", 0) == []
    assert [r.location.uid for r in journal.sent.with_id("work", "<a@me>")] == [1]
    assert journal.sent.with_id("work", "") == []


def test_every_mail_and_draft_of_an_account_is_listed(journal: Journal) -> None:
    first, second = add(journal, account="work"), add(journal, account="home")
    assert [m.id for m in journal.mails.of_account("work")] == [first]
    assert journal.mails.known() == {journal.mails.get(m).sha256: 1 for m in (first, second)}
    drafts = [intend(journal, first, "<d1@x>"), intend(journal, first, "<d2@x>")]
    intend(journal, second, "<d3@x>")
    assert [d.id for d in journal.drafts.of_account("work")] == drafts


def test_a_draft_is_leaving_until_it_has_left(journal: Journal) -> None:
    row = journal.drafts.add(draft_of(add(journal)))
    assert not journal.drafts.leaving(row.id)
    journal.drafts.leave(row.id, True)
    journal.drafts.save(row)  # says nothing of it
    assert journal.drafts.leaving(row.id)
    journal.drafts.leave(row.id, False)
    assert not journal.drafts.leaving(row.id) and journal.drafts.get(row.id) == row


def test_drafts_of_a_mail_come_oldest_first(journal: Journal) -> None:
    id_ = add(journal)
    first, second = intend(journal, id_, "<1@x>"), intend(journal, id_, "<2@x>")
    assert [d.id for d in journal.drafts.of(id_)] == [first, second]


# --- sent ----------------------------------------------------------------------------------------------------------


def sent(journal: Journal, uid: int, to: str, date: datetime | None = NOW, parent: str = "") -> None:
    at = Location("Sent", 1, uid)
    journal.sent.add("work", at, f"<{uid}@me>", parent, date, [to])


def test_what_was_written_to_whom_is_counted_without_case_and_before_a_moment(journal: Journal) -> None:
    sent(journal, 1, "Ana@Acme.example")
    sent(journal, 1, "again@acme.example")  # known: nothing changes
    sent(journal, 2, "ana@acme.example", NOW + HOUR)
    sent(journal, 3, "ana@acme.example", None)
    assert journal.sent.written_to("ANA@acme.example") == 3
    assert journal.sent.written_to("ana@acme.example", NOW + HOUR) == 1
    assert journal.sent.written_to("again@acme.example") == 0


def test_a_mail_to_a_colleague_is_known_by_its_domain(journal: Journal) -> None:
    sent(journal, 1, "bo@acme.example")
    wrote = journal.sent.wrote_to_domain
    assert wrote(["<1@me>"], "ACME.example")
    assert not wrote(["<1@me>"], "cme.example")
    assert not wrote(["<1@me>"], "%")
    assert not wrote(["<2@me>", ""], "acme.example")
    assert not wrote([], "acme.example")
    assert not wrote(["<1@me>"], "acme.example", NOW)


def test_answers_are_known_by_what_they_answer(journal: Journal) -> None:
    sent(journal, 1, "a@x", parent="<p@x>")
    assert journal.sent.answered("<p@x>")
    assert not journal.sent.answered("<q@x>")
    assert not journal.sent.answered("")


def test_the_newest_mails_come_first_and_those_without_a_date_last(journal: Journal) -> None:
    sent(journal, 1, "a@x", NOW)
    sent(journal, 2, "b@x", None)
    sent(journal, 3, "a@x", NOW + HOUR)
    newest = journal.sent.newest
    assert [r.location.uid for r in newest("work")] == [3, 1, 2]
    assert [r.location.uid for r in newest("work", "A@x")] == [3, 1]
    assert [r.location.uid for r in newest("work", limit=1)] == [3]
    assert [r.location.uid for r in newest("work", before=NOW + HOUR)] == [1]
    assert newest("home") == []


def test_a_renumbered_sent_is_forgotten_whole(journal: Journal) -> None:
    sent(journal, 1, "a@x")
    journal.sent.forget("work", "Sent")
    assert journal.sent.newest("work") == []
    assert journal.sent.written_to("a@x") == 0


# --- the rest ------------------------------------------------------------------------------------------------------


def test_the_last_corrections_of_a_sender_come_newest_first(journal: Journal) -> None:
    first, second, third = add(journal), add(journal), add(journal)
    journal.corrections.add(first, "A@x", "read", NOW)
    journal.corrections.add(second, "a@x", "ignore", NOW + HOUR)
    journal.corrections.add(third, "b@x", "reply", NOW)
    assert journal.corrections.last("a@X", 9) == ["ignore", "read"]
    assert journal.corrections.last("a@x", 1) == ["ignore"]
    journal.corrections.add(first, "a@x", "reply", NOW + 2 * HOUR)
    assert journal.corrections.last("a@x", 9) == ["reply", "ignore"]


def test_strangers_are_forgotten_when_met_and_in_time(journal: Journal) -> None:
    first, second = add(journal), add(journal)
    journal.strangers.add(first, "work", NOW, "A@x", ["<1@me>", "<2@me>"])
    journal.strangers.add(first, "work", NOW, "other@x", [])  # known: nothing changes
    journal.strangers.add(second, "work", NOW + HOUR, "b@x", [])
    found = journal.strangers.all("work")
    assert [(s.mail_id, s.address, s.parents) for s in found] == [
        (first, "a@x", ("<1@me>", "<2@me>")), (second, "b@x", ()),
    ]  # fmt: skip
    journal.strangers.forget_before(NOW + HOUR)
    assert [s.mail_id for s in journal.strangers.all("work")] == [second]
    journal.strangers.met([second])
    assert journal.strangers.all("work") == []


def test_costs_add_up_by_time_and_by_model(journal: Journal) -> None:
    journal.costs.add("work", "draft", "large", 100, 20, NOW, 0.5)
    journal.costs.add("work", "draft", "large", 50, 10, NOW + HOUR, 0.25)
    journal.costs.add("home", "triage", "small", 7, 1, NOW + HOUR)
    assert journal.costs.since(NOW) == (188, 0.75)
    assert journal.costs.since(NOW + HOUR) == (68, 0.25)
    (usage,) = journal.costs.usage("work", NOW)
    assert (usage.purpose, usage.model, usage.calls, usage.tokens_in, usage.tokens_out) == (
        "draft", "large", 2, 150, 30,
    )  # fmt: skip


def test_a_pause_is_over_at_its_time(journal: Journal) -> None:
    journal.pauses.set("work", NOW + HOUR, "busy")
    journal.pauses.set("work", NOW + 2 * HOUR, "still busy")
    found = journal.pauses.active("work", NOW)
    assert found and (found.until, found.reason) == (NOW + 2 * HOUR, "still busy")
    assert journal.pauses.active("work", NOW + 2 * HOUR) is None
    assert journal.pauses.active("home", NOW) is None


# --- what a wrong clock has left, and what the spool is asked about -------------------------------------------------


def test_a_time_that_is_more_than_a_day_off_keeps_nothing_waiting(journal: Journal) -> None:
    """A clock that was wrong has set it."""
    id_ = add(journal)
    journal.mails.failed(id_, "busy", 1, NOW + 24 * HOUR)
    assert journal.mails.waiting("work", NOW) == []
    journal.mails.failed(id_, "busy", 1, NOW + 25 * HOUR)
    assert [m.id for m in journal.mails.waiting("work", NOW)] == [id_]
    intend(journal, id_)
    assert [d.mail_id for d in journal.drafts.due_intents("work", NOW)] == [id_]
    journal.pauses.set("work", NOW + 25 * HOUR, "busy")
    assert journal.pauses.active("work", NOW) is None


def test_mails_that_were_kept_in_the_future_are_found_until_they_are_put_right(journal: Journal) -> None:
    now, then = [
        journal.mails.add("work", f"<{n}@x>", f"kept{n}", f"{n}.md", "h", NOW, "done", "read", NOW + n * HOUR)
        for n in (0, 5)
    ]
    add(journal)  # of an earlier version: nobody knows when
    assert [m.id for m in journal.mails.kept_after("work", NOW)] == [then]
    assert journal.mails.kept_after("home", NOW) == []
    journal.mails.kept_now(then, NOW)
    assert journal.mails.kept_after("work", NOW) == []
    assert [m.id for m in journal.mails.kept_after("work", NOW - HOUR)] == [now, then]


def test_what_is_not_done_with_is_known_whenever_it_may_be_tried(journal: Journal) -> None:
    waiting, done = add(journal), add(journal, stage="done")
    journal.mails.failed(waiting, "busy", 1, NOW + HOUR)
    assert journal.mails.unfinished("work") == {journal.mails.get(waiting).sha256}
    assert journal.mails.unfinished("home") == set()
    draft = intend(journal, waiting)
    other = intend(journal, done, "<other@x>")
    journal.drafts.stored(other, 7, 1)
    assert journal.drafts.intended("work") == {"<d@x>"}
    assert journal.drafts.intended("home") == set()
    assert journal.drafts.known("<other@x>")
    assert not journal.drafts.known("<nobody@x>")
    journal.drafts.stored(draft, 7, 2)
    assert journal.drafts.intended("work") == set()


def test_what_lies_in_sent_is_known_by_uid_and_message_id(journal: Journal) -> None:
    sent(journal, 1, "a@x")
    sent(journal, 2, "b@x")
    assert journal.sent.lying("work", "Sent") == {(1, "<1@me>"), (2, "<2@me>")}
    assert journal.sent.lying("work", "Archive") == set()
    assert journal.sent.lying("home", "Sent") == set()
