"""The set-up, from nothing to the first draft, on a real terminal against real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mailbot.config import load
from tests.conftest import ROOT, mail, tree
from tests.servers.authorization import AuthorizationServer
from tests.servers.autoconfig import WebServer, config
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer
from tests.servers.terminal import Answer, Ended, on_a_terminal

pytestmark = pytest.mark.dovecot

SIGNED = "Hi Ana,\n\nthanks, see you.\n\n-- \nJo Vermeer\nAcme Storage"


@pytest.fixture(scope="module")
def secure() -> Iterator[Dovecot]:
    """A Dovecot with TLS."""
    server = Dovecot(tls=True).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def provider(secure: Dovecot) -> Iterator[WebServer]:
    """Mozilla's database, played: it knows where the mail of example.com is."""
    with WebServer(
        {
            "/v1.1/example.com": config(
                "example.com", imap="localhost", imap_port=secure.tls_port, smtp="localhost", smtp_port=9
            )
        }
    ) as web:
        yield web


def init(
    script: list[tuple[str, Answer]],
    provider: WebServer | None = None,
    secure: Dovecot | None = None,
    *arguments: str,
    **environment: str,
) -> Ended:
    """`mailbot init`, with the authorities of this test, where it asks `provider`."""
    ispdb = ["--ispdb", f"{provider.url}/v1.1/"] if provider else ["--ispdb", "none"]
    trusted = {"SSL_CERT_FILE": str(secure.authority)} if secure else {}
    return on_a_terminal("init", *ispdb, *arguments, script=script, **trusted, **environment)


def settings_path(home: Path) -> Path:
    return home / ".config" / "mailbot" / "accounts.yaml"


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailbot", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def obsidian_knows(home: Path, vault: Path) -> None:
    folder = home / ".config" / "obsidian"
    folder.mkdir(parents=True)
    (folder / "obsidian.json").write_text(
        json.dumps({"vaults": {"abc": {"path": str(vault), "ts": 5, "open": True}}})
    )


def test_from_an_address_to_the_first_draft(
    secure: Dovecot, provider: WebServer, user: str, own_home: Path, vault: Path, model: ModelServer
) -> None:
    """Found by autoconfig; a wrong password typed first; no SMTP; Obsidian's vault; a model by its address; the name and signature
    that Sent shows."""
    obsidian_knows(own_home, vault)
    (vault / "Contacts").mkdir()
    (vault / "Contacts" / "Ana.md").write_text("---\ntype: people\nemail: ana@acme.example\n---\n")
    secure.deliver(user, mail(to=user))
    for number in range(3):
        sent = mail(
            SIGNED,
            sender=f"Jo Vermeer <{user}>",
            to="ana@acme.example",
            message_id=f"<s{number}@example.com>",
        )
        secure.deliver(user, sent, mailbox="Sent")
    said = json.dumps({"reply": "Yes, gladly."})
    answers = model.answer
    model.answer = lambda request: said if "lunch" in str(request["messages"]) else answers(request)
    ended = init(
        [
            ("Your mail address:", user), ("Will you log in there?", "y"), ("The file with the server's certificate", ""),
            ("User name for the login", ""), ("A name for this account", "work"), ("How does this account log in?", None), ("Number", "1"),
            ("Where is the password", None), ("Number", "1"), ("The password", "wrong"), ("once more", PASSWORD), ("out again", None),
            ("Keep this SMTP server", "n"), ("Which vault?", None), ("Number", "1"), ("Folder for people", ""), ("Folder for mail", ""),
            ("Which model is to draft?", None), ("Number", "address"), ("Its address", model.url), ("Model:", "scripted"),
            ("Does it want a key?", "n"), ("Your name", ""), ("Put it below drafts?", "y"), ("Which of them are to become", None),
            ("Number", ""), ("Which mail after that?", None), ("Number", "new"), ("make the first drafts now?", "y"),
            ("Should mailbot run", None), ("Number", "1"),
        ],
        provider, secure,
    )  # fmt: skip
    assert ended.code == 0, ended.shown
    made = load(settings_path(own_home))
    (account,) = made.accounts
    assert (account.name, account.imap.host, account.imap.security, account.smtp) == (
        "work",
        "localhost",
        "tls",
        None,
    )
    assert (account.display_name, account.signature, account.fetch) == (
        "Jo Vermeer",
        "Jo Vermeer\nAcme Storage",
        "new",
    )
    assert (made.vault, made.people_folder, made.email_folder) == (vault, "Contacts", "Email")
    assert made.llm and (made.llm.model, made.llm.api_key) == ("scripted", None)
    assert len(list((vault / "Email" / "Drafts").glob("*.md"))) == 1
    (draft,) = secure.messages(user, "Drafts").values()
    assert b"8+3" in draft and b"Acme Storage" in draft
    assert (vault / "Mailbot" / "Drafts.base").exists()
    secret_file = own_home / ".config" / "mailbot" / "work.secret"
    assert secret_file.read_text() == f"{PASSWORD}\n" and secret_file.stat().st_mode & 0o777 == 0o600
    for text in (settings_path(own_home).read_text(), ended.shown):
        assert PASSWORD not in text.replace("work.secret", "")
    assert user.partition("@")[0] not in "".join(provider.said)


