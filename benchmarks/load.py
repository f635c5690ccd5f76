"""How much mailbot can bear: time, processor, memory and outcome of runs that are far larger than usual, beside a usual one of the same run.

    python -m benchmarks.load [--share N] [CASE...]

Needs Dovecot. `--share 10` takes a tenth of everything. About ten minutes for all.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.fetch import Spent, spent
from tests.servers.dovecot import PASSWORD, Dovecot

UNREAD = 1_000
USUAL = 10
NOW = datetime.now(UTC)


def mail(number: int, text: str = "") -> bytes:
    text = (
        text
        or f"Hello,\n\nwhich disk did you use for run {number}? I need it for the report.\n\nSender {number % 97}\n"
    )
    head = (
        f"From: Sender {number % 97} <s{number % 97}@sender.example>\nTo: user@own.example\nSubject: Run {number}\n"
        f"Message-ID: <{number}@sender.example>\nDate: {format_datetime(NOW - timedelta(minutes=number % 5000))}\n"
        "Content-Type: text/plain; charset=utf-8\n\n"
    )
    return (head + text).replace("\n", "\r\n").encode()


class World:
    """A vault, a state and accounts on a Dovecot."""

    def __init__(self, server: Dovecot, folder: Path, accounts: int = 1, **settings: Any) -> None:
        self.server, self.folder, self.vault = server, folder, folder / "vault"
        self.users = [f"{folder.name}-{n}" for n in range(accounts)]
        self.vault.mkdir(parents=True)
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o600)
        found = [
            {
                "name": f"a{n}", "address": f"user{n or ''}@own.example", "username": user, "password": {"file": str(folder / "password")},
                "imap": {"host": "127.0.0.1", "port": server.port, "security": "none"}, "time_limit": "60m",
            }
            for n, user in enumerate(self.users)
        ]  # fmt: skip
        self.path = folder / "accounts.yaml"
        self.path.write_text(
            yaml.safe_dump(
                {"vault": str(self.vault), "accounts": found, "drafts": {"max_per_run": 5}, **settings}
            )
        )
        self.environment = {
            **os.environ,
            "MAILBOT_STATE": str(folder / "state"),
            "HOME": str(folder),
        }

    def fill(self, mails: Iterator[bytes], *, user: int = 0, read: int = 0, mailbox: str = "INBOX") -> None:
        """Put mails into a mailbox as a delivery program does; the first `read` of them are read."""
        box = self.server.base / "mail" / self.users[user]
        box = box if mailbox == "INBOX" else box / f".{mailbox}"
        for name in ("new", "cur", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        for count, raw in enumerate(mails):
            seen = count < read
            at = int(NOW.timestamp()) - 100_000 + count
            path = (
                box
                / ("cur" if seen else "new")
                / f"{at}.M{zlib.crc32(raw)}P{count}.here{':2,S' if seen else ''}"
            )
            path.write_bytes(raw)
            os.utime(path, (at, at))
        if os.geteuid() == 0:
            top = self.server.base / "mail" / self.users[user]
            subprocess.run(["chown", "-R", "nobody:nogroup", str(top)], check=True)

    def run(self, *arguments: str) -> Spent:
        return spent(
            [sys.executable, "-m", "mailbot", "--config", str(self.path), *arguments], self.environment
        )

    def says(self, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "mailbot", "--config", str(self.path), *arguments, "--json"], capture_output=True, text=True,
            env=self.environment, check=False,
        )  # fmt: skip
        return json.loads(done.stdout)

    def notes(self) -> int:
        return sum(1 for path in (self.vault / "Email").rglob("*.md") if "Drafts" not in path.parts)

    def off(self) -> int:
        """How many things `mailbot verify` finds wrong."""
        found = self.says("verify")["findings"]
        return sum(f["level"] == "wrong" for f in found)


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    spent: Spent
    outcome: str


Case = Callable[[Dovecot, Path, int], list[Row]]


def usual(server: Dovecot, folder: Path, _: int) -> list[Row]:
    world = World(server, folder / "usual")
    world.fill(map(mail, range(USUAL)))
    first = world.run("fetch")
    return [
        Row(f"{USUAL} unread mails, an empty vault", first, f"{world.notes()} notes"),
        Row("  again, nothing new", world.run("fetch"), f"{world.notes()} notes"),
    ]


def mailbox(server: Dovecot, folder: Path, share: int) -> list[Row]:
    count = 50_000 // share
    world = World(server, folder / "mailbox")
    world.fill(map(mail, range(count)), read=count - UNREAD // share)
    rows = [
        Row(
            f"{count:,} mails in INBOX, {UNREAD // share:,} of them unread",
            world.run("fetch"),
            f"{world.notes():,} notes",
        )
    ]
    rows.append(Row("  again, nothing new", world.run("fetch"), f"{world.notes():,} notes"))
    return [*rows, Row("  verify", world.run("verify"), f"{world.off()} wrong")]


def accounts(server: Dovecot, folder: Path, share: int) -> list[Row]:
    world = World(server, folder / "accounts", accounts=20)
    for n in range(20):
        world.fill((mail(n * 1000 + k) for k in range(50 // min(share, 5))), user=n)
    rows = [
        Row(f"20 accounts, {50 // min(share, 5)} unread each", world.run("fetch"), f"{world.notes():,} notes")
    ]
    return [
        *rows,
        Row("  again, nothing new", world.run("fetch"), f"{world.notes():,} notes, {world.off()} wrong"),
    ]


def big_mail(server: Dovecot, folder: Path, share: int) -> list[Row]:
    size = 200_000_000 // share
    text = b"\r\n".join([random.Random(1).randbytes(36).hex().encode()] * (size // 74))
    head = (
        b"From: s@sender.example\r\nTo: user@own.example\r\nSubject: Big\r\nMessage-ID: <big@x>\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nSee the file?\r\n'
        b'--x\r\nContent-Type: text/csv; name="big.csv"\r\nContent-Disposition: attachment; filename="big.csv"\r\n\r\n'
    )
    rows = []
    for limit, what in (
        (100 // share or 1, "as it is set: above max_mail_size"),
        (1000, "kept whole (max_mail_size: 1000)"),
    ):
        world = World(server, folder / f"big{limit}", max_mail_size=limit)
        world.fill(iter((head + text + b"\r\n--x--\r\n", mail(1))))
        done = world.run("fetch")
        files = [p.stat().st_size for p in world.vault.rglob("*.csv")]
        rows.append(
            Row(
                f"a mail of {size / 1e6:.0f} MB, {what}",
                done,
                f"{world.notes()} notes, file of {sum(files) / 1e6:.0f} MB",
            )
        )
    return rows


def drafts(server: Dovecot, folder: Path, share: int) -> list[Row]:
    count = 10_000 // share
    world = World(server, folder / "drafts")
    world.run("fetch")
    world.fill(
        (mail(100_000 + n, "A draft of my own.\n") for n in range(count)), read=count, mailbox="Drafts"
    )
    world.fill(map(mail, range(5)))
    rows = [
        Row(
            f"{count:,} drafts in Drafts, 5 mails to answer",
            world.run("fetch"),
            f"{world.notes()} notes, {len(list(world.vault.rglob('*.draft.md')))} drafts",
        )
    ]
    return [*rows, Row("  sync, nothing new", world.run("sync"), f"{world.off()} wrong")]


def big_note(server: Dovecot, folder: Path, share: int) -> list[Row]:
    world = World(server, folder / "bignote")
    line = "The disk of run 7 was an eight terabyte drive, and it was slow on Mondays.\n"
    (world.vault / "Big.md").write_text("# Big\n\n" + line * (50_000_000 // share // len(line)))
    world.fill(map(mail, range(USUAL)))
    done = world.run("fetch")
    found = world.says("search", "disk")
    return [
        Row(
            f"a note of {50 // share} MB in the vault",
            done,
            f"{world.notes()} notes; the big one is named and left out: {'Big' not in json.dumps(found)}",
        )
    ]


def big_vault(server: Dovecot, folder: Path, share: int) -> list[Row]:
    count = 100_000 // share
    world = World(server, folder / "bigvault")
    words = [f"word{n}" for n in range(20_000)]
    chosen = random.Random(3)
    for n in range(count):
        path = world.vault / f"Notes/{n // 1000}/Note {n}.md"
        if n % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_text(f"# Note {n}\n\n{' '.join(chosen.choices(words, k=120))}\n")
    world.fill(map(mail, range(USUAL)))
    rows = [
        Row(
            f"{count:,} notes in the vault, never indexed, {USUAL} mails",
            world.run("fetch"),
            f"{world.notes()} notes",
        )
    ]
    world.fill(map(mail, range(1000, 1000 + USUAL)))
    rows.append(Row(f"  {USUAL} more mails", world.run("fetch"), f"{world.notes()} notes"))
    rows.append(Row("  again, nothing new", world.run("fetch"), f"{world.notes()} notes"))
    return [*rows, Row("  rebuild of the journal", world.run("rebuild", "--yes"), f"{world.off()} wrong")]


CASES: dict[str, Case] = {
    "usual": usual, "mailbox": mailbox, "accounts": accounts, "mail": big_mail, "drafts": drafts, "note": big_note, "vault": big_vault,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], default=[])
    parser.add_argument("--share", type=int, default=1)
    chosen = parser.parse_args()
    server = Dovecot().start()
    folder = Path(tempfile.mkdtemp(prefix="mailbot-load-"))
    print(f"{'':62} {'s':>8} {'CPU s':>8} {'MB':>7} {'times usual':>12}  outcome")
    usual_memory = 0.0
    try:
        for name in chosen.cases or CASES:
            for row in CASES[name](server, folder, chosen.share):
                usual_memory = usual_memory or row.spent.memory
                ratio = f"{row.spent.memory / usual_memory:.1f} MB/MB"
                print(
                    f"{row.what:62} {row.spent.seconds:8.1f} {row.spent.cpu:8.1f} {row.spent.memory:7.0f} {ratio:>12}  {row.outcome}",
                    flush=True,
                )
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
