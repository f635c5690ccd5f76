"""The main job against a real Dovecot."""

from __future__ import annotations

import email
import json
import os
import random
import re
import subprocess
import sys
from email.policy import default
from pathlib import Path

import pytest

from mailbot.config import state_folder
from mailbot.mail.mime.parse import parse
from mailbot.sync.commands.foresee import foresee_all
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.opening import utc_time
from mailbot.sync.session.report import Options, exit_code
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import ROOT, MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot
from tests.servers.model import DRAFT, TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot

CORPUS = Path(os.environ.get("MAILBOT_CORPUS", ROOT.parent / "shared" / "corpus"))


def email_notes(vault: Path) -> list[Path]:
    return sorted(p for p in (vault / "Email").rglob("*.md") if "Drafts" not in p.parts)


def test_a_question_becomes_a_note_a_draft_note_and_a_threaded_server_draft(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """A note for the mail, a draft note, and the same draft in Drafts, with \\Draft and \\Seen."""
    headers = f"Cc: Louis <louis@acme.example>, {user}\nReferences: <root@x> <p@x>\nIn-Reply-To: <p@x>\n"
    dovecot.deliver(user, mail(to=user, headers=headers))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert (report.error, report.failed, len(report.notes), len(report.drafts)) == ("", [], 1, 1)

    properties = notes.read((vault / report.notes[0]).read_text()).properties
    assert properties["disposition"] == "reply"
    assert properties["decided_by"] == "model"
    assert properties["reason"] == "Contains question"
    assert properties["draft"] == f"[[{report.drafts[0].removesuffix('.md')}]]"

    draft_note = (vault / report.drafts[0]).read_text()
    for heading in (
        "## AI Reasoning",
        "## Action Items (Extracted)",
        "## Original Email",
        "## Vault Context Used",
        "# Draft Reply: Re: Storage",
    ):
        assert f"\n{heading}" in draft_note
    assert "- [ ] Send the benchmark. @me 📅 2026-12-01" in draft_note
    assert "[[Projects/Storage Evaluation]]" in draft_note
    assert "which erasure coding did you use?" in draft_note

    ((uid, raw),) = dovecot.messages(user, "Drafts").items()
    draft = email.message_from_bytes(raw, policy=default)
    assert draft["To"] == "Ana Ruiz <ana@acme.example>"
    assert draft["Cc"] == "Louis <louis@acme.example>"
    assert draft["From"] == f"Jo Vermeer <{user}>"
    assert draft["In-Reply-To"] == "<m1@acme.example>"
    assert draft["References"].split() == ["<root@x>", "<p@x>", "<m1@acme.example>"]
    assert draft["Subject"] == "Re: Storage"
    body = draft.get_content().replace("\r\n", "\n")
    assert body.startswith("Hi Ana,\n\nwe used 8+3 in every run.\n\nBest regards\n\nJo Vermeer\nAcme\n")
    assert "Ana Ruiz wrote:\n> Hi Jo,\n>\n> which erasure coding did you use?" in body
    assert draft["Content-Transfer-Encoding"] == "quoted-printable"
    assert dovecot.flags(user, "Drafts")[uid] == (b"\\Draft", b"\\Seen")
    assert dovecot.flags(user) == {1: ()}


def test_a_second_run_changes_no_byte(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Invariant 6: vault, Drafts and journal byte for byte as before, and the model is not asked again."""
    dovecot.deliver(
        user, mail(to=user), mail("Thanks, that was all.", to=user, message_id="<m2@acme.example>")
    )
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options())
    before = tree(vault), tree(state_folder()), dovecot.messages(user, "Drafts")
    asked = len(model.requests)
    (report,) = fetch_all(settings, Options())
    assert (report.notes, report.drafts, report.error) == ([], [], "")
    assert (tree(vault), tree(state_folder()), dovecot.messages(user, "Drafts")) == before
    assert len(model.requests) == asked


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; set MAILBOT_CORPUS")
def test_two_hundred_real_mails_become_two_hundred_notes_and_no_flag_changes(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """Invariant 1, with the outline drafter."""
    everything = sorted(CORPUS.glob("mime/**/*.eml"))
    chosen = [p.read_bytes() for p in random.Random(2).sample(everything, 400)]
    mails: list[bytes] = []
    for raw in chosen:
        if raw.strip() and raw not in mails and len(mails) < 200:
            mails.append(raw)
    for raw in mails:
        dovecot.deliver(user, raw)
    before = dovecot.flags(user)
    assert len(before) == 200
    settings = make_settings(dovecot.port, user, drafts={"max_per_run": 100})
    (report,) = fetch_all(settings, Options())
    assert (report.error, report.failed) == ("", [])
    assert len(report.notes) == 200 == len(email_notes(vault))
    assert dovecot.flags(user) == before
    drafts = dovecot.messages(user, "Drafts")
    assert len(drafts) == len(report.drafts) > 0
    # Some mails of the corpus share a Message-ID: the first of them is drafted, the others are flagged.
    first = sorted(dovecot.messages(user, "INBOX").items(), reverse=True)
    sources = {m.message_id: m for m in (parse(raw) for _, raw in first) if m.message_id}
    for raw in drafts.values():
        draft = parse(raw)
        if not draft.in_reply_to:  # some have none to answer
            assert any(not parse(raw).message_id for _, raw in first)
            continue
        source = sources[draft.in_reply_to[0]]
        expected = source.reply_to or source.authors
        assert [a.key for a in draft.to] == [a.key for a in expected]
        assert draft.references[-1] == source.message_id
        assert set(source.references) <= set(draft.references)
        assert source.header("list-id") == "" or any(a.key == user for a in source.to)
    state = tree(vault), tree(state_folder()), dovecot.messages(user, "Drafts")
    fetch_all(settings, Options())
    assert (tree(vault), tree(state_folder()), dovecot.messages(user, "Drafts")) == state


KILLER = """
import os, signal, sys
from mailbot.sync.memory.drafts import SqliteDrafts
from mailbot.sync.memory.mails import SqliteMails
from mailbot.mail.server.account import ImapAccount

def killed_before(owner, name):
    def wrapper(*arguments, **options):
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, wrapper)

def killed_after(owner, name):
    real = getattr(owner, name)
    def wrapper(*arguments, **options):
        real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, wrapper)

