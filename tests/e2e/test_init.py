"""The set-up, from nothing to the first draft, on a real terminal against real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from mailbot.config import load
from mailbot.errors import MailbotError
from mailbot.mail.discovery.found import MailServer, MailServers
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import OAuth
from mailbot.sync.session.login import access_of
from mailbot.sync.setup.backlog import Reach
from mailbot.sync.setup.identity import Identity
from mailbot.sync.setup.notes import Notes
from mailbot.sync.setup.servers import Servers
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
    return on_a_terminal(
        "init", *ispdb, "--schedule", "no", *arguments, script=script, **trusted, **environment
    )


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
            ("Your mail address:", user), ("Send your login there?", "y"), ("Certificate file", ""),
            ("User name", ""), ("A name for this account", "work"), ("How do you log in?", None), ("Number", "1"),
            ("Where should the password", None), ("Number", "1"), ("The password", "wrong"), ("password again", PASSWORD), ("removed again", None),
            ("this SMTP server?", None), ("Number", "1"), ("Which vault?", None), ("Number", "1"), ("Folder for people", ""), ("Folder for mail", ""),
            ("Which model should write drafts?", None), ("Number", "address"), ("Its address", model.url), ("Model:", "scripted"),
            ("Does it need an API key?", ""), ("Your name", ""), ("Put it below drafts?", "y"), ("Which should become", None),
            ("Number", ""), ("And from then on?", None), ("Number", "new"), ("make the first drafts now?", "y"),
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
    twice = ran("init", "--yes", *plain(dovecot, user, password_file, vault)[:6], "--name", "newer")
    assert twice.returncode == 78 and f"{user} is set up already, as new; nothing was changed" in twice.stderr
    other = ["--address", f"x{user}", *plain(dovecot, user, password_file, vault)[2:6]]
    taken = ran("init", "--yes", *other, "--name", "new")
    assert taken.returncode == 78 and "--name: there is an account of that name" in taken.stderr
    for option in (["--vault", str(vault)], ["--model-url", "none"]):
        own = ran("init", "--yes", *other, *option)
        assert own.returncode == 78 and "has its own already" in own.stderr
    assert path.read_text() == after


@pytest.mark.parametrize("after", ["Your mail address:", "User name", "A name for this account", "The password", "Folder for mail", "Your name", "And from then on?"])  # fmt: skip
def test_ctrl_c_leaves_nothing_half_written(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, after: str
) -> None:
    obsidian_knows(own_home, vault)
    script: list[tuple[str, Answer]] = [
        ("Your mail address:", user), ("IMAP server", f"127.0.0.1:{dovecot.port}/none"), ("SMTP server", "none"),
        ("User name", ""), ("A name for this account", "work"), ("Number", "1"), ("The password", PASSWORD),
        ("Which vault?", None), ("Number", "1"), ("Folder for people", ""), ("Folder for mail", ""), ("Number", "none"), ("Your name", ""),
        ("Number", ""), ("And from then on?", None),
    ]  # fmt: skip
    end = next(n for n, (question, _) in enumerate(script) if question == after)
    before = tree(vault)
    offered: list[tuple[str, Answer]] = [("How do you log in?", None), ("Number", "password")]
    script = [*script[:end], (after, signal.SIGINT)]
    at = next((n for n, (q, _) in enumerate(script) if q == "A name for this account"), None)
    if at is not None and after != "A name for this account":
        script[at + 1 : at + 1] = offered
    ended = init(script)
    assert ended.code in (1, 130) and not settings_path(own_home).parent.exists(), ended.shown
    assert tree(vault) == before and not dovecot.messages(user, "Drafts")


def test_three_wrong_passwords_keep_nothing(dovecot: Dovecot, user: str, own_home: Path, vault: Path) -> None:
    ended = init(
        [("log in?", None), ("Number", "1"), ("Where should the password", None), ("Number", "1"), ("The password", "a"), ("password again", "b"), ("password again", "c")],
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
        [("Make it?", "y"), ("Folder for people", ""), ("Folder for mail", "/../x"), ("Folder for mail", "Post"), ("Your name", "Jo"), ("Number", ""), ("Number", "")],
        None, None, *plain(dovecot, user, password_file, new), "--smtp", "none", "--username", user, "--name", "work", "--login", "password",
    )  # fmt: skip
    assert ended.code == 0, ended.shown
    assert load(settings_path(own_home)).email_folder == "Post" and new.is_dir()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--password-file", "missing"], "--password-file: the file"), (["--password-file", "open"], "chmod 600"),
        (["--password-env", "NOT_SET"], "--password-env: the environment variable NOT_SET is not set"),
        (["--password-command", "false"], "--password-command: the command 'false' for its secret ended with 1"),
        (["--schedule", "at"], "is not one of"), (["--since", "yesterday"], "is not one of"), (["--vault", "open"], "--vault"),
        (["--vault", "typo"], "--make-vault yes"), (["--api-key-file", "missing", "--model-url", "http://127.0.0.1:9/v1", "--model", "m"], "--api-key-file: the file"),
        (["--address", "nobody"], "--address: write your mail address"), (["--imap", "a b"], "--imap: write a host"),
    ],
)  # fmt: skip
def test_an_option_that_is_wrong_is_named(
    dovecot: Dovecot,
    user: str,
    own_home: Path,
    vault: Path,
    password_file: Path,
    tmp_path: Path,
    options: list[str],
    says: str,
) -> None:
    (tmp_path / "open").write_text("x")
    (tmp_path / "open").chmod(0o644)
    given = plain(dovecot, user, password_file, vault)
    if options[0].startswith("--password"):
        del given[given.index("--password-file") :][:2]
        given = [a for a in given if a not in ("--password-file", str(password_file))]
    done = ran("init", "--yes", *given, *options)
    assert done.returncode in (2, 78) and says in done.stderr, done.stderr
    assert not settings_path(own_home).exists() and not (tmp_path / "typo").exists()


def test_a_relative_path_is_written_whole(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    done = ran("init", "--yes", *plain(dovecot, user, Path(password_file.name), vault), "--drafts-now", "no")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(settings_path(own_home).read_text())["accounts"][0]["password"] == {
        "file": str(password_file)
    }


def test_an_smtp_server_can_be_corrected_and_one_that_does_not_answer_asked_for_again(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    with SmtpServer() as smtp:
        ended = init(
            [
                ("IMAP server (host", f"127.0.0.1:{dovecot.port}/none"), ("this SMTP server?", None), ("Number", "2"),
                ("SMTP server (host", f"127.0.0.1:{smtp.port}/none"), ("nothing was sent", None),
            ],
            None, None, "--address", user, "--imap", "127.0.0.1:9/none", "--smtp", "127.0.0.1:9/none", "--username", user, "--name", "work",
            "--login", "password", "--password-file", str(password_file), "--vault", str(vault), "--people-folder", "People", "--email-folder",
            "Email", "--model-url", "none", "--display-name", "Jo", "--since", "all", "--fetch", "unseen",
        )  # fmt: skip
    assert ended.code == 0, ended.shown
    (account,) = load(settings_path(own_home)).accounts
    assert account.smtp and (account.imap.port, account.smtp.port) == (dovecot.port, smtp.port)


def test_ctrl_c_after_the_settings_were_written_says_so(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    ended = init(
        [("first drafts now?", signal.SIGINT)], None, None, *plain(dovecot, user, password_file, vault), "--smtp", "none", "--username", user,
        "--name", "work", "--login", "password", "--people-folder", "People", "--email-folder", "Email", "--display-name", "Jo", "--since", "all",
        "--fetch", "unseen",
    )  # fmt: skip
    assert ended.code != 0 and "The set-up is done" in ended.shown
    assert ran("sync").returncode == 0 and len(list((vault / "Email").rglob("*_Storage.md"))) == 1


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
                ("Number", ""), ("Number", ""),
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
                    ("Your name", "Jo"), ("Number", ""), ("Number", ""), ("first drafts now?", "y"),
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


def test_no_secret_of_another_account_is_overwritten_and_none_removed(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path
) -> None:
    """Another account keeps its password in `work.secret`; the new one is called `work` and types its own."""
    folder = settings_path(own_home).parent
    folder.mkdir(parents=True)
    (folder / "work.secret").write_text("the password of the other")
    (folder / "work.secret").chmod(0o600)
    imap = f"{{host: 127.0.0.1, port: {dovecot.port}, security: none}}"
    account = (
        f"{{name: job, address: old@example.com, imap: {imap}, password: {{file: {folder / 'work.secret'}}}}}"
    )
    for accounts, code in ((f"accounts: [{account}]", 78), (f"accounts:\n  - {account}", 0)):
        settings_path(own_home).write_text(f"vault: {vault}\n{accounts}\n")
        ended = init(
            [("Number", "1"), ("The password", PASSWORD), ("Number", ""), ("Number", "")], None, None, "--address", user, "--imap",
            f"127.0.0.1:{dovecot.port}/none", "--smtp", "none", "--username", user, "--name", "work", "--login", "password", "--display-name", "Jo",
            "--drafts-now", "no",
        )  # fmt: skip
        assert ended.code == code, ended.shown
        assert (folder / "work.secret").read_text() == "the password of the other"
        assert (folder / "work-2.secret").exists() == (code == 0)
    assert [a.name for a in load(settings_path(own_home)).accounts] == ["job", "work"]


def test_a_file_that_cannot_be_written_leaves_no_secret_behind(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, tmp_path: Path
) -> None:
    (tmp_path / "ro").mkdir()
    (tmp_path / "accounts.yaml").symlink_to("/proc/version")  # a file that nobody can replace
    from mailbot.sync.setup import writing
    from mailbot.sync.setup.keeping import Kept

    undone: list[str] = []

    class Way:
        setting: dict[str, object] = {"password": {"file": "x"}}  # noqa: RUF012

        def keep(self, undo: list[object]) -> None:
            Kept("hunter2", {}, tmp_path / "work.secret").keep(undo)  # type: ignore[arg-type]
            undo.append(lambda: undone.append("way"))

    found = MailServers(MailServer("x.example", 993), None, "x")
    answers = writing.Answers(
        "work", user, Servers(found, user), Way(), Identity(), Reach(None, "unseen"), Notes(tmp_path / "new")
    )  # type: ignore[arg-type]
    with pytest.raises((OSError, MailbotError)):
        writing.write(Path("/proc/nowhere/accounts.yaml"), answers, date(2026, 11, 26))
    assert undone == ["way"] and not (tmp_path / "work.secret").exists() and not (tmp_path / "new").exists()


def test_the_settings_that_the_environment_names_are_the_ones(
    dovecot: Dovecot, user: str, own_home: Path, vault: Path, password_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    usual = settings_path(own_home)
    usual.parent.mkdir(parents=True)
    usual.write_text("not mine")
    monkeypatch.setenv("MAILBOT_CONFIG", str(tmp_path / "other" / "accounts.yaml"))
    done = ran("init", "--yes", *plain(dovecot, user, password_file, vault), "--drafts-now", "no")
    assert done.returncode == 0, done.stderr
    assert usual.read_text() == "not mine" and ran("fetch").returncode == 0


def test_a_foreign_server_is_not_trusted_unasked(
    dovecot: Dovecot, own_home: Path, vault: Path, password_file: Path
) -> None:
    """As a forged MX, or a database that was broken into, would have it."""
    with WebServer({"/v1.1/victim.example": config("victim.example", imap="imap.attacker.example")}) as web:
        done = ran(
            "init",
            "--yes",
            "--ispdb",
            f"{web.url}/v1.1/",
            "--address",
            "jo@victim.example",
            "--password-file",
            str(password_file),
            "--vault",
            str(vault),
            "--model-url",
            "none",
        )
    assert done.returncode == 78 and "--imap" in done.stderr and "imap.attacker.example" in done.stdout


def test_tokens_that_live_for_minutes_survive_a_set_up(
    own_home: Path, vault: Path, user: str, tmp_path: Path
) -> None:
    """They are refreshed while the login is tried: what is kept is what the server gave last."""
    with AuthorizationServer(lasts=60) as server:
        checking = Dovecot(introspection=f"{server.url}/introspect").start()
        try:
            from mailbot.oauth.tokens import MemoryStore, Tokens
            from mailbot.sync.setup import logging_in

            found = MailServers(MailServer("127.0.0.1", checking.port, "none"), None, "x")
            oauth = OAuth(**server.settings)
            account = logging_in._account("work", user, Servers(found, user), {"oauth": oauth})
            token = server.issue(user, 0)
            way = logging_in.Way(account, {}, None, MemoryStore(Tokens(token.access, token.refresh, 1, 60)))
            for _ in range(2):
                with ImapAccount(way.imap):
                    pass
            undo: list[Callable[[], object]] = []
            way.keep(undo)
            kept = access_of(account).store.read()
            assert kept and server.owner(kept.access) == user and kept.refresh != token.refresh
            for back in undo:
                back()
            assert access_of(account).store.read() is None
        finally:
            checking.stop()
