"""No command shows a traceback for a journal that is damaged or locked: it names the file and says what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.sync.memory import database
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.session.state import State
from tests.conftest import MakeSettings, mail

COMMANDS = [
    ["status"],
    ["fetch"],
    ["fetch", "--dry-run"],
    ["draft", "note.md"],
    ["people", "ana@acme.example"],
    ["explain", "mail.eml", "--no-model"],
    ["import", "mail.eml", "--account", "work"],
    ["backtest"],
]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


@pytest.fixture
def journal(make_settings: MakeSettings, vault: Path, tmp_path: Path) -> Path:
    make_settings(1, "jo@example.com")
    (tmp_path / "mail.eml").write_bytes(mail())
    path = State(vault).journal
    with opened_journal(path):
        pass
    return path


@each_command
def test_a_damaged_journal(command: list[str], journal: Path) -> None:
    journal.write_bytes(b"nonsense" * 1000)
    shown = CliRunner().invoke(mailbot, ["--config", "accounts.yaml", *command])
    assert (shown.exit_code, type(shown.exception)) == (65, SystemExit)
    assert f"{journal}: the journal is damaged" in shown.stderr
    assert "Traceback" not in shown.output


@each_command
def test_a_locked_journal(command: list[str], journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT", 0.05)
    other = sqlite3.connect(journal, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        shown = CliRunner().invoke(mailbot, ["--config", "accounts.yaml", *command])
    finally:
        other.close()
    assert (shown.exit_code, type(shown.exception)) == (75, SystemExit)
    assert f"{journal}: the journal cannot be used just now" in shown.stderr
    assert "Traceback" not in shown.output
