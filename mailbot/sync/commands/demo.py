"""The whole job on a mail server of its own: pymap, the sample mail, a sample vault."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from mailbot import extras
from mailbot.demo.recording import MODEL, played_back
from mailbot.errors import ConfigError, MailbotError, ServerUnavailable
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.login import Login
from mailbot.settings import Account, Llm, Secret, Server, Settings
from mailbot.sync.commands.redraft import redraft
from mailbot.sync.commands.views import make_views
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.login import login
from mailbot.sync.session.report import Options, Progress, Report, silent

RECORDED = "Storage-evaluation"
"""In the name of the note of the mail that was recorded."""
USER, PASSWORD = "jo@example.com", "demo"
PASSWORD_VARIABLE = "MAILBOT_DEMO_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Demonstrated:
    """What the demo did: its folder, the run's report, a second run's, and the drafts as read back over IMAP."""

    vault: Path
    first: Report
    second: Report
    server_drafts: tuple[str, ...]
    recorded: str = ""
    """The draft note that a recorded answer of a model was played into, empty if a real model drafted."""
    recorded_draft: str = ""
    """What it says, as the server has it."""


def demonstrate(folder: Path, llm: Llm | None, progress: Progress = silent) -> Demonstrated:
    """Run the main job in a new folder. Raises ConfigError if pymap is not installed, MailbotError if a run fails."""
    if importlib.util.find_spec("pymap") is None:
        raise ConfigError(f"the demo needs its own mail server: {extras.install('demo')}")
    vault = folder / "vault"
    with as_file(files("mailbot.demo").joinpath("vault")) as sample:
        shutil.copytree(sample, vault)
    os.environ["MAILBOT_STATE"] = str(folder / "state")
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    with _server() as port:
        account = Account(
            name="demo",
            address=USER,
            display_name="Jo Vermeer",
            imap=Server(host="127.0.0.1", port=port, security="none"),
            password=Secret(env=PASSWORD_VARIABLE),
            signature="Jo Vermeer\nVermeer Storage Consulting",
        )
        settings = Settings(vault=vault, llm=llm, accounts=(account,))
        _fill(login(account))
        make_views(settings)
        (first,) = fetch_all(settings, Options(), progress=progress)
        (second,) = fetch_all(settings, Options(), progress=progress)
        drafts = _drafts(login(account))
        recorded = "" if llm or not first.drafts else _with_recording(settings, first.drafts)
        also = [d for d in _drafts(login(account)) if d not in drafts] if recorded else []
    return Demonstrated(vault, first, second, drafts, recorded, also[0] if also else "")


def _with_recording(settings: Settings, drafts: Sequence[str]) -> str:
    """Draft the mail that was recorded once more, as a model would; returns its draft note."""
    (note,) = [path for path in drafts if RECORDED in path]
    here = ["127.0.0.1", *filter(None, [os.environ.get("NO_PROXY")])]
    os.environ["NO_PROXY"] = ",".join(here)  # a proxy of the environment's is not for this
    with played_back() as url:
        with_model = settings.model_copy(update={"llm": Llm(base_url=url, model=MODEL)})
        report = redraft(with_model, note)
    return report.drafts[-1] if report.drafts else ""


def _drafts(where: Login) -> tuple[str, ...]:
    """What lies in Drafts."""
    with ImapAccount(where) as server:
        server.examine("Drafts")
        found = server.bodies(server.listings(server.search(["ALL"])))
        return tuple(raw.decode("utf-8", "replace") for _, raw in found)


@contextmanager
def _server() -> Iterator[int]:
    """A pymap of our own on a free loopback port; it ends with the demo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable, "-W", "ignore", "-c", "from pymap.main import main; main()", "--host", "127.0.0.1", "--port", str(port), "--no-tls",
        "--no-service", "managesieve", "dict", "--demo-user", USER, "--demo-password", PASSWORD,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ServerUnavailable(
                        f"the demo's mail server did not start on 127.0.0.1:{port}; is the port taken?"
                    ) from error
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def _fill(where: Login) -> None:
    """The sample mail into INBOX, unread, and the usual mailboxes beside it."""
    mails = sample_mails()
    if not mails:
        raise MailbotError(
            "the sample mail of the demo is missing from this installation; install mailbot again"
        )
    with ImapAccount(where) as server:
        for name in ("Drafts", "Sent"):
            server.create(name)
        for path in mails:
            server.deliver("INBOX", path.read_bytes())


def sample_mails() -> list[Path]:
    """The demo's `.eml` files: inside an installed package, or in the repository."""
    package = Path(str(files("mailbot.demo")))
    for folder in (package / "eml", package.parent.parent / "fixtures" / "eml" / "demo"):
        if found := sorted(folder.glob("*.eml")):
            return found
    return []
