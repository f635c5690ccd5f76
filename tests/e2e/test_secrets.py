"""Whatever a server, a model or a program says: no secret and no mail text in log, journal or on the terminal."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.config import state_folder
from tests.conftest import MakeSettings, mail
from tests.e2e.test_bad_servers import Account
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap, Session

PASSWORD = 'correct horse "battery" staple'
TEXT = "Hi Jo,\n\nthe merger with Blue Ocean closes on Friday, which price did you offer them?\n\nAna"
SUBJECT = "Severance of Director Mueller"
HIDDEN = ("battery", "staple", "merger", "Blue Ocean", "Severance", "Mueller", "we used 8+3 in every run")


def everything(done: str) -> str:
    """All that a run has left outside of the vault: what it printed, the log, and every text of the journal."""
    said = [done]
    for path in state_folder().rglob("*"):
        if path.name.startswith("mailbot.log"):
            said.append(path.read_text(encoding="utf-8"))
        if path.name == "journal.sqlite":
            database = sqlite3.connect(path)
            for table in ("failure", "pause", "draft", "cursor", "call"):
                said += [repr(row) for row in database.execute(f"SELECT * FROM {table}")]
            said += [repr(row) for row in database.execute("SELECT error, disposition, account FROM mail")]
            database.close()
    return "\n".join(said)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(mailbot, list(arguments))
    assert "Traceback" not in done.output
    assert "a bug in mailbot" not in done.output
    return done.output


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    return PASSWORD


QUOTED = PASSWORD.replace('"', '\\"')
PLAIN = base64.b64encode(f"\0jo@example.com\0{PASSWORD}".encode()).decode()


@pytest.mark.parametrize(
    "echo", [PASSWORD, f'"{QUOTED}"', PLAIN, PASSWORD[:22]], ids=["bare", "quoted", "sasl", "cut"]
)
@pytest.mark.parametrize("how", ["NO", "BAD", "BYE", "untagged"])
def test_a_login_that_is_echoed_shows_no_password(
    make_settings: MakeSettings, password: str, how: str, echo: str
) -> None:
    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if not line.startswith("LOGIN"):
            return None
        said = f"error in: {tag} LOGIN jo@example.com {echo}"
        if how == "BYE":
            session.send(f"* BYE {said}\r\n")
            return session.drop()
        session.send(f"* NO {said}\r\n* BAD {said}\r\n" if how == "untagged" else "")
        session.send(f"{tag} {'NO' if how == 'untagged' else how} {said}\r\n")
        return True

    with ScriptedImap(script) as server:
        make_settings(server.port, "jo@example.com")
        said = everything(run("fetch") + run("status", "--json"))
    for part in ("correct horse", "battery", "staple", PLAIN[10:40]):
        assert part not in said
    assert "account work (127.0.0.1:" in said


@pytest.mark.parametrize("status", [400, 401, 413, 422, 429, 500, 503])
def test_a_model_that_quotes_shows_neither_mail_nor_key(
    make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("LLM_KEY", "sk-live-0123456789abcdefghij")

    def answer(request: dict[str, object]) -> tuple[int, dict[str, str], str]:
        said = {"error": {"message": f"bad key sk-live-0123456789abcdefghij or input {json.dumps(request)}"}}
        return status, {}, json.dumps(said)

    account = Account(mail(TEXT, subject=SUBJECT, to="jo@example.com", headers="X-A: b\n"))
    with ScriptedImap(account) as server, ModelServer(answer) as model:
        make_settings(
            server.port, "jo@example.com", llm=model.url,
            model={"retries": 0, "api_key": {"env": "LLM_KEY"}}, drafts={"newer_than": "36500d"},
        )  # fmt: skip
        said = everything(run("fetch", "--json").split('"notes"')[0] + run("status"))
        assert model.requests
    shown = said.replace(
        "Severance-of-Director-Mueller", ""
    )  # notes are named to their owner, not in the log
    for part in (*HIDDEN, "0123456789"):
        assert part not in shown
    assert "Severance" not in (state_folder() / "mailbot.log").read_text(encoding="utf-8")


def test_a_refused_draft_that_is_quoted_shows_nothing_of_it(
    make_settings: MakeSettings, model: ModelServer
) -> None:
    account = Account(mail(TEXT, subject=SUBJECT, to="jo@example.com"))

    def trouble(session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if not line.startswith("APPEND"):
            return None
        return session.no(tag, "policy forbids: " + literal.decode("utf-8", "replace").replace("\r\n", " "))

    account.trouble = trouble
    with ScriptedImap(account) as server:
        make_settings(server.port, "jo@example.com", llm=model.url, drafts={"newer_than": "36500d"})
        said = everything(run("fetch") + run("status"))
    shown = said.replace("Severance-of-Director-Mueller", "")
    assert "the server refused the draft in Drafts" in shown
    for part in HIDDEN:
        assert part not in shown


def test_a_password_command_that_fails_shows_nothing_that_it_prints(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    script = tmp_path / "password"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nprint('battery staple')\nsys.exit('cannot use: battery staple')\n"
    )
    script.chmod(0o700)
    make_settings(1, "jo@example.com", account={"password": {"command": [str(script)]}})
    with ScriptedImap() as server:
        make_settings(server.port, "jo@example.com", account={"password": {"command": [str(script)]}})
        said = everything(run("fetch"))
    assert "ended with 1; run it in a terminal" in said
    assert "staple" not in said


def test_escape_sequences_of_a_server_reach_no_terminal(make_settings: MakeSettings) -> None:
    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("LIST"):
            session.send(b'* LIST () "/" "evil\x1b]0;owned\x07"\r\n')
            return session.ok(tag)
        return session.no(tag, "\x1b[2Jno\x9b31m") if line.startswith("EXAMINE") else None

    with ScriptedImap(script) as server:
        make_settings(server.port, "jo@example.com")
        said = everything(run("fetch"))
    assert "\x1b" not in said
    assert "\x9b" not in said
    assert "\\x1b" in said


def test_the_state_is_its_owners_alone(make_settings: MakeSettings, model: ModelServer, vault: Path) -> None:
    """Also what an earlier version had left open to others."""
    mask = os.umask(0o022)
    try:
        account = Account(
            mail(TEXT, to="jo@example.com"), mail("Which?", message_id="<2@x>", to="jo@example.com")
        )
        with ScriptedImap(account) as server, ModelServer(lambda _: (500, {}, "no")) as broken:
            make_settings(server.port, "jo@example.com", llm=broken.url, drafts={"newer_than": "36500d"})
            run("fetch")
            for path in state_folder().rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o644)
            run("fetch")
    finally:
        os.umask(mask)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in state_folder().rglob("*")}
    spool = {p for p in modes if p.suffix == ".eml"}
    assert spool
    assert {p: oct(m) for p, m in modes.items() if m & 0o077 and p not in spool and p.suffix != ".lock"} == {}


def test_a_mail_of_this_run_is_not_repeated_without_any_prompt(make_settings: MakeSettings) -> None:
    """No model is configured, no draft is made: what was fetched is known all the same."""
    account = Account(mail(TEXT, subject=SUBJECT, to="jo@example.com"))
    account.boxes["Old"] = {}

    def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("EXAMINE Drafts"):
            return session.no(tag, "index broken after: " + TEXT.replace("\n", " "))
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        make_settings(server.port, "jo@example.com", drafts={"newer_than": "36500d"})
        said = everything(run("fetch") + run("fetch") + run("status"))
    shown = said.replace("Severance-of-Director-Mueller", "")
    for part in HIDDEN:
        assert part not in shown
