"""Which mails get a draft: facts of the correspondence, then the user's rules, then the model; the note says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, Report
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from mailbot.vault.note import with_properties
from tests.conftest import MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot
from tests.servers.model import TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot


def kept(vault: Path, report: Report) -> list[tuple[Any, Any]]:
    """(disposition, decided_by) of the notes of a run."""
    found = [notes.read((vault / path).read_text(encoding="utf-8")).properties for path in report.notes]
    return [(p["disposition"], p["decided_by"]) for p in found]


def person(vault: Path, word: str) -> None:
    (vault / "Ana.md").write_text(
        f"---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\ndraft: {word}\n---\n", encoding="utf-8"
    )


def test_never_on_a_person_note_is_obeyed_and_costs_no_model(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    person(vault, "never")
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert kept(vault, report) == [("read", "rule")]
    assert "draft: never is set in Ana.md" in (vault / report.notes[0]).read_text()
    assert model.requests == []


def test_always_drafts_what_the_model_would_not(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    person(vault, "always")
    dovecot.deliver(user, mail("Just so you know.", to=user))
    with ModelServer() as model:
        (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
        assert not any(is_triage(r) for r in model.requests)
    assert kept(vault, report) == [("reply", "rule")]
    assert len(report.drafts) == 1


@pytest.mark.parametrize("rule", ["ana@acme.example", "acme.example", "@ACME.example"])
def test_never_in_the_settings(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path, rule: str
) -> None:
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(
        make_settings(dovecot.port, user, llm=model.url, triage={"never": [rule]}), Options()
    )
    assert kept(vault, report) == [("read", "rule")]


def test_always_does_not_answer_a_robot(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user, headers="Auto-Submitted: auto-replied\n"))
    (report,) = fetch_all(make_settings(dovecot.port, user, triage={"always": ["acme.example"]}), Options())
    assert kept(vault, report) == [("read", "fact")]


def test_a_change_of_mind_in_a_note_is_obeyed_and_after_three_times_remembered(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """`disposition: reply` brings the draft of a mail that was done with; said of three mails, it is the sender's rule."""
    model.answer = lambda request: {**TRIAGE, "disposition": "read"} if is_triage(request) else {
        "reply": "Yes.", "reasoning": "x", "claims": [], "unknowns": [], "action_items": [],
    }  # fmt: skip
    settings = make_settings(dovecot.port, user, llm=model.url)
    for n in range(3):
        dovecot.deliver(user, mail(to=user, message_id=f"<{n}@acme.example>", subject=f"Run {n}"))
        (report,) = fetch_all(settings, Options())
        assert kept(vault, report) == [("read", "model")]
        note = vault / report.notes[0]
        note.write_text(
            with_properties(note.read_text(encoding="utf-8"), {"disposition": "reply"}), encoding="utf-8"
        )
        (again,) = fetch_all(settings, Options())
        assert len(again.drafts) == 1
        assert notes.read(note.read_text(encoding="utf-8")).properties["decided_by"] == "user"
        (third,) = fetch_all(settings, Options())
        assert third.drafts == []
    dovecot.deliver(user, mail(to=user, message_id="<4@acme.example>"))
    (report,) = fetch_all(settings, Options())
    assert kept(vault, report) == [("reply", "rule")]
    assert "You set the last 3 mails from this sender to reply" in (vault / report.notes[0]).read_text(
        encoding="utf-8"
    )


def test_ten_mails_that_were_never_answered_mean_none(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    settings = make_settings(dovecot.port, user, llm=model.url)
    dovecot.deliver(user, mail("x", sender=f"Jo <{user}>", to="louis@x.example"), mailbox="Sent")
    for n in range(10):
        dovecot.deliver(user, mail(to=user, message_id=f"<{n}@acme.example>"))
    fetch_all(settings, Options(no_drafts=True))
    dovecot.deliver(user, mail(to=user, message_id="<11@acme.example>"))
    (report,) = fetch_all(settings, Options())
    assert kept(vault, report) == [("read", "fact")]
    assert "you have never written to them" in (vault / report.notes[0]).read_text(encoding="utf-8")


def test_who_is_only_in_cc_is_not_answered_without_a_model(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to="louis@acme.example", headers=f"Cc: {user}\n"))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    assert kept(vault, report) == [("read", "detector")]


def test_an_instruction_makes_a_new_revision_and_keeps_the_old(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """`mailbot draft NOTE --instruct`: the model sees the earlier draft; the note keeps it, newest first."""
    from mailbot.sync.commands.redraft import redraft

    settings = make_settings(dovecot.port, user, llm=model.url)
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(settings, Options())
    for number, text in enumerate(("Non, merci.", "Nein, danke."), 1):
        model.answer = lambda _request, text=text: {
            "reply": text,
            "reasoning": "",
            "claims": [],
            "unknowns": [],
            "action_items": [],
        }
        (path,) = redraft(settings, report.notes[0], f"decline, take {number}").drafts
    prompt = model.requests[-1]["messages"][1]["content"]
    assert "decline, take 2" in prompt
    assert "Non, merci." in prompt
    assert "it has no sources" in prompt, "why the earlier draft was in its lane"
    note = (vault / path).read_text(encoding="utf-8")
    history = note[note.index("## Earlier Revisions") :]
    assert history.index("Non, merci.") < history.index("we used 8+3 in every run.")
    assert "Nein, danke." not in history
    assert len(dovecot.messages(user, "Drafts")) == 1


def test_a_budget_stops_drafts_and_never_notes(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """With 1,200 tokens an answer, 2,000 a run are spent by the second: the notes are all there, the rest waits, and the word is
    said once; a run without the limit goes on."""
    for n in range(4):
        dovecot.deliver(user, mail(to=user, message_id=f"<{n}@acme.example>"))
    tight = {"budget": {"per_run": {"tokens": 2000}}, "concurrency": 1}
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url, model=tight), Options())
    assert (len(report.notes), report.drafts, report.failed) == (4, [], [])
    assert len(model.requests) == 2
    assert [r for r in report.remarks if "llm.budget.per_run.tokens is spent (2,400 of 2,000)" in r]
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert len(report.drafts) == 4


