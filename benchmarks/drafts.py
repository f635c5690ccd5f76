"""What a run of 100 drafts costs in wall time against a model that takes 2 s an answer, with 8 in flight.

    python -m benchmarks.drafts [--mails N] [--seconds S] [--in-flight N]

The whole run on a real Dovecot (notes, context, drafts, APPEND), beside the ideal: the waiting alone, perfectly packed.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.table import Ratio, show
from mailbot.config import load
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.model import DRAFT, ModelServer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mails", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--in-flight", type=int, default=8)
    arguments = parser.parse_args()
    show("drafts", ratios(arguments.mails, arguments.seconds, arguments.in_flight))


def ratios(mails: int = 100, seconds: float = 2.0, in_flight: int = 8) -> list[Ratio]:
    """The whole run beside the waiting alone, perfectly packed."""

    def answer(_request: dict[str, Any]) -> dict[str, Any]:
        time.sleep(seconds)
        return DRAFT

    user = "jo@example.com"
    server = Dovecot().start()
    try:
        with tempfile.TemporaryDirectory() as temporary, ModelServer(answer) as model:
            folder = Path(temporary)
            (folder / "vault").mkdir()
            os.environ |= {"MAILBOT_STATE": str(folder / "state"), "MAIL_PASSWORD": PASSWORD}
            imap = {"host": "127.0.0.1", "port": server.port, "security": "none"}
            settings = {
                "vault": str(folder / "vault"),
                "llm": {"base_url": model.url, "model": "slow", "concurrency": in_flight},
                "drafts": {"max_per_run": mails},
                "triage": {"always": ["acme.example"]},
                "accounts": [
                    {"name": "work", "address": user, "imap": imap, "password": {"env": "MAIL_PASSWORD"}}
                ],
            }
            (folder / "accounts.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
            for number in range(mails):
                server.deliver(
                    user, mail(to=user, message_id=f"<{number}@acme.example>", subject=f"Run {number}")
                )
            began = time.perf_counter()
            (report,) = fetch_all(load(folder / "accounts.yaml"), Options())
            took = time.perf_counter() - began
            assert (report.error, report.failed, len(report.drafts)) == ("", [], mails)
            assert len(server.messages(user, "Drafts")) == mails
    finally:
        server.stop()
    ideal = math.ceil(mails / in_flight) * seconds
    said = f"{mails} drafts, {in_flight} in flight, {seconds:.0f} s each"
    return [Ratio(said, took, ideal, "the waiting alone", 1.2)]


if __name__ == "__main__":
    main()
