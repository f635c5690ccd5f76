"""A newer mail comes into a thread that has a draft: one answer, nothing of the user's touched, nothing asked that was taken back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from mailbot.sync import pipeline
from mailbot.sync.memory.drafts import SqliteDrafts
from mailbot.sync.session.report import Options
from tests.conftest import mail
from tests.e2e.life.desk import SOURCE, Desk
from tests.e2e.life.test_notice import add_line, settled
from tests.servers.mail_clients import Neomutt, Thunderbird
from tests.servers.model import DRAFT, TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot
THREAD = f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n"


def follow_up(desk: Desk, text: str = "And which disks did you use?", **more: Any) -> None:
    newer = mail(text, to=desk.user, message_id="<m2@acme.example>", headers=THREAD, **more)
    desk.dovecot.deliver(desk.user, newer.replace(b"20 Nov", b"21 Nov"))


def mail_note(desk: Desk, word: str) -> str:
    (found,) = [
        p for p in (desk.vault / "Email" / "2026").rglob("*.md") if word in p.read_text(encoding="utf-8")
    ]
    return str(found.relative_to(desk.vault))


@pytest.mark.parametrize("command", ["fetch", "sync"])
def test_one_draft_for_the_newer_mail_with_what_both_ask(desk: Desk, command: str) -> None:
    old = desk.drafted()
    follow_up(desk)
    (new,) = getattr(desk, command)().drafts
    ((_, raw),) = desk.drafts().items()
    assert b"In-Reply-To: <m2@acme.example>" in raw
    assert "erasure coding" in desk.text(new).split("## AI Reasoning")[0]
    assert "disks" in desk.text(new).split("## AI Reasoning")[0]
    assert desk.status(old) == "superseded"
    assert f"[[{new.removesuffix('.md')}]]" in desk.read(old).history[-1]
    assert desk.property(mail_note(desk, "which erasure coding did you use?\n\nAna"), "disposition") == "read"
    settled(desk)


@pytest.mark.parametrize("how", ["client", "note", "writing"])
def test_a_draft_that_was_touched_stays_and_both_notes_say_that_there_is_more(desk: Desk, how: str) -> None:
    old = desk.drafted()
    if how == "client":
        desk.client(Thunderbird).save(add_line)
    elif how == "note":
        desk.edit(old, "Best regards", "It was 8+3.\n\nBest regards")
    else:
        desk.client(Neomutt).recall()
    follow_up(desk)
    assert desk.fetch().drafts == []
    assert len(desk.drafts()) == (0 if how == "writing" else 1)
    newer = mail_note(desk, "which disks")
    assert desk.status(old) == ("missing" if how == "writing" else "edited")
    assert "there may be more to answer" in desk.read(old).history[-1]
    assert newer.removesuffix(".md") in desk.read(old).history[-1]
    assert desk.property(newer, "reason") == "You have already started an answer"
    assert desk.property(newer, "draft") == f"[[{old.removesuffix('.md')}]]"
    desk.sync()
    settled(desk)


def test_the_author_took_it_back(modelled: Desk, model: ModelServer) -> None:
    old = modelled.drafted()
    model.answer = lambda r: (
        {**TRIAGE, "disposition": "read", "reason": "Taken back", "asks": []} if is_triage(r) else DRAFT
    )
    follow_up(modelled, "Never mind, I found it.")
    assert modelled.fetch().drafts == []
    assert "which erasure coding did you use?" in model.requests[-1]["messages"][1]["content"]
    assert (modelled.status(old), modelled.drafts()) == ("superseded", {})
    assert "settled it in a later mail" in modelled.read(old).history[-1]
    settled(modelled)


def test_a_colleague_answered_all(modelled: Desk, model: ModelServer) -> None:
    old = modelled.drafted()
    model.answer = lambda r: (
        {**TRIAGE, "disposition": "read", "reason": "An answer", "asks": [], "settles": True}
        if is_triage(r)
        else DRAFT
    )
    follow_up(modelled, "Hi Ana, it was 8+3 in every run.", sender="Bo <bo@example.com>")
    modelled.fetch()
    assert (modelled.status(old), modelled.drafts()) == ("superseded", {})
    assert "answered it for you" in modelled.read(old).history[-1]
    settled(modelled)


def test_another_mail_of_a_colleague_changes_nothing(modelled: Desk, model: ModelServer) -> None:
    old = modelled.drafted()
    model.answer = lambda r: (
        {**TRIAGE, "disposition": "read", "reason": "FYI", "asks": []} if is_triage(r) else DRAFT
    )
    follow_up(modelled, "Interesting question, I would like to know too.", sender="Bo <bo@example.com>")
    modelled.fetch()
    assert (modelled.status(old), len(modelled.drafts())) == ("draft", 1)


def test_a_model_that_fails_takes_nothing_away(modelled: Desk, model: ModelServer) -> None:
    old = modelled.drafted()
    model.answer = lambda r: (500, {}, "no")
    follow_up(modelled)
    pipeline.fetch_all(modelled.settings, Options())
    assert (modelled.status(old), len(modelled.drafts())) == ("draft", 1)


@pytest.mark.parametrize("step", range(1, 6))
def test_a_run_that_is_killed_in_between_is_finished_by_a_later_one(
    desk: Desk, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    old = desk.drafted()
    follow_up(desk)
    count = 0

    def counted(name: str) -> None:
        real = getattr(SqliteDrafts, name)

        def call(self: SqliteDrafts, *arguments: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return real(self, *arguments)

        patch.setattr(SqliteDrafts, name, call)

    with monkeypatch.context() as patch:
        for name in ("add", "save", "stored"):
            counted(name)
        with suppress(Killed):
            pipeline.fetch_all(desk.settings, Options())
    desk.fetch()
    desk.sync()
    assert desk.status(old) == "superseded"
    ((_, raw),) = desk.drafts().items()
    assert b"In-Reply-To: <m2@acme.example>" in raw
    settled(desk)
