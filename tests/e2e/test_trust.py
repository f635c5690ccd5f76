"""What must hold when something beside the mail fails, changes between two runs, or is only looked at."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.config import state_folder
from mailbot.errors import MailbotError, TryAgain
from mailbot.mail.server.account import ImapAccount
from mailbot.sync.commands.foresee import foresee_all
from mailbot.sync.commands.redraft import redraft
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.mails import SqliteMails
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.opening import utc_time
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from mailbot.vault.index import Index
from tests.conftest import MakeSettings, mail, tree
from tests.e2e.test_fetch import email_notes
from tests.servers.dovecot import Dovecot
from tests.servers.model import TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot

ANSWER = "In-Reply-To: <m1@acme.example>\nReferences: <m1@acme.example>\n"


def properties_of(vault: Path) -> dict[str, Any]:
    (path,) = email_notes(vault)
    return notes.read(path.read_text(encoding="utf-8")).properties


def state(vault: Path) -> dict[str, bytes]:
    return tree(State(vault).folder)


# --- a run that was stopped ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("configured", [False, True], ids=["outline", "model"])
def test_a_note_that_a_killed_run_left_is_no_word_of_the_users(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path,
    monkeypatch: pytest.MonkeyPatch, configured: bool,
) -> None:  # fmt: skip
    """Stopped between note and journal, and then the user answers by themselves: no draft, in this run or a later one, and
    nothing is learned about the sender."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url if configured else None)

    def stopped(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteMails, "add", stopped)
        assert fetch_all(settings, Options())[0].exit_code == 75
    assert len(email_notes(vault)) == 1
    answer = mail("8+3.", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<a@jo>", headers=ANSWER)
    dovecot.deliver(user, answer, mailbox="Sent")
    for _ in range(2):
        (report,) = fetch_all(settings, Options())
        assert (report.error, report.drafts) == ("", [])
    assert properties_of(vault)["decided_by"] != "user"
    with opened_journal(State(vault).journal) as journal:
        assert journal.corrections.last("ana@acme.example", 9) == []
        (row,) = journal.mails.by_message_id("<m1@acme.example>")
        assert (row.stage, row.disposition) == ("done", properties_of(vault)["disposition"])


# --- what is beside the mail fails ---------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["sent", "drafts", "index"])
def test_mail_is_kept_whatever_fails_beside_it(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:  # fmt: skip
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, mail("Thanks.", to=user, message_id="<m0@acme.example>"))
    fetch_all(settings, Options())
    dovecot.deliver(user, mail(to=user))
    real = ImapAccount.find

    def busy(self: ImapAccount, use: Any, configured: str = "auto") -> str:
        if use == what:
            raise TryAgain("account work: the server asks to wait", retry_after=1)
        return real(self, use, configured)

    held = sqlite3.connect(State(vault).index, isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr(ImapAccount, "find", busy)
        if what == "index":
            patched.setattr("mailbot.vault.index_file.WAIT", 0.1)
            held.execute("BEGIN EXCLUSIVE")
        (report,) = fetch_all(settings, Options())
    held.close()
    assert (len(report.notes), report.exit_code) == (1, 75)
    assert "bug" not in report.error
    with opened_journal(State(vault).journal) as journal:
        assert bool(journal.pauses.active("work", utc_time())) or what == "index"
        journal.pauses.set("work", utc_time(), "over")
    (report,) = fetch_all(settings, Options())
    assert (report.error, len(report.drafts)) == ("", 1)


def test_an_index_that_breaks_while_mail_is_read_costs_no_mail(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(
        user, mail(to=user), mail("Any news?", to=user, message_id="<m2@acme.example>", subject="Other")
    )

    def broken(*_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with monkeypatch.context() as patched:
        patched.setattr(Index, "mail_with", broken)
        (report,) = fetch_all(settings, Options())
    assert (len(report.notes), report.failed, report.exit_code) == (2, [], 75)
    assert "index.sqlite" in report.error
    (report,) = fetch_all(settings, Options())
    assert (report.error, len(report.drafts)) == ("", 2)


def test_a_server_that_asks_for_patience_is_left_alone_by_every_run(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(dovecot.port, user)

    def busy(_: ImapAccount) -> None:
        raise TryAgain("account work: slow down", retry_after=600)

    monkeypatch.setattr(ImapAccount, "connect", busy)
    assert fetch_all(settings, Options())[0].exit_code == 75
    monkeypatch.setattr(ImapAccount, "connect", lambda _: pytest.fail("the server was asked"))
    for run in (fetch_all, foresee_all):
        (report,) = run(settings, Options())
        # A dry run reads the pause from a copy of the journal.
        assert (report.exit_code, "paused until" in report.error, "slow down" in report.error) == (
            75,
            True,
            True,
        )


def test_a_search_that_fails_blames_no_setting(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.errors import ServerUnavailable

    dovecot.deliver(user, mail(to=user))

    def broken(*_: object, **__: object) -> list[int]:
        raise ServerUnavailable("account work: SEARCH failed: SERVERBUG")

    monkeypatch.setattr(ImapAccount, "search", broken)
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    assert report.exit_code == 69
    assert "accounts.yaml" not in f"{report.error} {report.failed}"


def test_a_wrong_password_is_tried_once(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    (report,) = fetch_all(settings, Options())
    logins = []
    real = ImapAccount.connect
    monkeypatch.setattr(ImapAccount, "connect", lambda self: (logins.append(1), real(self)))
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    with pytest.raises(MailbotError, match="refused"):
        redraft(settings, report.notes[0])
    assert len(logins) == 1


def test_a_mailbox_that_is_renumbered_between_two_looks_is_looked_at_again(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mails are kept under the numbers that hold when they are read."""
    from dataclasses import replace

    dovecot.deliver(user, mail(to=user))
    real, numbers = ImapAccount.examine, iter(range(1000, 2000))
    monkeypatch.setattr(
        ImapAccount, "examine", lambda self, name: replace(real(self, name), uidvalidity=next(numbers))
    )
    (report,) = fetch_all(make_settings(dovecot.port, user, drafts={"to_server": False}), Options())
    assert (report.error, report.failed, len(report.notes)) == ("", [], 1)


# --- decisions over several runs -----------------------------------------------------------------------------------


def test_no_drafts_leaves_what_a_model_would_decide_open(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings
) -> None:
    """`--no-drafts` without a model, then a model is configured: it is asked."""
    dovecot.deliver(user, mail("The numbers are late. I wonder when they come.", to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options(no_drafts=True))
    assert (len(report.notes), report.dispositions) == (1, {})
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert any(is_triage(r) for r in model.requests)
    assert len(report.drafts) == 1


def test_a_superseded_mail_keeps_what_the_model_found_and_counts_once(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(
        user,
        mail(to=user),
        mail("And until when?", to=user, message_id="<m2@acme.example>", headers=ANSWER),
    )
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert report.dispositions == {"reply": 1, "read": 1}
    first = next(p for p in email_notes(vault) if "<m1@" in p.read_text())
    properties = notes.read(first.read_text()).properties
    assert properties["reason"] == "A later mail in the thread is answered instead"
    assert (properties["urgency"], properties["recipient_type"]) == (
        TRIAGE["urgency"],
        TRIAGE["recipient_type"],
    )


def test_a_mail_that_is_decided_twice_in_a_run_counts_once(
    dovecot: Dovecot, user: str, make_settings: MakeSettings
) -> None:
    """Without a model the earlier mail is drafted at first sight, and then the later one is seen to be answered."""
    answer = mail("Here.", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<a@jo>",
                  headers="In-Reply-To: <m2@acme.example>\nReferences: <m1@acme.example> <m2@acme.example>\n")  # fmt: skip
    dovecot.deliver(user, answer, mailbox="Sent")
    news = mail("Any news?", to=user, message_id="<m2@acme.example>", headers=ANSWER)
    dovecot.deliver(user, mail(to=user), news.replace(b"09:15:00", b"10:15:00"))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    assert (report.dispositions, report.drafts) == ({"read": 2}, [])


def test_a_draft_that_waits_is_withheld_when_the_user_has_answered_meanwhile(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    (report,) = fetch_all(settings, Options(max_drafts=0))
    assert (report.waiting, properties_of(vault)["disposition"]) == (1, "reply")
    answer = mail("8+3.", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<a@jo>", headers=ANSWER)
    dovecot.deliver(user, answer, mailbox="Sent")
    (report,) = fetch_all(settings, Options())
    assert (report.drafts, properties_of(vault)["reason"]) == ([], "You have answered it already")


def test_what_the_user_corrects_is_remembered_of_the_sender(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail("Thanks, that was all.", to=user))
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    (path,) = email_notes(vault)
    path.write_text(path.read_text().replace("disposition: read", "disposition: ignore"))
    fetch_all(settings, Options())
    with opened_journal(State(vault).journal) as journal:
        assert journal.corrections.last("ana@acme.example", 9) == ["ignore"]


def test_a_renumbered_sent_is_read_anew(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    settings = make_settings(dovecot.port, user)
    first = mail("x", sender=f"Jo <{user}>", to="old@acme.example", message_id="<s1@jo>")
    dovecot.deliver(user, first, mailbox="Sent")
    dovecot.deliver(user, mail(to=user))
    fetch_all(settings, Options())
    client = dovecot.client(user)
    client.delete_folder("Sent")
    client.create_folder("Sent")
    client.logout()
    second = mail("x", sender=f"Jo <{user}>", to="new@acme.example", message_id="<s2@jo>")
    dovecot.deliver(user, second, mailbox="Sent")
    dovecot.deliver(user, mail(to=user, message_id="<m2@acme.example>"))
    fetch_all(settings, Options())
    with opened_journal(State(vault).journal) as journal:
        found = [journal.sent.written_to(f"{name}@acme.example") for name in ("old", "new")]
        assert found == [0, 1]


# --- a dry run -----------------------------------------------------------------------------------------------------


def test_a_dry_run_leaves_no_trace_not_even_of_a_first_run(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    (report,) = foresee_all(settings, Options())
    assert [w["action"] for w in report.would] == ["keep"]
    assert tree(state_folder()) == {}
    fetch_all(settings, Options())
    (vault / "New.md").write_text("changed")
    dovecot.deliver(user, mail(to=user, message_id="<m2@acme.example>", subject="Other"))
    before = state(vault), tree(vault)
    (report,) = foresee_all(settings, Options())
    assert [(w["subject"], w["draft"]) for w in report.would] == [("Other", True)]
    assert (state(vault), tree(vault)) == before


def test_the_command_leaves_no_trace_either(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """No lock, no journal, no log; and what it says is what a person reads."""
    dovecot.deliver(user, mail(to=user))
    make_settings(dovecot.port, user)
    shown = CliRunner().invoke(mailbot, ["--config", "accounts.yaml", "fetch", "--dry-run"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == "keep\tINBOX\t1\treply\tyes\tContains question\tStorage\n"
    assert not list(state_folder().rglob("*"))


def test_a_dry_run_foresees_what_the_run_then_does(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """What Sent says, one answer for each thread, the limit, and second thoughts."""
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, mail("Thanks, that was all.", to=user, message_id="<m0@acme.example>"))
    fetch_all(settings, Options())
    (path,) = email_notes(vault)
    path.write_text(path.read_text().replace("disposition: read", "disposition: reply"))
    answer = mail(
        "Here.",
        sender=f"Jo <{user}>",
        to="bo@acme.example",
        message_id="<a@jo>",
        headers="In-Reply-To: <b1@acme.example>\n",
    )
    dovecot.deliver(user, answer, mailbox="Sent")
    answered = mail(
        to=user, sender="Bo <bo@acme.example>", message_id="<b1@acme.example>", subject="Answered"
    )
    in_thread = mail(
        "And until when?", to=user, message_id="<m2@acme.example>", headers=ANSWER, subject="Later"
    )
    dovecot.deliver(user, answered, mail(to=user, subject="Earlier"), in_thread)
    (foreseen,) = foresee_all(settings, Options())
    by_subject = {w["subject"]: (w["disposition"], w.get("draft")) for w in foreseen.would if "subject" in w}
    assert by_subject == {"Answered": ("read", None), "Earlier": ("reply", False), "Later": ("reply", True)}
    assert [w["note"] for w in foreseen.would if w["action"] == "obey"] == [str(path.relative_to(vault))]
    (done,) = fetch_all(settings, Options())
    assert len(done.notes) == 3
    assert (
        len(done.drafts) == 2
    )  # the later mail of the thread, and the one that the user changed their mind about


def test_a_dry_run_names_the_drafts_that_an_earlier_run_left_unfinished(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    code = (
        "import os, signal, sys\nfrom mailbot.mail.server.account import ImapAccount\n"
        "ImapAccount.append_draft = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from mailbot.__main__ import main\nsys.argv = ['mailbot', '--config', 'accounts.yaml', 'fetch']\nmain()\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=tmp_path)
    assert killed.returncode == -9, killed.stderr
    (foreseen,) = foresee_all(settings, Options())
    assert [w["action"] for w in foreseen.would] == ["append draft"]
    assert dovecot.messages(user, "Drafts") == {}
    fetch_all(settings, Options())
    assert len(dovecot.messages(user, "Drafts")) == 1


def test_an_old_draft_stays_where_the_server_cannot_remove_one_message_alone(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    (report,) = fetch_all(settings, Options())
    monkeypatch.setattr(ImapAccount, "can_remove", lambda _: False)
    report = redraft(settings, report.notes[0])
    assert len(dovecot.messages(user, "Drafts")) == 2
    assert ["UIDPLUS" in r and report.drafts[0] in r for r in report.remarks] == [True]
    with opened_journal(State(vault).journal) as journal:
        (row,) = journal.mails.by_message_id("<m1@acme.example>")
        assert [(d.status, bool(d.why)) for d in journal.drafts.of(row.id)] == [
            ("unknown", True),
            ("draft", False),
        ]
