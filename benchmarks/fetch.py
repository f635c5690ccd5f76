"""A first fetch and one with nothing new, beside mbsync, on a Dovecot of their own.

    python -m benchmarks.fetch [CORPUS] [--small N] [--large N]

CORPUS is a folder of .eml files (default: $MAILBOT_CORPUS, else ../shared/corpus). Two mailboxes are made of it: its small mails
as they are, again and again under new Message-IDs, and mails of 44 KB put together from its words, half of them HTML. Each is
fetched by mbsync and by `mailbot fetch`, in turn, from the same server. Needs Dovecot and mbsync (Debian: isync).
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import Ratio, corpus_folder, show
from mailbot.mail.message import Text
from mailbot.mail.mime.parse import parse
from tests.servers.dovecot import PASSWORD, Dovecot

SMALL = 12_000
"""Octets that a mail of the first set has at most: so they weigh 3.6 KB in the mean, as list mail does."""
LARGE = 44_000
"""Octets of a mail of the second set."""


def small(corpus: Path, count: int) -> Iterator[bytes]:
    """Real mails of the corpus, repeated under new Message-IDs."""
    raw = [p.read_bytes() for p in sorted(corpus.rglob("*.eml")) if p.stat().st_size <= SMALL]
    for number in range(count):
        yield _renamed(raw[number % len(raw)], number)


def _renamed(raw: bytes, number: int) -> bytes:
    raw = raw.replace(b"\r\n", b"\n").lstrip(b"\n")
    again = re.sub(rb"(?im)^(message-id:\s*<)", rb"\g<1>%d." % number, raw, count=1)
    return (again if again != raw else b"X-Number: %d\n" % number + raw).replace(b"\n", b"\r\n")


def large(corpus: Path, count: int) -> Iterator[bytes]:
    """Mails of 44 KB put together from the corpus' own bodies; every second is HTML."""
    dice = random.Random(44)
    plain: list[str] = []
    html: list[str] = []
    for path in sorted(corpus.rglob("*.eml")):
        for text in parse(path.read_bytes()).body:
            if isinstance(text, Text) and 400 < len(text.content) < LARGE:
                (html if text.html else plain).append(text.content)
    for number in range(count):
        head = (
            f"From: Sender {number % 97} <s{number % 97}@sender.example>\nTo: user@own.example\n"
            f"Subject: A longer mail {number}\nMessage-ID: <large.{number}@sender.example>\n"
            f"Date: Mon, {1 + number % 28:02d} Jun 2026 {number % 24:02d}:{number % 60:02d}:00 +0000\nMIME-Version: 1.0\n"
        )
        kind, pieces = ("html", html) if number % 2 else ("plain", plain)
        body = _of_size(dice, pieces, "\n<hr>\n" if kind == "html" else "\n\n")
        mail = f"{head}Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}"
        yield mail.replace("\n", "\r\n").encode("utf-8", "replace")


def _of_size(dice: random.Random, pieces: list[str], between: str) -> str:
    out: list[str] = []
    while sum(map(len, out)) < LARGE:
        out.append(dice.choice(pieces))
    return between.join(out)[:LARGE]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took: seconds on the clock, seconds of the processors, and the most memory of all its processes in MB (what
    they share counted once)."""

    seconds: float
    cpu: float
    memory: float


def spent(command: list[str], environment: dict[str, str] | None = None) -> Spent:
    """Run a command to its end and measure it. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    most = [0.0]
    ticks: dict[int, float] = {}
    watcher = threading.Thread(target=_watch, args=(process.pid, most, ticks), daemon=True)
    watcher.start()
    out, _ = process.communicate()
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.stderr.write(out.decode("utf-8", "replace")[-2000:])
        raise subprocess.CalledProcessError(process.returncode, command)
    watcher.join()
    return Spent(seconds, sum(ticks.values()), most[0])


def _watch(pid: int, most: list[float], ticks: dict[int, float]) -> None:
    """Look at a process and all below it until it is over."""
    while family := _family(pid):
        most[0] = max(most[0], sum(map(_proportional, family)))
        ticks.update((each, spent_so_far) for each in family if (spent_so_far := _cpu(each)))
        time.sleep(0.05)