{patch}
from mailbot.__main__ import main
sys.argv = ["mailbot", "--config", "accounts.yaml", "fetch"]
main()
"""


@pytest.mark.parametrize(
    "patch",
    [
        "killed_before(SqliteMails, 'add')",
        "killed_before(SqliteMails, 'update')",
        "killed_before(SqliteDrafts, 'add')",
        "killed_after(SqliteDrafts, 'add')",
        "killed_after(ImapAccount, 'append_draft')",
        "killed_before(SqliteDrafts, 'stored')",
        "killed_after(SqliteMails, 'update')",
    ],
    ids=[
        "after-note",
        "after-triage",
        "after-draft-note",
        "after-intent",
        "after-append",
        "before-result",
        "at-the-end",
    ],
)
def test_a_killed_run_leaves_one_note_and_one_draft_after_the_next(
    patch: str,
    dovecot: Dovecot,
    user: str,
    model: ModelServer,
    make_settings: MakeSettings,
    vault: Path,
    tmp_path: Path,
) -> None:
    """Invariants 2 and 3: SIGKILL at each step; the next run ends with one note and one draft."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    killed = subprocess.run(
        [sys.executable, "-c", KILLER.format(patch=patch)], capture_output=True, cwd=tmp_path
    )
    assert killed.returncode == -9, killed.stderr
    (report,) = fetch_all(settings, Options())
    assert (report.error, report.failed) == ("", [])
    assert len(email_notes(vault)) == 1
    assert len(list((vault / "Email" / "Drafts").glob("*.md"))) == 1
    assert len(dovecot.messages(user, "Drafts")) == 1
    draft_id = notes.read(next((vault / "Email" / "Drafts").glob("*.md")).read_text()).properties[
        "draft_message_id"
    ]
    assert parse(next(iter(dovecot.messages(user, "Drafts").values()))).message_id == draft_id
    assert not list(vault.rglob(".mailbot-*"))
    before = tree(vault), tree(State(vault).folder), dovecot.messages(user, "Drafts")
    fetch_all(settings, Options())
    assert (tree(vault), tree(State(vault).folder), dovecot.messages(user, "Drafts")) == before


