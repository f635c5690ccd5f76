"""Each check of `mailbot doctor`, failing once, with its words."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailbot import private
from mailbot.settings import Fallback, Rerank, Settings
from mailbot.sync.checks import mail_server, model, places
from mailbot.sync.checks.check import Check
from mailbot.sync.commands.doctor import exit_code
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.login import access_of
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from tests.conftest import ROOT, MakeSettings, mail
from tests.servers.authorization import AuthorizationServer
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


def doctor(*arguments: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]], str]:
    """(exit code, name of a check -> the worst of that name, what was shown)."""
    run = [sys.executable, "-m", "mailbot", "--config", "accounts.yaml", "doctor", *arguments]
    given = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": "/nowhere", **environment}
    done = subprocess.run([*run, "--json"], capture_output=True, text=True, env=given)
    assert done.stderr == "", done.stderr
    found: dict[str, dict[str, Any]] = {}
    for check in json.loads(done.stdout)["checks"]:
        worst = found.get(check["name"])
        if worst is None or ("ok", "warning", "wrong").index(check["level"]) > (
            "ok",
            "warning",
            "wrong",
        ).index(worst["level"]):
            found[check["name"]] = check
    shown = subprocess.run(run, capture_output=True, text=True, env=given).stdout
    return done.returncode, found, shown


def change(tmp_path: Path, **account: Any) -> None:
    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    data["accounts"][0] |= account
    path.write_text(yaml.safe_dump(data))


@pytest.fixture
def settings(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, tmp_path: Path
) -> Settings:
    """Settings with which all is well."""
    answers = model.answer
    model.answer = lambda r: json.dumps({"reply": "Yes."}) if "lunch" in str(r["messages"]) else answers(r)
    secret = tmp_path / "work.secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    dovecot.deliver(user, mail(to=user))
    return make_settings(dovecot.port, user, llm=model.url, account={"password": {"file": str(secret)}})


def test_all_is_well_and_nothing_is_left_behind(
    settings: Settings, dovecot: Dovecot, user: str, vault: Path
) -> None:
    with SmtpServer() as smtp:
        change(vault.parent, smtp={"host": "127.0.0.1", "port": smtp.port, "security": "none"})
        code, found, shown = doctor()
    assert {n: c["found"] for n, c in found.items() if c["level"] != "ok" and n != "schedule"} == {}
    assert code == 1 and "nothing runs mailbot by itself" in shown  # no crontab here
    assert set(found) >= {
        "version", "settings", "secret", "state folder", "vault", "sync conflicts", "index", "journal", "disk", "schedule", "imap", "mailbox",
        "drafts", "sent", "trash", "drafts round trip", "clock", "smtp", "model", "model: JSON schema", "model: context", "model: price",
    }  # fmt: skip
    assert not dovecot.messages(user, "Drafts") and not dovecot.messages(user, "Trash")
    assert set(dovecot.flags(user).values()) == {()} and [p.name for p in vault.iterdir()] == ["Projects"]


def broken_settings(tmp_path: Path) -> None:
    (tmp_path / "accounts.yaml").write_text("vault: /x\nacounts: []\n")


def open_secret(tmp_path: Path) -> None:
    (tmp_path / "work.secret").chmod(0o644)


def empty_secret(tmp_path: Path) -> None:
    (tmp_path / "work.secret").write_text("")


def wrong_password(tmp_path: Path) -> None:
    (tmp_path / "work.secret").write_text("wrong")


def no_vault(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "vault")


def conflict(tmp_path: Path) -> None:
    (tmp_path / "vault" / "Projects" / "Plan.sync-conflict-20261120-101010-ABCDEFG.md").write_text("x")


def broken_index(tmp_path: Path) -> None:
    path = State(tmp_path / "vault").index
    private.folder(path.parent)
    path.write_bytes(b"no database" * 1000)
    path.chmod(0o600)


def broken_journal(tmp_path: Path) -> None:
    path = State(tmp_path / "vault").journal
    private.folder(path.parent)
    path.write_bytes(b"no database" * 1000)
    path.chmod(0o600)


def newer_journal(tmp_path: Path) -> None:
    path = State(tmp_path / "vault").journal
    private.folder(path.parent)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    path.chmod(0o600)


def open_state(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "state").chmod(0o755)


def no_mailbox(tmp_path: Path) -> None:
    change(tmp_path, mailboxes=["Inbox/Nowhere"])


def no_drafts(tmp_path: Path) -> None:
    change(tmp_path, drafts_mailbox="Nowhere")


def no_imap(tmp_path: Path) -> None:
    change(tmp_path, imap={"host": "127.0.0.1", "port": 9, "security": "none"})


def no_smtp_server(tmp_path: Path) -> None:
    change(tmp_path, smtp={"host": "127.0.0.1", "port": 9, "security": "none"})


def unset_variable(tmp_path: Path) -> None:
    change(tmp_path, password={"env": "NOT_SET_ANYWHERE"})


def no_embeddings(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    path.write_text(
        yaml.safe_dump({**data, "embeddings": {"model": "none-such", "base_url": "http://127.0.0.1:9/v1"}})
    )


@pytest.mark.parametrize(
    ("damage", "name", "level", "says", "code"),
    [
        (broken_settings, "settings", "wrong", "did you mean `accounts`?", 78),
        (open_secret, "settings", "wrong", "chmod 600", 78),
        (empty_secret, "secret", "wrong", "gives nothing", 77),
        (unset_variable, "secret", "wrong", "NOT_SET_ANYWHERE is not set", 77),
        (wrong_password, "imap", "wrong", "refused user name and password", 77),
        (no_imap, "imap", "wrong", "could not connect", 69),
        (no_mailbox, "mailbox", "wrong", "Inbox/Nowhere", 69),
        (no_drafts, "drafts", "wrong", "no Drafts mailbox was found", 69),
        (no_smtp_server, "smtp", "wrong", "could not connect", 69),
        (no_vault, "vault", "wrong", "it is not a folder", 78),
        (conflict, "sync conflicts", "warning", "Plan.sync-conflict", 1),
        (broken_index, "index", "warning", "it is damaged", 1),
        (broken_journal, "journal", "wrong", "damaged", 65),
        (newer_journal, "journal", "wrong", "a newer mailbot made this journal", 65),
        (open_state, "state folder", "wrong", "can be read by others", 1),
        (no_embeddings, "embeddings", "wrong", "127.0.0.1:9", 69),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    settings: Settings,
    tmp_path: Path,
    damage: Callable[[Path], None],
    name: str,
    level: str,
    says: str,
    code: int,
) -> None:
    damage(tmp_path)
    ended, found, shown = doctor()
    check = found[name]
    assert (check["level"], ended) == (level, code), found
    assert says in f"{check['found']} {check['advice']}" and says in shown


def test_without_a_network_it_looks_at_this_machine(
    settings: Settings, tmp_path: Path, model: ModelServer
) -> None:
    no_imap(tmp_path)
    model.requests.clear()
    code, found, _ = doctor("--offline")
    assert code == 1 and "imap" not in found and not model.requests


def test_a_secret_in_the_environment_is_worth_a_word(
    dovecot: Dovecot, user: str, make_settings: MakeSettings
) -> None:
    make_settings(dovecot.port, user)
    _, found, _ = doctor("--offline")
    assert found["secret"]["level"] == "warning" and "cron" in found["secret"]["advice"]


def test_failing_mails_are_named(settings: Settings, tmp_path: Path, model: ModelServer) -> None:
    model.answer = lambda r: (400, {}, '{"error": {"message": "no"}}')
    fetch_all(settings, Options())
    _, found, _ = doctor("--offline")
    assert (
        found["failing mails"]["level"] == "warning" and "mailbot status" in found["failing mails"]["advice"]
    )


def test_a_login_that_has_ended(dovecot: Dovecot, user: str, make_settings: MakeSettings) -> None:
    with AuthorizationServer() as server:
        made = make_settings(dovecot.port, user, account={"password": None, "oauth": server.settings})
        (account,) = made.accounts
        from mailbot.oauth.tokens import Tokens

        def found() -> Check:
            check = places.tokens(account)
            assert check
            return check

        assert "nobody has logged in yet" in found().found and "mailbot auth login work" in found().advice
        store = access_of(account).store
        store.write(Tokens("at", "rt", time.time() + 3600))
        assert found().level == "ok" and "59 minutes" in found().found
        store.write(Tokens("at", "rt", time.time() + 60))
        assert found().level == "ok" and "next run" in found().found
        store.write(Tokens("at", "", time.time() + 3600))
        assert found().level == "warning"
        store.write(Tokens("at", "rt", 1, dead="invalid_grant"))
        assert found().level == "wrong" and found().code == 77


@pytest.mark.parametrize("full", [50_000_000, 500_000_000])
def test_a_disk_that_is_full(settings: Settings, monkeypatch: pytest.MonkeyPatch, full: int) -> None:
    usage = shutil._ntuple_diskusage(10**12, 10**12, full)  # type: ignore[attr-defined]
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: usage)
    (check,) = places.disk(settings)
    assert check.level == ("wrong" if full < 100_000_000 else "warning") and "GB free" in check.found


def test_a_model_that_understands_little(
    settings: Settings, model: ModelServer, make_settings: MakeSettings, dovecot: Dovecot, user: str
) -> None:
    from mailbot.sync.checks.model import model as look

    good = model.answer
    model.answer = lambda r: (
        (400, {}, '{"error": {"message": "json_schema is not supported"}}')
        if "response_format" in r
        else good(r)
    )
    assert settings.llm
    found = {c.name: c for c in look(settings.llm)}
    assert found["model"].level == "ok" and found["model: JSON schema"].level == "warning"
    model.answer = lambda r: (401, {}, '{"error": {"message": "bad key"}}')
    (only,) = look(settings.llm)
    assert (only.level, only.code) == ("wrong", 77)
    model.answer = good
    priced = make_settings(
        dovecot.port, user, llm=model.url, model={"prices": {"scripted": {"input": 2, "output": 8}}}
    ).llm
    assert priced
    assert "cost 0.003600" in next(c.found for c in look(priced) if c.name == "model: price")
    far = priced.model_copy(update={"base_url": "https://far.example/v1", "prices": {}})
    assert model_price(far).level == "warning"
    limited = far.model_copy(
        update={
            "budget": far.budget.model_copy(
                update={"per_day": far.budget.per_day.model_copy(update={"money": 1.0})}
            )
        }
    )
    assert model_price(limited).code == 78


def model_price(llm: Any) -> Check:
    return model._price(llm, "x", model.Tried(1, 10, 10, 0))


def test_a_context_that_is_too_small(settings: Settings) -> None:
    from tests.servers.autoconfig import WebServer

    rows = {
        "data": [
            {"id": "scripted", "max_model_len": 8192},
            {"id": "llama", "meta": {"n_ctx": 32768}},
            {"id": "silent"},
        ]
    }
    with WebServer({"/v1/models": json.dumps(rows)}) as web:
        assert settings.llm
        llm = settings.llm.model_copy(update={"base_url": f"{web.url}/v1"})
        small = model._window(llm, "x")
        assert (
            small.level == "warning"
            and "8,192 tokens" in small.found
            and "llm.context_tokens" in small.advice
        )
        assert model._window(llm.model_copy(update={"model": "llama"}), "x").level == "ok"
        assert "size unknown" in model._window(llm.model_copy(update={"model": "silent"}), "x").found


def test_clocks_that_differ_and_the_worst_of_all() -> None:
    from datetime import timedelta

    behind, ahead = (
        mail_server._clock("work", timedelta(minutes=9)),
        mail_server._clock("work", timedelta(minutes=-9)),
    )
    assert (
        "9 minutes behind" in behind.found
        and "9 minutes ahead of" in ahead.found
        and behind.level == "warning"
    )
    assert mail_server._clock("work", timedelta(seconds=60)).level == "ok"
    ok, wrong = Check("a", "", "ok", ""), Check("c", "", "wrong", "", code=77)
    assert [
        exit_code(c) for c in ([ok], [ok, behind], [behind, wrong, Check("d", "", "wrong", "", code=69)])
    ] == [0, 1, 77]


def test_a_server_without_uidplus_gets_no_test_draft(make_settings: MakeSettings) -> None:
    with ScriptedImap(capabilities="IMAP4rev1") as server:
        made = make_settings(server.port, "jo@example.com")
        from mailbot.sync.session.login import login

        found = {c.name: c for c in mail_server.imap(made.accounts[0], login(made.accounts[0]))}
        assert found["drafts round trip"].level == "warning" and "UIDPLUS" in found["drafts round trip"].found


def test_a_test_draft_that_a_killed_run_has_left_is_taken_away_and_no_other(
    settings: Settings, dovecot: Dovecot, user: str
) -> None:
    from datetime import UTC, datetime

    from mailbot.sync.session.login import login

    (account,) = settings.accounts
    left = mail_server._test_draft(user, mail_server._test_id(user), datetime.now(UTC))
    own = mail(
        "A test of mailbot's, which I write myself.",
        to="ana@acme.example",
        sender=user,
        subject="A test of mailbot's",
    )
    dovecot.deliver(user, left, own, left, mailbox="Drafts")
    found = {c.name: c for c in mail_server.imap(account, login(account))}
    assert found["drafts round trip"].level == "ok"
    (stays,) = dovecot.messages(user, "Drafts").values()
    assert b"which I write myself" in stays


def test_a_server_that_fails_in_the_middle_keeps_no_test_draft(
    settings: Settings, dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.errors import ServerUnavailable
    from mailbot.mail.server.account import ImapAccount
    from mailbot.sync.session.login import login

    def broken(*_: object) -> list[object]:
        raise ServerUnavailable("FETCH failed")

    (account,) = settings.accounts
    with monkeypatch.context() as patch:
        patch.setattr(ImapAccount, "listings", broken)
        found = {c.name: c for c in mail_server.imap(account, login(account))}
    assert found["drafts round trip"].level == "wrong" and "FETCH failed" in found["drafts round trip"].found
    list(mail_server.imap(account, login(account)))  # the next look takes it away
    assert not dovecot.messages(user, "Drafts")


def test_every_model_that_is_configured_is_asked(settings: Settings, model: ModelServer) -> None:
    from mailbot.sync.checks.model import models as look

    assert settings.llm
    good = model.answer
    model.answer = lambda r: (
        (404, {}, '{"error": {"message": "no such model"}}') if r["model"] == "none-such" else good(r)
    )
    fallback = Fallback(base_url="http://127.0.0.1:9/v1", model="other")
    llm = settings.llm.model_copy(
        update={"triage_model": "none-such", "fallbacks": (fallback,), "retries": 0}
    )
    rerank = Rerank(model="r", base_url="http://127.0.0.1:9/v1")
    found = {c.name: c.level for c in look(settings.model_copy(update={"llm": llm, "rerank": rerank}))}
    assert found["model"] == "ok"
    assert (found["model: triage"], found["fallback 1"], found["rerank"]) == ("wrong", "wrong", "wrong")
    model.answer = good
    fine = settings.llm.model_copy(update={"triage_model": "small"})
    assert {c.name: c.level for c in look(settings.model_copy(update={"llm": fine}))}["model: triage"] == "ok"


def test_only_the_secrets_of_the_account_that_is_asked_for_are_fetched(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    other = {
        **data["accounts"][0],
        "name": "other",
        "password": {"command": ["touch", str(tmp_path / "was-run")]},
    }
    path.write_text(yaml.safe_dump({**data, "accounts": [*data["accounts"], other]}))
    doctor("--offline", "--account", "work", PATH=os.environ["PATH"])
    assert not (tmp_path / "was-run").exists()


def test_a_server_that_asks_for_no_login_is_not_said_to_be_logged_in_to(settings: Settings) -> None:
    from mailbot.mail.server.login import Login

    with SmtpServer() as smtp:
        here = mail_server.smtp(
            settings.accounts[0], Login("work", "127.0.0.1", smtp.port, "none", "jo", lambda: "x")
        )
    assert here.level == "ok" and "asks for no login" in here.found
