"""A bug report tells nothing that only the user should know."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from mailbot.sync.decide.redaction import Redaction
from tests.conftest import ROOT, MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer

CANARIES = (
    "Zebrafisch",
    "quetzalcoatl",
    "Ocelot",
    "narwhal",
    "Pangolin",
    "axolotl-secret",
    "wombat",
    "Kakapo",
    "lemurkey",
    "okapi",
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailbot", "--config", "accounts.yaml", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.mark.dovecot
def test_no_canary_is_in_a_report_of_full_and_failing_runs(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, tmp_path: Path, vault: Path
) -> None:
    (vault / "Pangolin.md").write_text("# Pangolin\n\nThe Pangolin project uses narwhal.\n")
    for n in range(2):
        dovecot.deliver(
            user,
            mail(
                "Hi,\n\nwhat is the quetzalcoatl of Pangolin?\n\nOcelot",
                to=user,
                sender="Ocelot Kakapo <ocelot@narwhal.example>",
                subject=f"Zebrafisch {n}",
                message_id=f"<wombat-{n}@narwhal.example>",
            ),
        )
    secret = tmp_path / "axolotl.secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    make_settings(
        dovecot.port, user, llm=model.url, account={"password": {"command": ["echo", "axolotl-secret"]}, "display_name": "Kakapo", "signature": "wombat"},
        model={"api_key": {"env": "MODEL_KEY"}, "prices": {"scripted": {"input": 1, "output": 2}}}, disclosure={"folders": {"Pangolin": "internal"}},
        triage={"never": ["ocelot@narwhal.example"], "always": ["narwhal.example"]},
    )  # fmt: skip
    assert run("fetch", MODEL_KEY="lemurkey").returncode == 77  # a wrong password
    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    data["accounts"][0]["password"] = {"file": str(secret)}
    data["accounts"][0]["smtp"] = {"host": "smtp.okapi.example", "port": 465}
    path.write_text(yaml.safe_dump(data))
    (vault / "Email").mkdir()
    (vault / "Email" / "2026").write_text("in the way")
    assert run("fetch", MODEL_KEY="lemurkey").returncode == 1
    (vault / "Email" / "2026").unlink()
    model.answer = lambda r: (400, {}, '{"error": {"message": "quetzalcoatl is refused"}}')
    run("fetch", MODEL_KEY="lemurkey")
    done = run("export", "--into", "report.zip", "--json", MODEL_KEY="lemurkey")
    assert done.returncode == 0, done.stderr
    report = tmp_path / "report.zip"
    assert report.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(io.BytesIO(report.read_bytes())) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert (
        set(parts)
        >= {"versions.json", "settings.yaml", "checks.json", "journal.json", "mailbot.log"}
        == set(json.loads(done.stdout)["parts"]) & set(parts)
    )
    for name, text in parts.items():
        for canary in (*CANARIES, user, str(tmp_path)):
            assert canary.casefold() not in text.casefold(), (name, canary, text)
    journal = json.loads(parts["journal.json"])
    assert (
        len(journal["mail"]) == 2
        and journal["mail"][0]["stage"]
        and journal["mail"][0]["message_id"].startswith("#")
    )
    assert journal["location"][0]["mailbox"] == "INBOX" and journal["call"] is not None
    settings = yaml.safe_load(parts["settings.yaml"])
    assert (
        settings["accounts"][0]["password"] == {"file": "(left out)"}
        and settings["accounts"][0]["imap"]["port"] == dovecot.port
    )
    again = run("export", "--into", "report.zip")
    assert again.returncode == 78 and "is there already" in again.stderr


def test_a_mailbox_of_ones_own_is_masked_wherever_it_stands() -> None:
    from mailbot.sync.commands.export import _own_mailboxes

    rows = [{"mailbox": "INBOX"}, {"mailbox": "Kunden/Zebrafisch"}, {"mailbox": ""}, {"uid": 7}]
    names = frozenset(_own_mailboxes({"location": rows}))
    assert names == {"Kunden/Zebrafisch"}
    redaction = Redaction(b"k" * 32, names)
    told = redaction.words("account work: Kunden/Zebrafisch uid 7 kept, INBOX uid 8 too")
    mask = redaction.row(rows[1])["mailbox"]
    assert told == f"account work: {mask} uid 7 kept, INBOX uid 8 too" and mask.startswith("#")


def test_a_mask_is_the_same_within_a_report_and_another_in_the_next() -> None:
    one, two = Redaction(b"1" * 32), Redaction(b"2" * 32)
    assert one.mask("ana@acme.example") == one.mask("ana@acme.example") != two.mask("ana@acme.example")
    assert one.mask("") == "" and one.mask("a") != one.mask("b")


@pytest.mark.parametrize(
    "text",
    [
        "Email/2026/11/2026-11-20_081500_1_Zebrafisch.md: cannot be written", "account work: the server refused Zebrafisch@x.example",
        "the note “Zebrafisch” is gone", "/home/Zebrafisch/vault: no space", "People/Zebra Zebrafisch/README.md was left", "it said 'Zebrafisch'",
    ],
)  # fmt: skip
def test_words_lose_what_names_somebody(text: str) -> None:
    assert "Zebrafisch" not in Redaction(b"k" * 32).words(text)
    assert (
        Redaction(b"k" * 32).words("account work: INBOX uid 7 kept as mail 3")
        == "account work: INBOX uid 7 kept as mail 3"
    )


def test_the_hosts_of_ones_own_are_masked_and_a_providers_is_not() -> None:
    from mailbot.sync.commands.export import _own_hosts

    said = {
        "accounts": [{"imap": {"host": "Mail.Zebrafisch.example"}, "smtp": {"host": "smtp.gmail.com"}}],
        "llm": {"base_url": "https://llm.zebrafisch.example:8443/v1"},
        "other": {"base_url": "http://127.0.0.1:11434/v1"},
    }
    hosts = frozenset(_own_hosts(said))
    assert hosts == {"mail.zebrafisch.example", "llm.zebrafisch.example"}
    redaction = Redaction(b"k" * 32, hosts)
    assert "zebrafisch" not in redaction.words("no answer from MAIL.Zebrafisch.example, port 993").casefold()
    masked = redaction.settings(said)
    assert masked["accounts"][0]["smtp"] == {"host": "smtp.gmail.com"} and masked["other"] == said["other"]
    assert masked["llm"]["base_url"].startswith("https://#") and masked["llm"]["base_url"].endswith(
        ":8443/v1"
    )
