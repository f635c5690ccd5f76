"""`mailbot watch` for an hour: 200 mails arrive at random, ten times the line is cut or goes dead. What was lost, what came twice, how long a
mail took to become a note, and what the memory did. Against a real Dovecot, through a proxy that cuts.

    python -m benchmarks.watch --minutes 60 --mails 200 --cuts 10
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

from tests.conftest import mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.model import ModelServer

USER = "watch@example.com"


class Proxy:
    """Hands octets on between mailbot and Dovecot. `cut` ends every line at once, `deaden` keeps them open and says nothing any more."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.lines: list[tuple[socket.socket, socket.socket, threading.Event]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.target))
            dead = threading.Event()
            self.lines.append((near, far, dead))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other, dead), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, dead: threading.Event) -> None:
        try:
            while data := one.recv(65536):
                if not dead.is_set():
                    other.sendall(data)
        except OSError:
            pass
        if not dead.is_set():
            for each in (one, other):
                with_shutdown(each)

    def cut(self) -> None:
        lines, self.lines = self.lines, []
        for near, far, _ in lines:
            with_shutdown(near)
            with_shutdown(far)

    def deaden(self) -> None:
        for _, _, dead in self.lines:
            dead.set()
        self.lines = []


def with_shutdown(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def memory(pid: int) -> float:
    """Resident megabytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def seen(vault: Path) -> dict[str, float]:
    """Message-ID -> when its note was written."""
    found = {}
    for note in vault.glob("Email/2*/*/*.md"):
        for line in note.read_text(encoding="utf-8").split("\n", 30)[:30]:
            if line.startswith("message_id:"):
                found[line.partition(":")[2].strip().strip('"')] = note.stat().st_ctime
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--mails", type=int, default=200)
    options.add_argument("--cuts", type=int, default=10)
    options.add_argument("--seed", type=int, default=13)
    asked = options.parse_args()
    chance = random.Random(asked.seed)
    seconds = asked.minutes * 60
    events = [(chance.uniform(10, seconds - 5), "mail") for _ in range(asked.mails)]
    events += [((n + 0.5) * seconds / asked.cuts, "dead" if n % 5 == 4 else "cut") for n in range(asked.cuts)]
    dovecot = Dovecot().start()
    proxy = Proxy(dovecot.port)
    base = Path(tempfile.mkdtemp(prefix="mailbot-watch-"))
    vault = base / "vault"
    vault.mkdir()
    with ModelServer() as model:
        account = {"name": "work", "address": USER, "display_name": "Jo Vermeer", "password": {"env": "MAIL_PASSWORD"},
                   "imap": {"host": "127.0.0.1", "port": proxy.port, "security": "none", "timeout": 20}}  # fmt: skip
        data = {
            "vault": str(vault),
            "accounts": [account],
            "llm": {"base_url": model.url, "model": "scripted"},
        }
        (base / "accounts.yaml").write_text(yaml.safe_dump(data))
        environment = {
            **os.environ,
            "MAIL_PASSWORD": PASSWORD,
            "MAILBOT_STATE": str(base / "state"),
            "HOME": str(base),
        }
        command = [sys.executable, "-m", "mailbot", "--config", str(base / "accounts.yaml"), "watch"]
        watch = subprocess.Popen(command, env=environment, cwd=Path(__file__).parent.parent)
        start = time.time()
        time.sleep(5)
        first = fifth = memory(watch.pid)
        arrived: dict[str, float] = {}
        for number, (at, what) in enumerate(sorted(events)):
            time.sleep(max(0.0, start + at - time.time()))
            if what == "mail":
                id_ = f"<{number}@acme.example>"
                made = mail(
                    f"Hi Jo,\n\nwhich coding was it in run {number}?\n\nAna",
                    to=USER,
                    message_id=id_,
                    subject=f"Run {number}",
                )
                dovecot.deliver(USER, made)
                arrived[id_] = time.time()
                if len(arrived) == 5:
                    time.sleep(10)
                    fifth = memory(watch.pid)  # the libraries that the first mail needs are loaded by now
            else:
                proxy.cut() if what == "cut" else proxy.deaden()
        end = time.time() + 420
        while len(seen(vault)) < len(arrived) and time.time() < end:
            time.sleep(1)
        time.sleep(15)
        last = memory(watch.pid)
        notes = seen(vault)
        files = len(list(vault.glob("Email/2*/*/*.md")))
        drafts = len(dovecot.messages(USER, "Drafts"))
        flags = set(dovecot.flags(USER).values())
        watch.send_signal(signal.SIGTERM)
        code = watch.wait(10)
    waits = sorted(notes[i] - at for i, at in arrived.items() if i in notes)
    print(
        f"{asked.minutes:g} minutes, {len(arrived)} mails, {asked.cuts} cut lines (every fifth goes dead in silence)"
    )
    print(
        f"lost {len(arrived.keys() - notes.keys())}, doubled {files - len(notes)}, drafts {drafts}, flags of the inbox {flags}"
    )
    print(
        f"seconds to a note: p50 {statistics.median(waits):.2f}, p95 {waits[int(0.95 * len(waits))]:.2f}, worst {waits[-1]:.1f}"
    )
    print(
        f"memory: {first:.0f} MB at the start, {fifth:.0f} MB after five mails, {last:.0f} MB at the end; SIGTERM ended it with {code}"
    )
    dovecot.stop()


if __name__ == "__main__":
    main()
