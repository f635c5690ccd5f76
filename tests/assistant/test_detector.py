"""What a mail asks, without a model."""

from __future__ import annotations

import pytest

from mailbot.assistant.asks import asks, sentences
from mailbot.assistant.detector import detected
from mailbot.mail.mail import read_mail
from tests.conftest import mail


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
    found = read_mail(
        mail("Thanks!\n\nOn Fri, 20 Nov 2026 at 09:15, Jo <jo@example.com> wrote:\n> Can you come?\n")
    )
    assert detected(found).disposition == "read"


def test_advertising_is_ignored() -> None:
    found = read_mail(mail("Can you believe our prices? Act now and save up to 70%! Click here."))
    assert detected(found).disposition == "ignore"
