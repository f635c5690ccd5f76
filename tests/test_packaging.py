"""What comes beside the program: completion, the man page, the container, the units."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mailbot.cli.main import COMMANDS
from mailbot.cli.man import page
from mailbot.config import load
from tests.conftest import ROOT

RUN = [sys.executable, "-m", "mailbot"]


def completed(shell: str, words: str, **environment: str) -> set[str]:
    """What a shell would offer behind these words; the last one may be unfinished."""
    given = words.split(" ")
    asked = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(given) - 1),
        "_MAILBOT_COMPLETE": f"{shell}_complete",
        **environment,
    }
    if shell == "fish":
        asked |= {"COMP_WORDS": words, "COMP_CWORD": given[-1]}
    done = subprocess.run(
        RUN, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **asked}, check=True
    )
    return {line.split(",", 1)[-1].split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes_commands_options_and_accounts(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    account = {"address": "a@b.example", "imap": {"host": "x.example", "port": 993}, "password": {"env": "X"}}
    path.write_text(
        yaml.safe_dump(
            {
                "vault": str(tmp_path),
                "accounts": [{"name": n, **account} for n in ("work", "weekend", "home")],
            }
        )
    )
    assert completed(shell, "mailbot do") == {"doctor"}
    assert "--dry-run" in completed(shell, "mailbot sync --d")
    assert completed(shell, "mailbot sync --account w", MAILBOT_CONFIG=str(path)) == {"work", "weekend"}
    assert completed(shell, "mailbot auth login h", MAILBOT_CONFIG=str(path)) == {"home"}
    assert completed(shell, "mailbot sync --account w", MAILBOT_CONFIG="/nowhere") <= {""}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed_and_can_be_read_by_it(shell: str) -> None:
    done = subprocess.run([*RUN, "completion", shell], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "_MAILBOT_COMPLETE" in done.stdout
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=done.stdout, text=True, check=True)


def test_the_man_page_names_every_command_and_option_and_is_the_one_that_is_installed() -> None:
    text = page()
    for name in COMMANDS:
        assert f"mailbot {name}" in text.replace("\\-", "-")
    assert text.count(".TP") > 80 and not re.search(r"^\.(?!TH|SH|SS|TP|PP|B|nf|fi)", text, re.MULTILINE)
    assert (ROOT / "contrib" / "mailbot.1").read_text() == text + "\n", "mailbot man > contrib/mailbot.1"
    if groff := shutil.which("groff"):
        done = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-z"], input=text, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_container_runs_as_nobody_special_and_keeps_its_data_outside() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    steps = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    known = {
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "LABEL",
        "ENV",
        "USER",
        "VOLUME",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert {step for step, _ in steps} <= known
    last = [step for step, _ in steps][max(n for n, (step, _) in enumerate(steps) if step == "FROM") :]
    assert last.index("USER") < last.index("ENTRYPOINT") and dict(steps)["USER"] not in ("root", "0")
    assert dict(steps)["VOLUME"] == '["/vault", "/state"]' and "HEALTHCHECK" in last
    for step, rest in steps:
        assert step != "FROM" or re.match(r"python:3\.\d+-slim( AS \w+)?$", rest)
        if step == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
        if step == "RUN":
            assert "pip" not in rest or "--no-cache-dir" in rest
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ".git" in ignored and ".venv" in ignored


def test_the_container_is_built_where_there_is_docker() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine runs here")
    subprocess.run([docker, "build", "-t", "mailbot-test", str(ROOT)], check=True)
    done = subprocess.run(
        [docker, "run", "--rm", "mailbot-test", "--version"], capture_output=True, text=True, check=True
    )
    assert "mailbot, version" in done.stdout


@pytest.mark.parametrize("name", ["mailbot.service", "mailbot-watch.service"])
def test_a_unit_is_hardened(name: str, tmp_path: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(ROOT / "contrib" / name)
    service = dict(parser["Service"])
    wanted = {
        "ProtectSystem": "strict", "NoNewPrivileges": "true", "PrivateTmp": "true", "CapabilityBoundingSet": "", "UMask": "0077",
        "StateDirectoryMode": "0700", "MemoryDenyWriteExecute": None,
    }  # fmt: skip
    assert {key: service.get(key) for key in wanted} == wanted
    assert service["LoadCredential"].startswith("mail-work:") and service["Type"] == (
        "oneshot" if name == "mailbot.service" else "notify"
    )
    if analyze := shutil.which("systemd-analyze"):
        text = (
            (ROOT / "contrib" / name)
            .read_text()
            .replace("/usr/local/bin/mailbot", "/bin/true")
            .replace("Documentation=man:mailbot(1)\n", "")
        )
        (tmp_path / name).write_text(text)
        done = subprocess.run([analyze, "verify", str(tmp_path / name)], capture_output=True, text=True)
        assert name not in done.stderr, done.stderr


def test_a_units_credential_is_a_way_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailbot.credentials import secret

    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "mail-work").write_text("hunter2\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    path = tmp_path / "accounts.yaml"
    path.write_text(
        f"vault: {tmp_path}\naccounts:\n  - {{name: work, address: a@b.example, imap: {{host: x.example, port: 993}}, password: {{credential: mail-work}}}}\n"
    )
    (account,) = load(path).accounts
    assert account.password and secret(account.password, "account work") == "hunter2"
