"""Secrets and tokens in the system keyring, through the real `keyring` package with a backend of this test's own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailbot import system_keyring
from mailbot.credentials import secret
from mailbot.errors import AuthenticationFailed
from mailbot.oauth.tokens import KeyringStore, Tokens
from mailbot.settings import Secret

BACKEND = """
import json, os, pathlib, time
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
FILE = pathlib.Path(os.environ["TEST_KEYRING"])

class Backend(KeyringBackend):
    priority = 9

    def _all(self):
        if FILE.name == "locked":
            time.sleep(60)
        return json.loads(FILE.read_text()) if FILE.exists() else {}

    def get_password(self, service, name):
        return self._all().get(f"{service}/{name}")

    def set_password(self, service, name, value):
        FILE.write_text(json.dumps({**self._all(), f"{service}/{name}": value}))

    def delete_password(self, service, name):
        kept = self._all()
        if f"{service}/{name}" not in kept:
            raise PasswordDeleteError
        del kept[f"{service}/{name}"]
        FILE.write_text(json.dumps(kept))
"""


@pytest.fixture(autouse=True)
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "backend_of_this_test.py").write_text(BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "module"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "backend_of_this_test.Backend")
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_a_secret_is_written_read_and_removed() -> None:
    odd = "pä ss\\n'\"$(x)"
    system_keyring.write("mailbot", "work", odd, "account work")
    assert secret(Secret(keyring="mailbot/work"), "account work") == odd
    system_keyring.remove("mailbot", "work", "account work")
    system_keyring.remove("mailbot", "work", "account work")  # there is none any more, and that is well
    with pytest.raises(AuthenticationFailed, match="has no entry 'mailbot/work'"):
        secret(Secret(keyring="mailbot/work"), "account work")


def test_tokens_are_kept_there() -> None:
    store = KeyringStore("work-1", "account work")
    assert store.read() is None
    tokens = Tokens("at-1", "rt-1", time.time() + 60)
    store.write(tokens)
    assert store.read() == tokens
    store.remove()
    assert store.read() is None


def test_a_keyring_that_waits_to_be_unlocked_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "locked"))
    monkeypatch.setattr(system_keyring, "TIMEOUT", 1.0)
    with pytest.raises(AuthenticationFailed, match="no answer within 1 s; does it wait to be unlocked"):
        KeyringStore("work-1", "account work").read()


def test_no_list_of_processes_shows_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    seen: list[str] = []
    real = subprocess.run

    def run(argv: list[str], **options: object) -> object:
        seen.extend(argv)
        return real(argv, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", run)
    system_keyring.write("mailbot", "work", "hunter2-hunter2", "account work")
    assert seen and not any("hunter2" in word for word in seen)


def test_no_file_of_the_folder_we_are_in_is_taken_for_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keyring.py").write_text(
        "import pathlib, sys\npathlib.Path('stolen').write_text(sys.stdin.read())\n"
    )
    monkeypatch.chdir(tmp_path)
    system_keyring.write("mailbot", "work", "hunter2", "account work")
    assert (
        not (tmp_path / "stolen").exists()
        and system_keyring.read("mailbot", "work", "account work") == "hunter2"
    )
