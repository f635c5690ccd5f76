"""The smaller decisions: the user's word, one answer a thread, who reads it, what goes out, when to try again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.message import Address, MessageId
from mailbot.settings import Account, Secret, Server, Settings, TriageRules
from mailbot.sync.decide.audience import context_tokens, recipients, scope_of
from mailbot.sync.decide.disposition import Word
from mailbot.sync.decide.outgoing import outgoing, signed
from mailbot.sync.decide.retry import backoff
from mailbot.sync.decide.sender_rule import sender_rule
from mailbot.sync.decide.thread import EARLIER, Conversation, Wanting, conversations, one_per_thread
from mailbot.sync.decide.users_word import SAID, users_word
from mailbot.sync.memory.rows import MailRow
from mailbot.vault.verdict import Ask, Verdict
from tests.conftest import mail

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ANA = Address("Ana Ruiz", "ana@acme.example")


def row(stage: Any = "triage", disposition: str = "") -> MailRow:
    return MailRow(1, "work", "<m@x>", "sha", "Email/m.md", "h", NOW, stage, disposition)


def settings(reply_all: str = "auto", **account: Any) -> Settings:
    of = Account(
        name="work",
        address="jo@example.com",
        display_name="Jo Vermeer",
        imap=Server(host="127.0.0.1", port=143, security="none"),
        password=Secret(env="X"),
        **account,
    )
    return Settings(vault=Path("/vault"), drafts={"reply_all": reply_all}, accounts=(of,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stage", "ours", "properties", "said"),
    [
        ("triage", "", {"disposition": "", "decided_by": ""}, None),
        ("triage", "", {"disposition": "reply", "decided_by": ""}, "reply"),
        ("triage", "", {"disposition": "read", "decided_by": "model"}, None),
        ("draft", "reply", {"disposition": "reply", "decided_by": "model"}, None),
        ("draft", "reply", {"disposition": "ignore", "decided_by": "model"}, "ignore"),
        ("draft", "read", {"disposition": "reply"}, "reply"),
        ("draft", "reply", {"disposition": "nonsense"}, None),
        ("draft", "reply", {}, None),
    ],
)
def test_a_changed_disposition_is_the_users_word(
    stage: str, ours: str, properties: dict[str, str], said: str | None
) -> None:
    assert users_word(row(stage, ours), properties) == (Word(said, SAID) if said else None)


@pytest.mark.parametrize(
    ("notes", "rules", "corrections", "word"),
    [
        ([("", "")], {}, [], None),
        ([("never", "P.md")], {}, [], "never"),
        ([("always", "P.md")], {}, [], "always"),
        ([("always", "P.md"), ("never", "Q.md")], {}, [], "never"),
        ([("", ""), ("always", "Q.md")], {}, [], None),
        ([("", ""), ("never", "Q.md")], {}, [], "never"),
        ([("sometimes", "P.md")], {}, [], None),
        ([("always", "P.md")], {"never": ("acme.example",)}, [], "always"),
        ([], {"never": ("acme.example",)}, [], "never"),
        ([], {"never": ("acme.example",), "always": ("ana@acme.example",)}, [], "always"),
        ([], {}, ["read", "read", "read"], "read"),
        ([], {}, ["read", "read"], None),
        ([], {}, ["read", "ignore", "read"], None),
        ([], {"always": ("ana@acme.example",)}, ["read", "read", "read"], "always"),
    ],
)
def test_the_word_on_a_sender(
    notes: Any, rules: dict[str, Any], corrections: list[str], word: str | None
) -> None:
    """A person note, then accounts.yaml, then three corrections of one kind; a `never` counts wherever it stands."""
    found = sender_rule(ANA, notes, TriageRules(**rules), corrections)
    assert (found.word if found else None) == word
    assert not found or found.where


def wanting(
    mail_id: int, asks: str, *, by: str = "model", sender: str = "ana@acme.example", thread: str = "<t@x>"
) -> Wanting:
    raw = mail(sender=sender, message_id=f"<{mail_id}@x>", headers=f"References: {thread}\n")
    verdict = Verdict("reply", by, "x", asks=tuple(Ask("question", a) for a in asks))  # type: ignore[arg-type]
    return Wanting(mail_id, read_mail(raw), verdict)


def test_of_one_thread_and_author_the_last_is_answered_with_what_all_ask() -> None:
    found = one_per_thread([wanting(1, "a"), wanting(2, "b"), wanting(3, "ca")])
    assert [w.mail_id for w in found.answered] == [3]
    assert [a.text for a in found.answered[0].verdict.asks] == ["a", "b", "c"]
    assert [w.mail_id for w in found.superseded] == [1, 2]


def test_other_authors_and_other_threads_have_answers_of_their_own() -> None:
    found = one_per_thread([wanting(1, "a"), wanting(2, "b", sender="bo@x"), wanting(3, "c", thread="<u@x>")])
    assert [w.mail_id for w in found.answered] == [1, 2, 3]
    assert found.superseded == ()


def test_where_the_user_said_so_of_each_each_is_answered() -> None:
    found = one_per_thread([wanting(1, "a", by="user"), wanting(2, "b", by="user"), wanting(3, "c")])
    assert [w.mail_id for w in found.answered] == [1, 2, 3]


def ids(found: list[Conversation]) -> list[tuple[int, list[int]]]:
    return [(c.last.mail_id, [e.mail_id for e in c.earlier]) for c in found]


def on_day(day: int, number: int, *, by: str = "model", sender: str = "ana@acme.example") -> Wanting:
    made = wanting(number, "", by=by, sender=sender)
    message = replace(made.mail.message, date=datetime(2026, 11, day, 9, tzinfo=UTC))
    return replace(made, mail=replace(made.mail, message=message))


def test_the_open_mails_of_one_author_in_a_thread_are_judged_together() -> None:
    other, elsewhere = wanting(3, "", sender="bo@x"), wanting(4, "", thread="<u@x>")
    found = conversations([wanting(1, ""), wanting(2, ""), other, elsewhere], [])
    assert ids(found) == [(2, [1]), (3, []), (4, [])]


def test_what_waits_for_its_draft_is_judged_again_with_a_later_mail() -> None:
    assert ids(conversations([on_day(9, 3)], [on_day(7, 1)])) == [(3, [1])]
    assert ids(conversations([on_day(9, 3), on_day(10, 4)], [on_day(7, 1)])) == [(4, [1, 3])]


def test_what_the_user_decided_or_was_sent_later_is_not_judged_again() -> None:
    assert ids(conversations([on_day(9, 3)], [on_day(7, 1, by="user")])) == [(3, [])]
    assert ids(conversations([on_day(9, 3)], [on_day(11, 1)])) == [(3, [])]
    assert ids(conversations([on_day(9, 3)], [on_day(7, 1, sender="bo@x")])) == [(3, [])]


def test_of_many_earlier_mails_the_newest_are_shown_and_all_share_the_verdict() -> None:
    (found,) = conversations([wanting(n, "") for n in range(1, EARLIER + 4)], [])
    assert ids([found]) == [(EARLIER + 3, list(range(1, EARLIER + 3)))]
    assert [e.mail_id for e in found.shown] == list(range(3, EARLIER + 3))


@pytest.mark.parametrize(
    ("rule", "to", "cc"),
    [("auto", 1, 1), ("always", 1, 1), ("never", 1, 0)],
)
def test_who_reads_the_answer(rule: str, to: int, cc: int) -> None:
    message = read_mail(mail(to="jo@example.com, bo@acme.example")).message
    found = recipients(settings(rule), message)
    assert (len(found[0]), len(found[1])) == (to, cc)
    assert all(a.key != "jo@example.com" for part in found for a in part)


def test_the_scope_leaves_out_drafts_the_style_note_and_what_is_excluded() -> None:
    of = settings()
    scope = scope_of(
        of, read_mail(mail()).message, frozenset({"ana@acme.example"}), own_note="Email/m.md", until=NOW
    )
    assert [a.key for a in scope.readers] == ["ana@acme.example"]
    assert scope.left_out == ("Email/Drafts", "Mailbot/Style.md")
    assert (scope.own_note, scope.until, scope.strangers) == ("Email/m.md", NOW, {"ana@acme.example"})
    assert context_tokens(None) == 6000 == context_tokens(of)


def reply(found: Mail, text: str = "8+3.", **account: Any) -> Any:
    of = settings(**account)
    return outgoing(of, of.accounts[0], found, text, MessageId("<d@example.com>"), NOW)


def test_everything_but_the_text_comes_from_the_mail_and_the_settings() -> None:
    found = reply(read_mail(mail(headers="References: <r@x>\n")))
    assert [str(a) for a in found.to] == ["Ana Ruiz <ana@acme.example>"]
    assert (found.subject, found.in_reply_to) == ("Re: Storage", "<m1@acme.example>")
    assert found.references == ("<r@x>", "<m1@acme.example>")
    assert found.body.startswith("8+3.\nJo Vermeer\n")
    assert "> which erasure coding did you use?" in found.body


def test_a_signature_takes_the_place_of_the_name() -> None:
    assert reply(read_mail(mail()), signature="Jo\nAcme").body.startswith("8+3.\n\nJo\nAcme\n")


@pytest.mark.parametrize("kind", ["multipart/signed", "multipart/encrypted"])
def test_what_is_signed_or_encrypted_is_not_quoted(kind: str) -> None:
    raw = (
        f"From: a@b.c\nMessage-ID: <1@x>\nContent-Type: {kind}; boundary=x\n\n--x\n\nsecret\n--x--\n".encode()
    )
    assert "secret" not in reply(read_mail(raw)).body


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Yes.", "Jo Vermeer", "Yes.\nJo Vermeer"),
        ("Yes.\n\nBest,\nJo", "Jo Vermeer", "Yes.\n\nBest,\nJo"),
        ("Yes.", "", "Yes."),
        ("Yes.\n\n", "Jo", "Yes.\nJo"),
    ],
)
def test_a_reply_without_a_signature_ends_with_the_users_name(text: str, name: str, expected: str) -> None:
    assert signed(text, name) == expected


def test_waits_grow_to_a_day_and_the_first_is_none() -> None:
    waits = [backoff(n) for n in range(1, 9)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(0), timedelta(days=1))
    assert backoff(0) == timedelta(0)
