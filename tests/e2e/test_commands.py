"""The commands on people and the backtest, as they are typed, against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from tests.conftest import MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer

pytestmark = pytest.mark.dovecot


def run(*arguments: str, code: int = 0) -> str:
    """What a command prints; its exit code is as expected."""
    done = CliRunner().invoke(mailbot, list(arguments), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def exchanged(dovecot: Dovecot, user: str) -> None:
    answer = mail(
        "Rack 8+3.",
        sender=f"Jo <{user}>",
        to="ana@acme.example",
        message_id="<a@jo>",
        headers="In-Reply-To: <m1@acme.example>\n",
    )
    dovecot.deliver(user, answer.replace(b"09:15:00", b"11:15:00"), mailbox="Sent")
    dovecot.deliver(user, mail(to=user))


def test_people_are_listed_shown_explained_and_merged(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    make_settings(dovecot.port, user)
    exchanged(dovecot, user)
    run("fetch", "--no-drafts")
    assert "Ana Ruiz\tana@acme.example\t2026-11-20\tmade by mailbot\tPeople/Ana Ruiz/README.md" in run(
        "people"
    )
    shown = json.loads(run("people", "Ana Ruiz", "--json"))
    assert shown["person"]["emails"] == ["ana@acme.example"]
    assert "needs-review" in run("people", "ana@acme.example")
    assert "no person note: nobody reads answers" in run("people", "no-reply@acme.example")
    assert "it is your own address" in run("people", user)
    assert "never written" in run("people", "new@acme.example")
    (vault / "A.md").write_text("---\ntype: people\ntitle: A. Ruiz\nemail: a@home.example\n---\n")
    assert "would be merged" in run("people", "--merge", "Ana Ruiz", "A. Ruiz", "--dry-run")
    assert (vault / "A.md").read_text().endswith("a@home.example\n---\n")
    assert "was merged into People/Ana Ruiz/README.md" in run("people", "--merge", "Ana Ruiz", "A. Ruiz")
    assert json.loads(run("people", "--json"))["people"][0]["aliases"] == ["a. ruiz"]
    assert "no person note has that name" in run("people", "--merge", "Ana Ruiz", "Nobody", code=65)


def test_a_backtest_prints_its_figures(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    make_settings(dovecot.port, user, llm=model.url)
    exchanged(dovecot, user)
    printed = run("backtest", "--last", "3")
    assert "mails\t1, of which 1 were drafted" in printed
    assert "The report: Mailbot/Backtest" in printed
    said = json.loads(run("backtest", "work", "--json"))
    assert (vault / said["note"]).exists()
    assert said["recipients right"] == "1 of 1"
    model.answer = lambda _: (503, {}, "{}")
    assert json.loads(run("backtest", "--json", code=1).splitlines()[0])["failed"]


def test_a_mail_that_is_kept_is_no_context_for_itself(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    make_settings(dovecot.port, user)
    exchanged(dovecot, user)
    run("fetch", "--no-drafts")
    (tmp_path / "m.eml").write_bytes(mail(to=user))
    said = json.loads(run("explain", str(tmp_path / "m.eml"), "--json"))
    assert said["context"]
    assert [c for c in said["context"] if c["note"].startswith("Email/")] == []
