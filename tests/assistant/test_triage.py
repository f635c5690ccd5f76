"""Which mails want an answer, by facts and without a model."""

from __future__ import annotations

import pytest

from mailbot.assistant.asks import asks, sentences
from mailbot.assistant.triage import Circumstances, Triage, detected, facts
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from tests.conftest import mail

OWN = frozenset({"jo@example.com"})


def judge(raw: bytes, **known: bool) -> Triage | None:
    message = parse(raw)
    return facts(message, split(message), Circumstances(OWN, **known))


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
    triage = judge(raw)
    assert triage is not None
    assert triage.disposition in ("read", "ignore")
    assert triage.decided_by == "fact"
    assert reason.casefold() in triage.reason.casefold()


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
    assert judge(raw) is None


def test_what_is_answered_is_done() -> None:
    for known in ({"answered": True}, {"drafted_by_user": True}):
        triage = judge(mail(), **known)
        assert triage is not None and triage.disposition == "read"


@pytest.mark.parametrize(
    "text",
    [
        "Which erasure coding did you use?", "Could you send me the numbers by Friday.", "Please let me know what you think.", "Can we move the meeting to Monday?", "I need your approval for the offer.",
        "Let me know when you are back.", "Kannst du mir die Zahlen schicken?", "Könnten Sie uns bitte das Angebot zusenden.", "Pourriez-vous confirmer la date.", "¿Puedes enviarme el contrato?",
        "Potresti mandarmi i dati.", "Kun je mij de cijfers sturen?", "Пришлите, пожалуйста, договор.", "資料を送っていただけますか。", "请确认一下时间。", "회의 시간을 알려 주세요.", "Send me the report when it is done.",
    ],
)  # fmt: skip
def test_questions_and_requests_are_found(text: str) -> None:
    assert asks(f"Hi Jo,\n\nnice to hear from you. {text}\n\nAna"), text


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, that was all I needed.", "See you on Monday.", "Please find attached the report.", "I have sent the numbers to Louis.", "Click here to unsubscribe.", "Have a nice weekend!",
        "Please do not reply to this message.", "The meeting was moved to Tuesday.", "Vielen Dank, das passt.", "Merci beaucoup, à lundi.", "If you have any questions, feel free to contact us.",
        "Please consider the environment before printing this mail.",
    ],
)  # fmt: skip
def test_statements_thanks_and_pitches_ask_nothing(text: str) -> None:
    assert asks(text) == []


def test_sentences_end_at_list_items_and_survive_abbreviations() -> None:
    assert list(sentences("Two things:\n\n1. Dr. Who\nasks this?\n2. And that, e.g. now?")) == [
        "Two things:",
        "Dr. Who asks this?",
        "And that, e.g. now?",
    ]


def test_only_the_newest_text_counts() -> None:
    message = parse(
        mail("Thanks!\n\nOn Fri, 20 Nov 2026 at 09:15, Jo <jo@example.com> wrote:\n> Can you come?\n")
    )
    assert detected(split(message)).disposition == "read"


def test_advertising_is_ignored() -> None:
    message = parse(mail("Can you believe our prices? Act now and save up to 70%! Click here."))
    assert detected(split(message)).disposition == "ignore"
