"""A hostile mail server slows its own account. It takes no memory beyond a bound, holds up no other account, and touches no file of its
choice, whatever it sends and at whatever moment.

Each attack is one run of the program with an account for every moment at which the server may begin, and one account on a real Dovecot.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, mail, tree
from tests.e2e.test_bad_servers import Account
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap, Session

pytestmark = pytest.mark.dovecot

MEMORY = 600
"""MB that a run may take in all: one with nine hostile accounts. (A run over nine good ones takes about 150.)"""
TIME = 100.0
"""Seconds: each hostile account has ten, and its server one for an answer. (Nine servers that flood take the processor from all.)"""
MOMENTS = ("greeting", "CAPABILITY", "LOGIN", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH", "APPEND", "NOOP")
Attack = Callable[[Session, str], bool | None]


def endlessly(piece: bytes, most: int = 400_000_000) -> Attack:
    """Sends a piece until nobody listens, or some hundred megabytes were taken."""

    def attack(session: Session, tag: str) -> bool | None:
        block = piece * max(1, 100_000 // len(piece))
        for _ in range(most // len(block)):
            session.send(block)
        return session.ok(tag)

    return attack


def literal(announced: int, sent: int) -> Attack:
    def attack(session: Session, tag: str) -> bool | None:
        session.send(f"* 1 FETCH (UID 1 RFC822.SIZE 5 FLAGS () BODY[] {{{announced}}}\r\n")
        for _ in range(sent // 100_000):
            session.send(b"x" * 100_000)
        session.send(")\r\n")
        return session.ok(tag)

    return attack


def wrong_tags(session: Session, tag: str) -> bool | None:
    for n in range(1000):
        session.send(f"ZZ{n} OK done\r\n")
    session.send("+ go on\r\n* BAD what\r\n")
    return True  # the right tag never comes


def unasked(session: Session, tag: str) -> None:
    """Answers to commands that nobody has sent; then the right one."""
    session.send("* SEARCH " + " ".join(str(n) for n in range(1, 5000)) + "\r\n")
    session.send('* LIST (\\Drafts \\Trash \\Sent) "/" "../../../../tmp/evil"\r\n')
    session.send("* 9 EXISTS\r\n* OK [UIDVALIDITY 99] x\r\n* OK [UIDNEXT 4294967295] x\r\n* FLAGS ()\r\n")
    session.send("* 1 FETCH (UID 1 FLAGS (\\Deleted) BODY[] {20}\r\nSubject: forged\r\n\r\nx)\r\n")
    session.send("* CAPABILITY IMAP4rev1 X-GM-EXT-1 MOVE\r\n* 1 EXPUNGE\r\n* VANISHED 1:10000\r\n")


def paths(session: Session, tag: str) -> bool | None:
    for n, name in enumerate(
        (
            "../../../../tmp/evil",
            "/etc/passwd",
            "..\\\\..\\\\evil",
            "C:/evil",
            "a/../../../evil",
            '\\"x\\"',
            "%00",
        )
    ):
        use = ("\\Drafts", "\\Sent", "\\Trash")[n % 3]
        session.send(f'* LIST ({use}) "/" "{name}"\r\n')
    return session.ok(tag)


ATTACKS: dict[str, Attack] = {
    "a literal of a terabyte that does not come": literal(10**12, 100_000),
    "a literal of 300 MB that comes": literal(300_000_000, 300_000_000),
    "a literal below zero": literal(-1, 100_000),
    "a line without an end": endlessly(b"x"),
    "a million untagged answers": endlessly(b"* 123456 EXISTS\r\n", 20_000_000),
    "hundreds of megabytes of untagged answers": endlessly(b"* OK [ALERT] still here, still here, still here\r\n"),
    "wrong tags": wrong_tags,
    "answers to commands never sent": unasked,
    "nesting without an end": endlessly(b"* 1 FETCH (((((((((((((((((((((((((((((((((((((((((((((((((", 60_000_000),
    "names that are paths": paths,
    "a refusal of megabytes": lambda session, tag: session.no(tag, "no " * 3_000_000),
    "the end of the line": lambda session, tag: session.drop(),
}  # fmt: skip


class Hostile(ScriptedImap):
    """An account that is as it should be until its moment comes; then the attack."""

    def __init__(self, moment: str, attack: Attack) -> None:
        inner = Account(mail(message_id=f"<{moment.replace(' ', '-')}@hostile.example>"))

        def script(session: Session, tag: str, line: str, sent: bytes) -> bool | None:
            if line.upper().startswith(moment) and attack(session, tag):
                return True
            try:
                return inner(session, tag, line, sent)
            except KeyError:
                return session.no(tag, "no such mailbox")

        super().__init__(script)
        self.moment, self.attack = moment, attack

    def _serve(self, session: Session) -> None:
        if self.moment == "greeting":
            try:
                self.attack(session, "*")
            except OSError:
                return
        super()._serve(session)


def watch(pid: int, most: list[int]) -> None:
    """The most memory that a process has had, in kB, until it ends. (`getrusage` counts that of the process it was forked from too.)"""
    while True:
        try:
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        except OSError:
            return
        if found is None:  # it has ended
            return
        most[0] = max(most[0], int(found[1]))
        time.sleep(0.02)


def settings_of(
    folder: Path, vault: Path, dovecot: Dovecot, user: str, ports: dict[str, int], model: str
) -> Path:
    def account(name: str, port: int, address: str) -> dict[str, Any]:
        return {
            "name": name, "address": address, "password": {"env": "MAIL_PASSWORD"}, "time_limit": "90s" if name == "good" else "10s",
            "imap": {"host": "127.0.0.1", "port": port, "security": "none", "timeout": 1},
        }  # fmt: skip

    accounts = [
        account(name.replace(" ", "-").lower(), port, f"{name.split()[-1].lower()}@hostile.example")
        for name, port in ports.items()
    ]
    accounts.append(account("good", dovecot.port, user))
    path = folder / "accounts.yaml"
    llm = {"base_url": model, "model": "scripted", "retries": 0}
    path.write_text(yaml.safe_dump({"vault": str(vault), "accounts": accounts, "llm": llm}))
    return path


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_server_costs_only_its_own_account(
    dovecot: Dovecot, user: str, model: ModelServer, vault: Path, tmp_path: Path, name: str
) -> None:
    dovecot.deliver(user, mail(to=user))
    around = {k: v for k, v in tree(tmp_path).items() if not k.startswith(("vault/", "state/", "home/"))}
    with ExitStack() as stack:
        servers = {moment: stack.enter_context(Hostile(moment, ATTACKS[name])) for moment in MOMENTS}
        ports = {moment: server.port for moment, server in servers.items()}
        path = settings_of(tmp_path, vault, dovecot, user, ports, model.url)
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "mailbot", "--config", str(path), "fetch"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        most = [0]
        watching = threading.Thread(target=watch, args=(process.pid, most), daemon=True)
        watching.start()
        said = process.communicate()[0].decode()
        watching.join(5)
        took = time.monotonic() - begun
    print(f"{name}: {most[0] / 1000:.0f} MB, {took:.1f} s")
    assert 0 < most[0] < MEMORY * 1000, f"{most[0] / 1000:.0f} MB"
    assert took < TIME, said
    kept = "\n".join(p.read_text(encoding="utf-8") for p in vault.rglob("*.md"))
    assert "<m1@acme.example>" in kept or "m1@acme.example" in kept, said
    assert len(dovecot.messages(user, "Drafts")) == 1, said
    assert set(dovecot.flags(user).values()) == {()}
    after = {
        k: v
        for k, v in tree(tmp_path).items()
        if not k.startswith(("vault/", "state/", "home/", "accounts.yaml"))
    }
    assert after == around
    assert not Path("/tmp/evil").exists() and not list(vault.rglob("*evil*"))
    assert not [p for p in vault.rglob("*") if p.is_symlink()]
    assert "Traceback" not in said and "forged" not in kept
