"""The main job against pymap: no SPECIAL-USE and no NAMESPACE; and the demo, which runs on it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imapclient
import pytest

from mailbot.config import state_folder
from mailbot.mail.mime.parse import parse
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings, mail, tree
from tests.servers.model import ModelServer

pytestmark = pytest.mark.pymap


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    arguments = [
        "--host",
        "127.0.0.1",
        "--port",
        str(number),
        "--no-tls",
        "--no-service",
        "managesieve",
        "dict",
        "--demo-data",
    ]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", "from pymap.main import main; main()", *arguments, "--demo-user", "jo@example.com", "--demo-password", "secret"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", number), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield number
    process.terminate()
    process.wait(10)


def messages(port: int, mailbox: str) -> tuple[dict[int, bytes], dict[int, tuple[bytes, ...]]]:
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("jo@example.com", "secret")
        client.select_folder(mailbox, readonly=True)
        found = client.fetch(client.search(["ALL"]), ["BODY.PEEK[]", "FLAGS"])
        flags = {uid: tuple(sorted(f for f in d[b"FLAGS"] if f != b"\\Recent")) for uid, d in found.items()}
        return {uid: d[b"BODY[]"] for uid, d in found.items()}, flags


def test_the_main_job_without_special_use_or_namespace(
    port: int, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Drafts is found by its name, or made where that was allowed."""
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("jo@example.com", "secret")
        client.append("INBOX", mail(headers="References: <root@x>\n"))
    before = messages(port, "INBOX")
    settings = make_settings(port, "jo@example.com", llm=model.url, account={"create_drafts_mailbox": True})
    (report,) = fetch_all(settings, Options())
    assert (report.error, report.failed) == ("", [])
    assert len(report.notes) == len([f for f in before[1].values() if b"\\Seen" not in f])
    assert messages(port, "INBOX") == before
    drafts, flags = messages(port, "Drafts")
    ours = {
        uid: parse(raw) for uid, raw in drafts.items() if parse(raw).in_reply_to == ("<m1@acme.example>",)
    }
    ((uid, draft),) = ours.items()
    assert draft.references == ("<root@x>", "<m1@acme.example>")
    assert set(flags[uid]) == {b"\\Draft", b"\\Seen"}
    state = tree(vault), tree(state_folder()), messages(port, "Drafts")
    fetch_all(settings, Options())
    assert (tree(vault), tree(state_folder()), messages(port, "Drafts")) == state


def test_without_a_drafts_mailbox_no_draft_is_paid_for_and_the_message_says_what_to_do(
    port: int, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("jo@example.com", "secret")
        client.append("INBOX", mail())
    (report,) = fetch_all(make_settings(port, "jo@example.com", llm=model.url), Options(max_drafts=1))
    assert "drafts_mailbox" in report.error and "INBOX" in report.error
    assert not [r for r in model.requests if "You draft a reply" in r["messages"][0]["content"]]
    settings = make_settings(port, "jo@example.com", llm=model.url, account={"create_drafts_mailbox": True})
    (report,) = fetch_all(settings, Options(max_drafts=1))
    assert report.error == ""
    assert len(messages(port, "Drafts")[0]) == 1


def test_the_demo_runs_and_its_second_run_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailbot", "demo", "--into", str(tmp_path / "demo"), "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (len(said["notes"]), len(said["drafts"]), said["server_drafts"]) == (6, 2, 2)
    assert said["second_run"] == {"notes": [], "drafts": []}
    again = subprocess.run(
        [sys.executable, "-m", "mailbot", "demo", "--into", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (again.returncode, "is not empty" in again.stderr) == (78, True)
