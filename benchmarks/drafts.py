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

    def answer(_request: dict[str, Any]) -> dict[str, Any]:
        time.sleep(arguments.seconds)
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
                "llm": {"base_url": model.url, "model": "slow", "concurrency": arguments.in_flight},
                "drafts": {"max_per_run": arguments.mails},
                "triage": {"always": ["acme.example"]},
                "accounts": [
                    {"name": "work", "address": user, "imap": imap, "password": {"env": "MAIL_PASSWORD"}}
                ],
            }
            (folder / "accounts.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
            for number in range(arguments.mails):
                server.deliver(
                    user, mail(to=user, message_id=f"<{number}@acme.example>", subject=f"Run {number}")
                )
            began = time.perf_counter()
            (report,) = fetch_all(load(folder / "accounts.yaml"), Options())
            took = time.perf_counter() - began
            assert (report.error, report.failed, len(report.drafts)) == ("", [], arguments.mails)
            assert len(server.messages(user, "Drafts")) == arguments.mails
    finally:
        server.stop()
    ideal = math.ceil(arguments.mails / arguments.in_flight) * arguments.seconds
    print(f"{arguments.mails} drafts, {arguments.in_flight} in flight, {arguments.seconds:.0f} s an answer")
    print(f"the waiting alone, perfectly packed {ideal:6.1f} s")
    print(f"the whole run                       {took:6.1f} s   {took / ideal:.2f} times that")


if __name__ == "__main__":
    main()