def plain(dovecot: Dovecot, user: str, password_file: Path, vault: Path) -> list[str]:
    return ["--address", user, "--imap", f"127.0.0.1:{dovecot.port}/none", "--password-file", str(password_file), "--vault", str(vault),
            "--model-url", "none"]  # fmt: skip


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    path.chmod(0o600)
    return path


def test_without_a_terminal_the_options_answer(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    asked = ran("init")
    assert (
        asked.returncode == 78
        and "nobody is at a terminal" in asked.stderr
        and "--password-file" in asked.stderr
    )
    for number in range(2):
        dovecot.deliver(user, mail(to=user, message_id=f"<m{number}@x.example>", subject=f"Storage {number}"))
    done = ran("init", "--yes", *plain(dovecot, user, password_file, vault), "--since", "30d")
    assert done.returncode == 0, done.stderr
    assert "Made: 2 notes and 2 drafts" in done.stdout
    (account,) = load(settings_path(own_home)).accounts
    assert account.since and account.name == "example"
    before = tree(vault)
    assert ran("sync").returncode == 0 and tree(vault) == before
    nobody = ran("init", "--yes", "--address", "x@example.com", "--imap", f"127.0.0.1:{dovecot.port}/none")
    assert nobody.returncode == 78 and "--password-file" in nobody.stderr


def test_a_second_run_adds_an_account_and_changes_nothing_else(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    path = settings_path(own_home)
    path.parent.mkdir(parents=True)
    before = (
        f"# mine\nvault: '{vault}'   # here\n\naccounts:   # all of them\n    - name: old\n      address: old@example.com\n"
        f"      imap: {{host: 127.0.0.1,   port: {dovecot.port}, security: none}}  # a bridge\n      password: {{file: {password_file}}}\n"
        "\n# what else\ndrafts:\n    max_per_run:   3\n"
    )  # fmt: skip
    path.write_text(before)
    path.chmod(0o640)
    done = ran(
        "init",
        "--yes",
        *plain(dovecot, user, password_file, vault)[:6],
        "--name",
        "new",
        "--drafts-now",
        "no",
    )
    assert done.returncode == 0, done.stderr
    after = path.read_text()
    head, tail = before.split("\n# what else")
    assert (
        after.startswith(head)
        and after.endswith("\n# what else" + tail)
        and "    - name: new\n      address:" in after
    )
    assert [a.name for a in load(path).accounts] == ["old", "new"] and path.stat().st_mode & 0o777 == 0o640
    taken = ran("init", "--yes", *plain(dovecot, user, password_file, vault)[:6], "--name", "new")
    assert taken.returncode == 78 and "--name: there is an account of that name" in taken.stderr
    assert path.read_text() == after


@pytest.mark.parametrize("after", ["Your mail address:", "User name for the login", "A name for this account", "The password", "Folder for mail", "Your name", "Which mail after that?"])  # fmt: skip
def test_ctrl_c_leaves_nothing_half_written(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, after: str
) -> None:
    obsidian_knows(own_home, vault)
    script: list[tuple[str, Answer]] = [
        ("Your mail address:", user), ("IMAP server", f"127.0.0.1:{dovecot.port}/none"), ("SMTP server", "none"),
        ("User name for the login", ""), ("A name for this account", "work"), ("Number", "1"), ("The password", PASSWORD),
        ("Which vault?", None), ("Number", "1"), ("Folder for people", ""), ("Folder for mail", ""), ("Number", "none"), ("Your name", ""),
        ("Number", ""), ("Which mail after that?", None),
    ]  # fmt: skip
    end = next(n for n, (question, _) in enumerate(script) if question == after)
    before = tree(vault)
    offered: list[tuple[str, Answer]] = [("How does this account log in?", None), ("Number", "password")]
    script = [*script[:end], (after, signal.SIGINT)]
    at = next((n for n, (q, _) in enumerate(script) if q == "A name for this account"), None)
    if at is not None and after != "A name for this account":
        script[at + 1 : at + 1] = offered
    ended = init(script)
    assert ended.code in (1, 130) and not settings_path(own_home).parent.exists(), ended.shown
    assert tree(vault) == before and not dovecot.messages(user, "Drafts")


def test_three_wrong_passwords_keep_nothing(dovecot: Dovecot, user: str, own_home: Path, vault: Path) -> None:
    ended = init(
        [("log in?", None), ("Number", "1"), ("Where is the password", None), ("Number", "1"), ("The password", "a"), ("once more", "b"), ("once more", "c")],
        None, None, "--address", user, "--imap", f"127.0.0.1:{dovecot.port}/none", "--smtp", "none", "--username", user, "--name", "work",
    )  # fmt: skip
    assert (
        ended.code == 78
        and "nothing was kept" in ended.shown
        and "many providers want an app password" in ended.shown
    )
    assert not settings_path(own_home).parent.exists()


def test_a_vault_that_is_not_there_is_made_if_the_user_says_so(
    dovecot: Dovecot, user: str, own_home: Path, tmp_path: Path, password_file: Path
) -> None:
    new = tmp_path / "new vault"
    ended = init(
        [("Make it?", "y"), ("Folder for people", ""), ("Folder for mail", "/../x"), ("Folder for mail", "Post"), ("Your name", "Jo"), ("Number", ""), ("Number", ""), ("Number", "1")],
        None, None, *plain(dovecot, user, password_file, new), "--smtp", "none", "--username", user, "--name", "work", "--login", "password",
    )  # fmt: skip
    assert ended.code == 0, ended.shown
    assert load(settings_path(own_home)).email_folder == "Post" and new.is_dir()


def test_a_server_that_is_not_there_says_so(
    user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    done = ran(
        "init",
        "--yes",
        "--address",
        user,
        "--imap",
        "127.0.0.1:9/none",
        "--password-file",
        str(password_file),
        "--vault",
        str(vault),
        "--model-url",
        "none",
    )
    assert (
        done.returncode == 69 and "could not connect" in done.stderr and not settings_path(own_home).exists()
    )


def test_nobody_knows_the_servers_and_they_are_typed_in(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    with WebServer({}) as nothing, SmtpServer() as smtp:
        ended = init(
            [
                ("IMAP server", "not a server!"), ("IMAP server", f"127.0.0.1:{dovecot.port}/none"), ("SMTP server", f"127.0.0.1:{smtp.port}/none"),
                ("User name", ""), ("A name", "work"), ("Folder for people", ""), ("Folder for mail", ""), ("Your name", "Jo"),
                ("Number", ""), ("Number", ""), ("Number", "1"),
            ],
            nothing, None, "--address", user.replace("example.com", "nowhere.invalid"), "--password-file", str(password_file), "--vault",
            str(vault), "--model-url", "none", "--login", "password",
        )  # fmt: skip
    assert ended.code == 0, ended.shown
    (account,) = load(settings_path(own_home)).accounts
    assert account.smtp and account.smtp.port == smtp.port and "nothing was sent" in ended.shown


@pytest.mark.browser
def test_a_login_by_browser_through_the_page_of_consent(
    own_home: Path, vault: Path, user: str, tmp_path: Path
) -> None:
    with AuthorizationServer() as server:
        checking = Dovecot(introspection=f"{server.url}/introspect").start()
        try:
            checking.deliver(user, mail(to=user))
            ended = init(
                [
                    ("User name", ""), ("A name", "work"), ("Client id", server.client_id), ("authorization endpoint", "http://far.example/x"),
                    ("authorization endpoint", f"{server.url}/authorize"), ("token endpoint", f"{server.url}/token"), ("Scopes", "mail offline_access"),
                    ("have a secret?", "n"), ("a browser on this machine?", "y"), ("Folder for people", ""), ("Folder for mail", ""),
                    ("Your name", "Jo"), ("Number", ""), ("Number", ""), ("first drafts now?", "y"), ("Number", "1"),
                ],
                None, None, "--address", user, "--imap", f"127.0.0.1:{checking.port}/none", "--smtp", "none", "--login", "oauth-other", "--vault", str(vault),
                "--model-url", "none", BROWSER=f"{sys.executable} -m tests.servers.chromium %s", MAILBOT_TEST_ENDED_ON=str(tmp_path / "ended-on"),
            )  # fmt: skip
            assert ended.code == 0, ended.shown
            assert len(checking.messages(user, "Drafts")) == 1
            said = yaml.safe_load(settings_path(own_home).read_text())["accounts"][0]["oauth"]
            assert said["provider"] == "other" and "at-" not in settings_path(own_home).read_text()
            assert ran("sync").returncode == 0
        finally:
            checking.stop()