def test_a_run_killed_after_it_wrote_that_no_reply_is_wanted_is_finished_by_the_next(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    """The note says `read` and the journal does not know it yet: the next run believes the note, asks no model, and is
    the last that looks at the mail."""
    dovecot.deliver(user, mail(to=user))
    with ModelServer(lambda _: {**TRIAGE, "disposition": "read", "reason": "Only news"}) as model:
        settings = make_settings(dovecot.port, user, llm=model.url)
        patch = "killed_before(SqliteMails, 'update')"
        killed = subprocess.run(
            [sys.executable, "-c", KILLER.format(patch=patch)], capture_output=True, cwd=tmp_path
        )
        assert killed.returncode == -9, killed.stderr
        asked = len(model.requests)
        (report,) = fetch_all(settings, Options())
        assert (report.error, report.dispositions, len(model.requests)) == ("", {"read": 1}, asked)
    (path,) = email_notes(vault)
    properties = notes.read(path.read_text()).properties
    assert (properties["disposition"], properties["decided_by"], properties["reason"]) == (
        "read",
        "model",
        "Only news",
    )
    with opened_journal(State(vault).journal) as journal:
        assert journal.mails.waiting("work", utc_time()) == []


HOSTILE = {
    **DRAFT,
    "reply": "Bcc: evil@evil.example\nSubject: x\r\nHi,\n\n![p](http://evil.example/p.png) see [this](https://evil.example/x) or https://evil.example/y"
    " and [[Secrets/Salary]] ![[Secrets/Salary]] <img src=x onerror=alert(1)> <% tp.file %> `= this.file` write to mallory@evil.example\n"
    "```dataviewjs\ndv.pages()\n```\n[ref][1]\n\n[1]: http://evil.example/ref\n",
    "reasoning": "See ![x](http://evil.example/r.png) and [[Secrets/Salary]]",
    "action_items": [{"text": "Visit http://evil.example/a\n- [ ] second", "owner": "me", "due": "soon"}],
    "claims": [{"text": "All of [[Secrets/Salary]]", "sources": ["S99", "[[Secrets/Salary]]"]}],
    "unknowns": ["<script>alert(1)</script> when?"],
}


def test_a_hostile_answer_reaches_neither_headers_nor_draft_nor_note_alive(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """Invariants 8 and 11: whatever a model answers, recipients, headers and notes are safe."""
    dovecot.deliver(user, mail(to=user))
    triage = {
        **TRIAGE,
        "reason": "see [[Secrets/Salary]]\nx: y",
        "topics": ["![[Secrets/Salary]]", "http://evil.example"],
        "people": ["<b>"],
    }
    with ModelServer(lambda request: triage if is_triage(request) else HOSTILE) as model:
        (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    ((_, raw),) = dovecot.messages(user, "Drafts").items()
    draft = email.message_from_bytes(raw, policy=default)
    assert draft["To"] == "Ana Ruiz <ana@acme.example>"
    assert draft["Bcc"] is None
    assert draft["Subject"] == "Re: Storage"
    everything = raw.decode() + "".join(p.read_text() for p in vault.rglob("*.md"))
    note = (vault / report.drafts[0]).read_text()
    written = note[: note.index("**Taken out of the answer**")] + note[note.index("## Action Items") :]
    for text in (draft.get_content(), written):
        for dead in ("evil.example", "[[Secrets", "<img", "<%", "`=", "dataviewjs", "<script", "mallory"):
            assert dead not in text, dead
    assert "![[" not in everything
    assert "](http" not in everything
    assert notes.read(note).properties["lane"] == "needs_you"


@pytest.mark.parametrize("failure", ["500", "429", "hang", "half", "cut-off", "no-json"])
def test_a_failing_model_leaves_the_note_and_the_next_run_drafts(
    failure: str, dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """Invariant 7: the note stays, the error is recorded, and the next run drafts."""
    dovecot.deliver(user, mail(to=user))
    answers = {
        "500": (500, {}, '{"error": {"message": "down"}}'),
        "429": (429, {"retry-after": "0"}, '{"error": {"message": "slow down"}}'),
        "hang": None,
        "half": (200, {"x-content-length": "5000"}, '{"id": "x", "choices": [{"index'),
        "cut-off": DRAFT,
        "no-json": "I would rather not.",
    }
    with ModelServer(lambda request: TRIAGE if is_triage(request) else answers[failure]) as model:  # type: ignore[return-value]
        settings = make_settings(dovecot.port, user, llm=model.url)
        settings = settings.model_copy(
            update={"llm": settings.llm.model_copy(update={"timeout": 0.5, "retries": 1})}
        )  # type: ignore[union-attr]
        if failure == "cut-off":
            plain = model.answer

            def cut(request: dict) -> object:  # type: ignore[type-arg]
                model.finish_reason = "stop" if is_triage(request) else "length"
                return plain(request)

            model.answer = cut  # type: ignore[assignment]
        reports = fetch_all(settings, Options())
    assert exit_code(reports) == 1
    assert len(reports[0].failed) == 1
    assert "scripted" in reports[0].failed[0]
    assert len(email_notes(vault)) == 1
    assert not (vault / "Email" / "Drafts").exists()
    assert dovecot.messages(user, "Drafts") == {}
    with ModelServer() as model:
        (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
        assert not any(is_triage(r) for r in model.requests)
    assert len(report.drafts) == 1
    assert len(dovecot.messages(user, "Drafts")) == 1


def test_retry_after_is_honoured(dovecot: Dovecot, user: str, make_settings: MakeSettings) -> None:
    """A 429 with a short Retry-After is waited for inside the run; the draft comes out."""
    dovecot.deliver(user, mail(to=user))
    seen: list[str] = []

    def answer(request: dict) -> object:  # type: ignore[type-arg]
        seen.append("x")
        return (
            (429, {"retry-after": "0.2"}, "{}") if len(seen) == 1 else TRIAGE if is_triage(request) else DRAFT
        )

    with ModelServer(answer) as model:  # type: ignore[arg-type]
        (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert len(report.drafts) == 1


def test_the_answered_and_the_begun_get_no_draft(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Facts of Sent, Drafts and \\Answered come before the model."""
    dovecot.deliver(
        user, mail(to=user), mail(to=user, message_id="<m2@x>"), mail(to=user, message_id="<m3@x>")
    )
    with dovecot.client(user) as client:
        client.select_folder("INBOX")
        client.add_flags([3], [b"\\Answered"])
    dovecot.deliver(
        user,
        mail(sender=user, message_id="<s@x>", headers="In-Reply-To: <m1@acme.example>\n"),
        mailbox="Sent",
    )
    dovecot.deliver(
        user, mail(sender=user, message_id="<d@x>", headers="In-Reply-To: <m2@x>\n"), mailbox="Drafts"
    )
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert report.drafts == []
    assert model.requests == []
    reasons = sorted(str(notes.read(p.read_text()).properties["reason"]) for p in email_notes(vault))
    assert reasons == [
        "You have already started an answer",
        "You have answered it already",
        "You have answered it already",
    ]


def test_a_note_that_the_user_edited_keeps_every_edit(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Invariant 5: only owned properties change where the user has written."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options(no_drafts=True))
    (path,) = email_notes(vault)
    path.write_text(
        path.read_text().replace("tags: [email]", "tags: [email]\nmine: yes # mine") + "\nMy own thought.\n"
    )
    fetch_all(settings, Options())
    text = path.read_text()
    assert "mine: yes # mine" in text
    assert text.endswith("\nMy own thought.\n")
    assert "disposition: reply" in text
    assert notes.read(text).properties["draft"].startswith("[[Email/Drafts/")


def test_a_disposition_that_the_user_corrects_is_obeyed(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options(no_drafts=True))
    (path,) = email_notes(vault)
    path.write_text(path.read_text().replace('disposition: ""', "disposition: ignore"))
    (report,) = fetch_all(settings, Options())
    assert report.drafts == []
    assert notes.read(path.read_text()).properties["decided_by"] == "user"


def test_renumbered_mails_are_recognised(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """UIDVALIDITY changes: no note and no draft twice."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options())
    dovecot.adm("mailbox", "update", "-u", user, "--uid-validity", "987654", "INBOX")
    before = tree(vault), dovecot.messages(user, "Drafts")
    (report,) = fetch_all(settings, Options())
    assert (report.recognised, report.notes) == (1, [])
    assert "UIDVALIDITY" in report.remarks[0]
    assert (tree(vault), dovecot.messages(user, "Drafts")) == before


def test_new_takes_what_was_read_elsewhere(dovecot: Dovecot, user: str, make_settings: MakeSettings) -> None:
    """`fetch: new`: the cursor, not the flag, says what is new; mail from before the first run is left alone."""
    dovecot.deliver(user, mail(to=user))
    with dovecot.client(user) as client:
        client.select_folder("INBOX")
        client.add_flags([1], [b"\\Seen"])
    settings = make_settings(dovecot.port, user, account={"fetch": "new"})
    assert fetch_all(settings, Options())[0].notes == []
    dovecot.deliver(user, mail(to=user, message_id="<m2@x>"))
    with dovecot.client(user) as client:
        client.select_folder("INBOX")
        client.add_flags([2], [b"\\Seen"])
    assert len(fetch_all(settings, Options())[0].notes) == 1


def test_one_failing_account_does_not_stop_the_others(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    good = settings.accounts[0]
    bad = good.model_copy(update={"name": "bad", "imap": good.imap.model_copy(update={"port": 1})})
    reports = fetch_all(settings.model_copy(update={"accounts": (bad, good)}), Options())
    assert [r.exit_code for r in reports] == [69, 0]
    assert "account bad (127.0.0.1:1)" in reports[0].error
    assert len(reports[1].notes) == 1
    assert exit_code(reports) == 1


def test_a_wrong_password_says_so(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "hunter22")
    reports = fetch_all(make_settings(dovecot.port, user), Options())
    assert exit_code(reports) == 77
    assert "refused user name and password" in reports[0].error
    assert "hunter22" not in reports[0].error


def test_dry_run_writes_nothing(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    before = tree(vault)
    (report,) = foresee_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert [w["subject"] for w in report.would] == ["Storage"]
    assert tree(vault) == before
    assert dovecot.messages(user, "Drafts") == {}
    assert model.requests == []


def test_a_mail_is_context_only_for_its_own_people_and_never_comes_alive(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """One correspondent's mail is no matter for another's draft; what is quoted of a mail stays inert."""
    evil = "sprocket <img src=//evil.example/p.gif> [[Secrets]] ![[Secrets]] <svg onload=alert(1)> `= x` #tag"
    dovecot.deliver(
        user,
        mail(
            "The sprocket count is 12.",
            to=user,
            sender="Eve <eve@evil.example>",
            subject=evil,
            message_id="<e@x>",
        ),
    )
    dovecot.deliver(
        user,
        mail(
            f"{evil} The sprocket count was 11.",
            to=user,
            subject=evil,
            message_id="<a@x>",
            headers="References: <root@x>\n",
        ),
    )
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options())
    asked = len(model.requests)
    dovecot.deliver(
        user,
        mail(
            "What is the sprocket count?",
            to=user,
            message_id="<b@x>",
            headers="References: <root@x>\nIn-Reply-To: <a@x>\n",
        ),
    )
    (report,) = fetch_all(settings, Options())
    prompt = model.requests[asked + 1]["messages"][1]["content"]
    assert "count was 11" in prompt
    assert "count is 12" not in prompt and "eve@evil" not in prompt
    note = (vault / report.drafts[0]).read_text()
    dead = re.sub(r"\\[!-/:-@\[-`{-~]", "", note)
    for live in ("<img", "<svg", "[[Secrets", "`=", " #tag"):
        assert live not in dead, live


def test_max_drafts_leaves_the_rest_for_the_next_run(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings
) -> None:
    dovecot.deliver(user, *(mail(to=user, message_id=f"<m{n}@x>") for n in range(3)))
    settings = make_settings(dovecot.port, user, llm=model.url)
    (report,) = fetch_all(settings, Options(max_drafts=2))
    assert (len(report.drafts), report.waiting) == (2, 1)
    (report,) = fetch_all(settings, Options())
    assert len(report.drafts) == 1


def test_a_big_mail_is_fetched_in_chunks_and_a_huge_one_leaves_a_stub(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    blob = "A" * 76 + "\n"
    big = mail(to=user, message_id="<big@x>", text="which?\n" + blob * 130_000)
    dovecot.deliver(user, big)
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    assert report.error == ""
    assert len((vault / report.notes[0]).read_text()) > 9_000_000
    dovecot.deliver(user, mail(to=user, message_id="<huge@x>", text=blob * 26_000))
    (report,) = fetch_all(make_settings(dovecot.port, user, max_mail_size=1), Options())
    assert "was left on the server" in (vault / report.notes[0]).read_text()


def test_redraft_replaces_its_own_draft_and_leaves_an_edited_one(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """`mailbot draft`: the earlier server draft goes only while it is byte for byte ours; an edited note stays."""
    from mailbot.sync.commands.redraft import redraft

    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    (report,) = fetch_all(settings, Options())
    first = dovecot.messages(user, "Drafts")
    again = redraft(settings, "<m1@acme.example>", "shorter")
    assert again.drafts == report.drafts
    second = dovecot.messages(user, "Drafts")
    assert len(second) == 1 and first.keys() != second.keys()
    assert "shorter" in model.requests[-1]["messages"][1]["content"]
    path = vault / report.drafts[0]
    path.write_text(path.read_text().replace("we used 8+3", "we did use 8+3"))
    third = redraft(settings, report.notes[0])
    assert third.drafts != report.drafts
    assert "we did use 8+3" in path.read_text()


def test_the_command_is_silent_under_cron_and_reports_as_json(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, tmp_path: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    make_settings(dovecot.port, user)
    run = [sys.executable, "-m", "mailbot", "--config", "accounts.yaml"]
    quiet = subprocess.run([*run, "fetch"], capture_output=True, text=True, cwd=tmp_path)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    said = subprocess.run([*run, "fetch", "--json"], capture_output=True, text=True, cwd=tmp_path)
    assert json.loads(said.stdout)["accounts"][0]["notes"] == []
    status = subprocess.run([*run, "status", "--json"], capture_output=True, text=True, cwd=tmp_path)
    assert json.loads(status.stdout)["accounts"][0]["counts"] == {"draft.draft": 1, "mail.reply": 1}
    piped = subprocess.run([*run, "status"], capture_output=True, text=True, cwd=tmp_path)
    assert [line.split("\t")[:3] for line in piped.stdout.splitlines()] == [
        ["Account", "Kept and drafted", "Failing"],
        ["work", "mails: 1 to answer; drafts: 1 waiting for you", "0"],
    ]
    log = (state_folder() / "mailbot.log").read_text()
    assert "erasure" not in log and "secret" not in log and "Storage" not in log and "kept as" in log