def _cpu(pid: int) -> float:
    """Seconds of the processors that a process has had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    """A process and all below it; none once it is over."""
    try:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return []
        threads = [each.name for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    found = [pid]
    for thread in threads:
        with suppress(OSError):  # a thread that has ended meanwhile
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
            found += itertools.chain.from_iterable(_family(int(child)) for child in children)
    return found


def _proportional(pid: int) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1000 if found else 0.0


class Place:
    """A folder with a mailbox on a Dovecot, and settings of mbsync and of mailbot that fetch from it."""

    def __init__(self, server: Dovecot, folder: Path, user: str) -> None:
        self.server, self.folder, self.user = server, folder, user
        folder.mkdir(parents=True)
        (folder / "mbsyncrc").write_text(
            f"IMAPAccount a\nHost 127.0.0.1\nPort {server.port}\nUser {user}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n"
            f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {folder}/maildir/\nInbox {folder}/maildir/INBOX\n\n"
            "Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n"
        )
        (folder / "maildir").mkdir()
        (folder / "vault").mkdir()
        (folder / "accounts.yaml").write_text(
            f"vault: {folder}/vault\naccounts:\n  - name: a\n    address: user@own.example\n    imap: {{host: 127.0.0.1, port: "
            f"{server.port}, security: none}}\n    username: {user}\n    password: {{env: BENCH_PASSWORD}}\n"
        )
        self.environment = {
            **os.environ, "XDG_STATE_HOME": f"{folder}/state", "HOME": str(folder), "BENCH_PASSWORD": PASSWORD,
        }  # fmt: skip

    def fill(self, mails: Iterator[bytes]) -> tuple[int, float]:
        """Put mails into the inbox, unread, as a delivery program does; returns how many and how many MB."""
        inbox = self.server.base / "mail" / self.user
        for name in ("new", "cur", "tmp"):
            (inbox / name).mkdir(parents=True)
        count = size = 0
        for mail in mails:
            at = 1_770_000_000 + count * 60
            path = inbox / "new" / f"{at}.M{count}P1.here"
            path.write_bytes(mail)
            os.utime(path, (at, at))
            count, size = count + 1, size + len(mail)
        if os.geteuid() == 0:
            for path in (inbox, *inbox.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")
        return count, size / 1e6

    def mbsync(self) -> Spent:
        return spent(["mbsync", "-q", "-c", str(self.folder / "mbsyncrc"), "c"], self.environment)

    def mailbot(self) -> Spent:
        command = [sys.executable, "-m", "mailbot", "--config", str(self.folder / "accounts.yaml"), "fetch"]
        return spent(command, self.environment)

    def notes(self) -> int:
        return sum(1 for _ in (self.folder / "vault").rglob("*.md"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?", default=None, type=Path)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=3_000)
    arguments = parser.parse_args()
    corpus = corpus_folder(arguments.corpus)
    show("fetch, beside mbsync", ratios(corpus, arguments.small, arguments.large))


def ratios(corpus: Path, small_mails: int, large_mails: int) -> list[Ratio]:
    """Each figure of this benchmark beside mbsync's."""
    if not shutil.which("mbsync"):
        sys.exit("mbsync is not installed (Debian and Ubuntu: apt-get install isync)")
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-") as folder:
        server = Dovecot().start()
        try:
            found = _set(
                Place(server, Path(folder) / "small", "small"), small(corpus, small_mails), "small mails", 5.0
            )
            found += _set(
                Place(server, Path(folder) / "large", "large"),
                large(corpus, large_mails),
                "44 KB mails",
                10.0,
            )
        finally:
            server.stop()
    return found


def _set(place: Place, mails: Iterator[bytes], name: str, aim: float) -> list[Ratio]:
    count, size = place.fill(mails)
    peer, ours = place.mbsync(), place.mailbot()
    assert place.notes() == count, f"{place.notes()} notes of {count} mails"
    said = f"{name}: first fetch of {count} ({size:.0f} MB)"
    quiet = [(place.mbsync().seconds, place.mailbot().seconds) for _ in range(5)]
    theirs, idle = (min(times) for times in zip(*quiet, strict=True))
    return [
        Ratio(said, ours.seconds, peer.seconds, "mbsync", aim),
        Ratio("    time of the processors", ours.cpu, peer.cpu, "mbsync"),
        Ratio("    memory of all processes", ours.memory, 150.0, "the limit", 1.0, unit="MB"),
        Ratio("    nothing new", idle, theirs, "mbsync"),
        Ratio("    nothing new", idle, imports(), "the bare imports", 1.43),
    ]


def imports() -> float:
    """Seconds that Python takes to import what even an idle run needs."""
    command = [sys.executable, "-c", "import imapclient, click, pydantic, yaml"]
    return min(spent(command).seconds for _ in range(5))


if __name__ == "__main__":
    main()
