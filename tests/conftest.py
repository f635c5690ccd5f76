"""What every test shares: a home of its own, real servers, and nothing but loopback."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailbot import hearsay, stopping
from mailbot.config import load
from mailbot.settings import Settings
from mailbot.sync.steps import after_sending
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.model import ModelServer

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the home of the person who runs it; times are the same everywhere."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [n for n in os.environ if n.startswith(("XDG_", "MAILBOT_CON", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MAILBOT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture(autouse=True)
def own_process() -> None:
    """What one test has learned, or ended, no other knows."""
    hearsay.confidence.__init__()  # type: ignore[misc]
    stopping.forget()


@pytest.fixture(autouse=True)
def no_provider_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of the tests files a sent mail by itself some time later, so nobody waits for that; one test does."""
    monkeypatch.setattr(after_sending, "FILED_WITHIN", 0.0)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches beyond 127.0.0.1 fails."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            assert address[0] in ("127.0.0.1", "::1", "localhost"), f"a test reached for {address}"
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot().start()
    yield server
    server.stop()


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A mail user of this test's own: an inbox nobody else has."""
    return f"jo-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}@example.com"


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    (folder / "Projects").mkdir(parents=True)
    (folder / "Projects" / "Storage Evaluation.md").write_text(
        "---\ntitle: Storage Evaluation\n---\n# Storage Evaluation\n\nErasure coding was 8+3 in every run of the benchmark.\n",
        encoding="utf-8",
    )
    return folder


MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(tmp_path: Path, vault: Path) -> MakeSettings:
    """Settings of one account, written to accounts.yaml and read back as a user's are."""

    def make(
        port: int,
        user: str,
        *,
        llm: str | None = None,
        account: dict[str, Any] | None = None,
        model: dict[str, Any] | None = None,
        **more: Any,
    ) -> Settings:
        data: dict[str, Any] = {
            "vault": str(vault),
            "accounts": [
                {
                    "name": "work", "address": user, "display_name": "Jo Vermeer", "imap": {"host": "127.0.0.1", "port": port, "security": "none"},
                    "password": {"env": "MAIL_PASSWORD"}, "signature": "Jo Vermeer\nAcme", **(account or {}),
                }
            ],
            **more,
        }  # fmt: skip
        if llm:
            data["llm"] = {"base_url": llm, "model": "scripted", "timeout": 5, "retries": 1, **(model or {})}
        path = tmp_path / "accounts.yaml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return load(path)

    return make


def mail(
    text: str = "Hi Jo,\n\nwhich erasure coding did you use?\n\nAna", *, sender: str = "Ana Ruiz <ana@acme.example>", to: str = "jo@example.com",
    subject: str = "Storage", message_id: str = "<m1@acme.example>", headers: str = "",
) -> bytes:  # fmt: skip
    """A small mail with CRLF."""
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: {message_id}\nDate: Fri, 20 Nov 2026 09:15:00 +0100\n{headers}"
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}\n".replace("\n", "\r\n").encode()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
