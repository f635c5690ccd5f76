"""The questions of a set-up whose answers no test server can give: known providers, Obsidian's list, models on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailbot.assistant.local_models import local_servers, models_of
from mailbot.cli.asking import Terminal
from mailbot.errors import ConfigError
from mailbot.mail.discovery.found import MailServer, MailServers
from mailbot.mail.discovery.providers import providers, servers_of
from mailbot.sync.setup import logging_in
from mailbot.sync.setup.logging_in import Offered
from mailbot.sync.setup.servers import Servers, a_server, an_address
from mailbot.vault.obsidian import folders_of, known_vaults
from tests.servers.autoconfig import WebServer


@dataclass
class Told(Terminal):
    """Somebody whose answers are options, and who remembers what was said."""

    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def secret(self, question: str, key: str = "password-file") -> str:
        return "hunter2"

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        raise AssertionError


@pytest.mark.parametrize("provider", providers(), ids=lambda p: p.key)
def test_each_provider_offers_what_it_takes_and_no_more(provider, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    servers = Servers(servers_of(provider, "x"), "jo@example.com")
    everything = Offered(frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}))
    words = [w for w, _ in logging_in._ways(servers, everything)]
    assert words == [login.replace(" ", "-") for login in provider.logins]
    plain = [w for w, _ in logging_in._ways(servers, Offered(frozenset({"PLAIN"})))]
    assert plain == [w for w in words if not w.startswith("oauth")]
    with pytest.raises(ConfigError, match="offers no login that mailbot knows, only GSSAPI"):
        logging_in.ask_way(
            Told({}, quiet=True), "work", "jo@example.com", servers, Offered(frozenset({"GSSAPI"})), tmp_path
        )
    if "app password" in provider.logins:
        person = Told({"login": "app-password"}, quiet=True)
        way = logging_in.ask_way(person, "work", "jo@example.com", servers, everything, tmp_path)
        assert any(provider.app_passwords in said for said in person.said)
        assert (
            way.kept
            and way.kept.value == "hunter2"
            and way.setting["password"] == {"file": str(tmp_path / "work.secret")}
        )
        assert way.imap.secret() == "hunter2" and way.imap.host == provider.imap.host
        assert not (tmp_path / "work.secret").exists()
        undo: list[Callable[[], object]] = []
        way.keep(undo)
        assert (tmp_path / "work.secret").stat().st_mode & 0o777 == 0o600
        for back in undo:
            back()
        assert not (tmp_path / "work.secret").exists()


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("x.example", "x.example:993 (tls)"), ("x.example:143", "x.example:143 (starttls)"), ("127.0.0.1:1143/none", "127.0.0.1:1143 (none)"),
        ("x.example:1993/tls", "x.example:1993 (tls)"),
    ],
)  # fmt: skip
def test_a_server_as_people_write_it(text: str, server: str) -> None:
    assert str(a_server(text, 993)) == server
    for wrong in ("", "a b", "x:0", "x:99999", "x:1/ssl", "http://x", "x/y"):
        with pytest.raises(ValueError, match="write a host"):
            a_server(wrong, 993)
    for wrong in ("", "jo", "jo@", "@x.example", "jo@x", "a b@x.example", "<jo@x.example>"):
        with pytest.raises(ValueError, match="write your mail address"):
            an_address(wrong)
    assert an_address(" jo@localhost ") == "jo@localhost"


def test_a_certificate_is_asked_for_where_the_provider_has_one_of_its_own(tmp_path: Path) -> None:
    from mailbot.mail.discovery.discover import Sources
    from mailbot.sync.setup.servers import ask_servers

    certificate = tmp_path / "bridge.pem"
    certificate.write_text("x")
    person = Told({"ca-file": str(certificate)}, quiet=True)
    found = ask_servers(person, "jo@proton.me", Sources(ispdb=""))
    assert found.ca_file == certificate and str(found.found.imap) == "127.0.0.1:1143 (starttls)"
    assert any("Bridge must run" in said for said in person.said)
    with pytest.raises(ConfigError, match="--ca-file: there is no file"):
        ask_servers(Told({"ca-file": "/nowhere"}, quiet=True), "jo@proton.me", Sources(ispdb=""))


def test_a_guess_is_not_trusted_without_a_yes() -> None:
    from mailbot.sync.setup.servers import _agreed

    guess = MailServers(MailServer("imap.acme.example", 993), None, "DNS", guess=True)
    assert not _agreed(Told({}, quiet=True), "acme.example", guess)
    assert _agreed(Told({"trust-servers": "yes"}, quiet=True), "acme.example", guess)
    own = MailServers(MailServer("imap.acme.example", 993), MailServer("smtp.acme.example", 465), "x")
    assert _agreed(
        Told({"trust-servers": "no"}, quiet=True), "acme.example", own
    )  # the address's own: not asked
    look_alike = MailServers(MailServer("imap.acme.example.evil.test", 993), None, "x")
    assert not _agreed(Told({"trust-servers": "no"}, quiet=True), "acme.example", look_alike)


@pytest.mark.parametrize(
    ("platform", "folder"),
    [("linux", ".config/obsidian"), ("linux", ".var/app/md.obsidian.Obsidian/config/obsidian"), ("linux", "snap/obsidian/current/.config/obsidian"),
     ("darwin", "Library/Application Support/obsidian"), ("win32", "AppData/Roaming/obsidian")],
)  # fmt: skip
def test_obsidians_list_of_vaults_is_read_on_each_platform(
    platform: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("APPDATA", raising=False)
    for name in ("Old", "New", "File"):
        (tmp_path / name).mkdir() if name != "File" else (tmp_path / name).write_text("x")
    vaults = {
        "1": {"path": str(tmp_path / "Old"), "ts": 1},
        "2": {"path": str(tmp_path / "New"), "ts": 9, "open": True},
        "3": {"path": str(tmp_path / "Gone")},
        "4": {"path": str(tmp_path / "File")},
    }
    place = tmp_path / folder
    place.mkdir(parents=True)
    (place / "obsidian.json").write_text(json.dumps({"vaults": vaults}))
    assert known_vaults(tmp_path) == [tmp_path / "New", tmp_path / "Old"]
    for broken in (
        "",
        "[]",
        '{"vaults": [1]}',
        '{"vaults": {"1": 5}}',
        '{"vaults": {"1": {"path": null, "ts": "x"}}}',
    ):
        (place / "obsidian.json").write_text(broken)
        assert known_vaults(tmp_path) == []


def test_folders_are_known_by_the_properties_of_their_notes(tmp_path: Path) -> None:
    for path, kind in (
        ("Work/Kontakte/A.md", "people"),
        ("Work/Kontakte/B/README.md", "'person'"),
        ("Other/C.md", "people"),
        ("Work/Post/2026/11/x.md", "email"),
        ("D.md", "people"),
        ("Post/y.md", "email-draft"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"---\ntype: {kind}\n---\ntype: email\n")
    assert folders_of(tmp_path) == {"people": "Work/Kontakte", "email": "Work/Post"}


def test_models_on_this_machine_are_found() -> None:
    with (
        WebServer({"/v1/models": json.dumps({"data": [{"id": "qwen3"}, {"id": "llama\x1b[31m"}]})}) as one,
        WebServer({"/v1/models": "<html>"}) as two,
    ):
        ports = [int(web.url.rpartition(":")[2]) for web in (one, two)]
        found = local_servers((("Ollama", ports[0]), ("LM Studio", ports[1]), ("vLLM", 9)))
        assert [(s.name, s.base_url, s.models[0]) for s in found] == [("Ollama", f"{one.url}/v1", "qwen3")]
        assert "\x1b" not in found[0].models[1]
        assert models_of("http://127.0.0.1:9/v1") == ()


def test_a_way_that_the_way_out_does_not_take_is_not_offered() -> None:
    servers = Servers(
        MailServers(MailServer("imap.x.example", 993), MailServer("smtp.x.example", 465), "x"), "jo@x.example"
    )
    both, token = frozenset({"PLAIN", "XOAUTH2"}), frozenset({"XOAUTH2"})
    assert [w for w, _ in logging_in._ways(servers, Offered(both, both))] == ["password", "oauth-other"]
    assert [w for w, _ in logging_in._ways(servers, Offered(both, token))] == ["oauth-other"]
    assert [w for w, _ in logging_in._ways(servers, Offered(both))] == ["password", "oauth-other"]
    assert logging_in._ways(servers, Offered(frozenset({"PLAIN"}), token)) == []  # then reading alone decides