def test_a_day_has_its_budget_in_money(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """What earlier runs spent today counts; every draft says what it cost."""
    dear = {"prices": {"scripted": {"input": 100, "output": 100}}, "budget": {"per_day": {"money": 0.2}}}
    settings = make_settings(dovecot.port, user, llm=model.url, model=dear)
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(settings, Options())
    assert report.cost == pytest.approx(0.24)
    assert notes.read((vault / report.drafts[0]).read_text(encoding="utf-8")).properties[
        "cost"
    ] == pytest.approx(0.12)
    dovecot.deliver(user, mail(to=user, message_id="<2@acme.example>"))
    (report,) = fetch_all(settings, Options())
    assert len(report.notes) == 1
    assert "llm.budget.per_day.money is spent (0.24 of 0.20)" in report.remarks[0]


def test_another_server_is_asked_where_the_first_is_down(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    chain = {"retries": 0, "fallbacks": [{"base_url": model.url, "model": "second", "triage_model": "small"}]}
    (report,) = fetch_all(
        make_settings(dovecot.port, user, llm="http://127.0.0.1:9/v1", model=chain), Options()
    )
    assert (report.failed, len(report.drafts)) == ([], 1)
    assert [r["model"] for r in model.requests] == ["small", "second"]
    assert notes.read((vault / report.drafts[0]).read_text(encoding="utf-8")).properties["model"] == "second"


def test_a_prompt_of_the_users_replaces_ours(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "draft.md").write_text(
        "version: mine-3\n\n# System\nYou write for {{user}}, as a pirate.\n\n# User\n{{mail}}\n",
        encoding="utf-8",
    )
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert model.requests[-1]["messages"][0]["content"].startswith("You write for Jo Vermeer, as a pirate.")
    assert (
        notes.read((vault / report.drafts[0]).read_text(encoding="utf-8")).properties["prompt_version"]
        == "draft-mine-3"
    )


def test_a_prompt_with_a_place_that_nothing_fills_is_named(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    (tmp_path / "triage.md").write_text(
        "version: 1\n\n# System\n{{weather}}\n\n# User\nx\n", encoding="utf-8"
    )
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert len(report.notes) == 1
    assert "the prompt triage.md has a place {{weather}} that does not exist" in report.error
    assert report.exit_code == 78


def test_a_mail_that_was_drafted_at_the_users_word_stays_drafted(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """`mailbot draft` on a mail that was only to be read: its note says so, and the next run takes nothing for a second
    thought, writes nothing and learns nothing about the sender."""
    from mailbot.sync.commands.redraft import redraft

    model.answer = lambda request: {**TRIAGE, "disposition": "read"} if is_triage(request) else {
        "reply": "Yes.", "reasoning": "x", "claims": [], "unknowns": [], "action_items": [],
    }  # fmt: skip
    settings = make_settings(dovecot.port, user, llm=model.url)
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(settings, Options())
    redraft(settings, report.notes[0])
    properties = notes.read((vault / report.notes[0]).read_text(encoding="utf-8")).properties
    assert (properties["disposition"], properties["decided_by"]) == ("reply", "user")
    before = tree(vault)
    fetch_all(settings, Options())
    assert tree(vault) == before
    with opened_journal(State(settings.vault).journal) as journal:
        assert journal.corrections.last("ana@acme.example", 9) == []


def test_a_mailbox_that_is_gone_stops_no_second_thought_and_no_draft(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """The mail whose note was changed waits, named; a new mail is drafted all the same."""
    model.answer = lambda request: {**TRIAGE, "disposition": "read"} if is_triage(request) else None
    client = dovecot.client(user)
    client.create_folder("Filed")
    client.logout()
    dovecot.deliver(user, mail(to=user), mailbox="Filed")
    (report,) = fetch_all(
        make_settings(dovecot.port, user, llm=model.url, account={"mailboxes": ["Filed"]}), Options()
    )
    note = vault / report.notes[0]
    note.write_text(
        with_properties(note.read_text(encoding="utf-8"), {"disposition": "reply"}), encoding="utf-8"
    )
    client = dovecot.client(user)
    client.delete_folder("Filed")
    client.logout()
    dovecot.deliver(user, mail(to=user, message_id="<2@acme.example>"))
    with ModelServer() as other:
        settings = make_settings(dovecot.port, user, llm=other.url, account={"mailboxes": ["INBOX", "Filed"]})
        (report,) = fetch_all(settings, Options())
    assert report.error == ""
    assert len(report.drafts) == 1
    assert any("its draft waits" in r or "no longer in" in r for r in report.remarks)


def test_an_answer_that_came_out_of_a_draft_of_ours_is_an_answer(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """A mail in Sent that mailbot had drafted counts like any other: its mail gets no second draft."""
    sent = mail(
        "Yes",
        sender=f"Jo <{user}>",
        to="ana@acme.example",
        message_id="<a@jo>",
        headers="In-Reply-To: <m1@acme.example>\nX-Mailbot-Id: x@jo\n",
    )
    dovecot.deliver(user, sent, mailbox="Sent")
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert kept(vault, report) == [("read", "fact")]
    assert report.drafts == []
