"""The doors between mailbot and whoever is outside: programs, files and lines. Each stays shut however it is asked."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from mailbot.cli.main import mailbot
from mailbot.credentials import secret
from mailbot.errors import ConfigError
from mailbot.settings import Account, Secret
from tests.conftest import ROOT, MakeSettings

SHELL = (
    "$(touch owned)",
    "; touch owned",
    "`touch owned`",
    "| touch owned",
    "&& touch owned",
    "\n touch owned",
)


@pytest.mark.parametrize("argument", SHELL)
def test_a_program_that_gives_a_secret_is_run_without_a_shell(tmp_path: Path, argument: str) -> None:
    script = tmp_path / "give"
    script.write_text('#!/bin/sh\nprintf %s "$1"\n')
    script.chmod(0o700)
    assert secret(Secret(command=[str(script), argument]), "account work") == argument.removesuffix("\n")
    assert not (tmp_path / "owned").exists()


def test_no_program_at_all_is_run_with_a_shell() -> None:
    """In the whole source: no `shell=True`, no `os.system`, no `os.popen`."""
    for path in (ROOT / "mailbot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                text = ast.unparse(node)
                assert "shell=True" not in text, path
                assert ast.unparse(node.func) not in (
                    "os.system",
                    "os.popen",
                    "subprocess.getoutput",
                    "eval",
                    "exec",
                ), (path, text)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o610])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """When the settings are read, and where it was opened to others later, when it is used."""
    file = tmp_path / "secret"
    file.write_text("hunter2")
    file.chmod(0o600)
    source = Secret(file=file)
    assert secret(source, "account work") == "hunter2"
    file.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        secret(source, "account work")
    with pytest.raises(ValidationError, match="chmod 600"):
        Secret(file=file)


def test_no_setting_turns_the_look_at_certificates_off() -> None:
    """The one way round the system's authorities is a certificate of your own, named by its file."""
    server = Account.model_fields["imap"].annotation
    fields = set(getattr(server, "model_fields", {}))
    assert fields == {"host", "port", "security", "ca_file", "timeout"}
    for word in ("insecure", "verify", "allow_insecure", "tls_verify", "check_hostname"):
        with pytest.raises(ValidationError):
            server(host="mail.example", **{word: False})  # type: ignore[misc]
    for path in (ROOT / "mailbot").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for off in ("CERT_NONE", "check_hostname = False", "_create_unverified_context", "verify=False"):
            assert off not in source, (path, off)


PLAIN: list[tuple[str, bool]] = [
    ("127.0.0.1", True), ("localhost", True), ("::1", True), ("mail.example", False), ("10.0.0.5", False), ("192.168.1.2", False),
]  # fmt: skip


@pytest.mark.parametrize(("host", "allowed"), PLAIN)
def test_a_password_goes_in_the_clear_to_this_machine_alone(
    make_settings: MakeSettings, host: str, allowed: bool
) -> None:
    def made() -> Any:
        return make_settings(
            143, "jo@example.com", account={"imap": {"host": host, "port": 143, "security": "none"}}
        )

    if allowed:
        made()
        return
    with pytest.raises(ConfigError):
        made()


def test_settings_that_hold_a_password_themselves_are_refused(make_settings: MakeSettings) -> None:
    with pytest.raises(ConfigError) as told:
        make_settings(143, "jo@example.com", account={"password": "hunter2"})
    assert "hunter2" not in str(told.value)


def test_a_state_that_is_a_link_or_anothers_is_not_written_through(
    make_settings: MakeSettings, tmp_path: Path, vault: Path
) -> None:
    """The folder of the vault's state was planted as a link: what it leads to gets no mail."""
    from mailbot.sync.session.state import State

    settings = make_settings(1, "jo@example.com")
    state = State(settings.vault).folder
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.symlink_to(elsewhere)
    CliRunner().invoke(mailbot, ["fetch"])
    # It is the user's own folder by its owner: then it is closed to all others before anything is written there.
    assert elsewhere.stat().st_uid == os.geteuid() and not elsewhere.stat().st_mode & 0o077
