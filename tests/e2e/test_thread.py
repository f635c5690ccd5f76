"""A thread gets one answer: what was answered, begun or asked again in it counts for the mails before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailbot.sync.commands.redraft import redraft
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, Report
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot

Once = Callable[..., Report]
IN_THREAD = "In-Reply-To: <m1@acme.example>\nReferences: <m1@acme.example>\n"


@pytest.fixture
def run(dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings) -> Once:
    def once(options: Options | None = None) -> Report:
        settings = make_settings(dovecot.port, user, llm=model.url)
        (report,) = fetch_all(settings, options or Options())
        assert (report.error, report.failed) == ("", [])
        return report

    return once


def test_an_answer_to_a_later_mail_answers_the_earlier(run: Once, dovecot: Dovecot, user: str) -> None:
    answer = mail("Here.", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<a@jo>",
                  headers="In-Reply-To: <m2@acme.example>\nReferences: <m1@acme.example> <m2@acme.example>\n")  # fmt: skip
    dovecot.deliver(user, answer, mailbox="Sent")
    # Later, though its hour is smaller: it was written in another zone.
    news = mail("Any news?", to=user, message_id="<m2@acme.example>", headers=IN_THREAD)
    dovecot.deliver(user, mail(to=user), news.replace(b"09:15:00 +0100", b"08:30:00 +0000"))
    assert run().drafts == []


def test_an_answer_that_was_begun_is_left_to_the_user(run: Once, dovecot: Dovecot, user: str) -> None:
    begun = mail("Re", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<d@jo>", headers=IN_THREAD)
    dovecot.deliver(user, begun.replace(b"20 Nov 2026", b"22 Nov 2026"), mailbox="Drafts")
    dovecot.deliver(user, mail(to=user, message_id="<m2@acme.example>", headers=IN_THREAD))
    assert run().drafts == []


def test_of_two_mails_of_one_author_the_last_is_answered_with_what_both_ask(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer, vault: Path
) -> None:
    follow_up = mail("And until when?", to=user, message_id="<m2@acme.example>", headers=IN_THREAD)
    model.answer = lambda r: (
        {
            **TRIAGE,
            "asks": [
                {"kind": "question", "text": text}
                for said, text in (("erasure coding", "Which coding?"), ("And until", "Until when?"))
                if said in r["messages"][1]["content"]
            ],
        }
        if is_triage(r)
        else {"reply": "Hi Ana,\n\nsoon.\n\nJo", "reasoning": "", "taken_up": [2]}
    )
    dovecot.deliver(user, mail(to=user), follow_up)
    (draft,) = run().drafts
    assert "your answer to “Which coding?”" in (vault / draft).read_text(encoding="utf-8")
    assert len(dovecot.messages(user, "Drafts")) == 1
    reasons = {
        notes.read(p.read_text(encoding="utf-8")).properties["reason"]
        for p in (vault / "Email" / "2026").rglob("*.md")
    }
    assert "A later mail in the thread is answered instead" in reasons


def test_what_a_model_found_asked_is_remembered_for_a_later_run(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer
) -> None:
    dovecot.deliver(user, mail("Need the numbers by noon, and the total.", to=user))
    model.answer = lambda r: (
        {**TRIAGE, "asks": [{"kind": "request", "text": "the invoice total"}]}
        if is_triage(r)
        else {"reply": "Hi Ana,\n\nsoon.\n\nJo", "reasoning": ""}
    )
    assert run(Options(max_drafts=0)).drafts == []
    assert len(run().drafts) == 1
    assert "the invoice total" in model.requests[-1]["messages"][1]["content"]
    assert sum(map(is_triage, model.requests)) == 1


def test_a_mail_of_ones_own_goes_on_to_those_it_went_to(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings
) -> None:
    dovecot.deliver(
        user,
        mail(
            "Hi Ana, can you send it?",
            sender=f"Jo <{user}>",
            to="Ana <ana@acme.example>",
            message_id="<own@jo>",
        ),
    )
    run()
    redraft(make_settings(dovecot.port, user, llm=model.url), "<own@jo>")
    (made,) = dovecot.messages(user, "Drafts").values()
    assert b"To: Ana <ana@acme.example>" in made


def test_what_the_detector_finds_counts_where_the_model_names_nothing(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer
) -> None:
    dovecot.deliver(user, mail("Could you send me the plan?", to=user))
    model.answer = lambda r: (
        {**TRIAGE, "asks": []} if is_triage(r) else {"reply": "Hi Ana,\n\nsoon.\n\nJo", "reasoning": ""}
    )
    run()
    assert "1. Could you send me the plan?" in model.requests[-1]["messages"][1]["content"]


def test_a_draft_note_names_its_mail(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    (draft,) = run().drafts
    settings = make_settings(dovecot.port, user, llm=model.url)
    for which in (draft, str(vault / draft), Path(draft).name, Path(draft).stem):
        assert redraft(settings, which).drafts


def test_a_reply_without_a_signature_ends_with_the_users_name(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings
) -> None:
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(
        make_settings(dovecot.port, user, llm=model.url, account={"signature": ""}), Options()
    )
    assert report.drafts
    (made,) = dovecot.messages(user, "Drafts").values()
    own = made.decode().split("wrote:")[0]
    assert "Best regards\r\nJo Vermeer\r\n" in own


def test_what_a_later_mail_takes_back_is_not_drafted(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer, vault: Path
) -> None:
    """The first mail waits for its draft when the second comes: both are judged together, by the second."""
    dovecot.deliver(user, mail(to=user))
    assert run(Options(max_drafts=0)).drafts == []
    taken_back = mail("Never mind, found it.", to=user, message_id="<m2@acme.example>", headers=IN_THREAD)
    dovecot.deliver(user, taken_back.replace(b"20 Nov 2026", b"21 Nov 2026"))
    model.answer = lambda _: {**TRIAGE, "disposition": "read", "reason": "Taken back", "asks": []}
    assert run().drafts == []
    asked = model.requests[-1]["messages"][1]["content"]
    assert asked.index("Never mind") < asked.index("still open:") < asked.index("erasure coding")
    said = {
        notes.read(p.read_text(encoding="utf-8")).properties["reason"]
        for p in (vault / "Email" / "2026").rglob("*.md")
    }
    assert said == {"Taken back", "Its author has settled it in a later mail"}


def test_while_the_last_mail_cannot_be_judged_the_earlier_waits_too(
    run: Once,
    dovecot: Dovecot,
    user: str,
    model: ModelServer,
    make_settings: MakeSettings,
) -> None:
    dovecot.deliver(user, mail(to=user))
    run(Options(max_drafts=0))
    taken_back = mail("Never mind, found it.", to=user, message_id="<m2@acme.example>", headers=IN_THREAD)
    dovecot.deliver(user, taken_back.replace(b"20 Nov 2026", b"21 Nov 2026"))
    model.answer = lambda _: "no JSON"
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert (report.drafts, len(report.failed)) == ([], 1)
    assert dovecot.messages(user, "Drafts") == {}
    assert all(map(is_triage, model.requests)), "no draft was asked for"


def test_of_a_flood_in_one_thread_nothing_is_left_for_a_draft_of_its_own(
    run: Once, dovecot: Dovecot, user: str, model: ModelServer
) -> None:
    """More mails than the model is shown: all of them share the verdict, and a later run drafts none of them."""
    every = [
        mail(
            f"Question {n}, could you tell me?", to=user, message_id=f"<f{n}@acme.example>", headers=IN_THREAD
        )
        for n in range(12)
    ]
    dovecot.deliver(user, *every)
    assert len(run().drafts) == 1
    assert sum(map(is_triage, model.requests)) == 1
    assert run().drafts == []
    assert sum(map(is_triage, model.requests)) == 1
    assert len(dovecot.messages(user, "Drafts")) == 1
