"""A run of mailbot in a process of its own, to which something happens at the moment that it is told, before or after one of its acts:
it ends by SIGKILL, or from then on the disk says no, or the vault is not where it was.

The processes are forked from one that has everything imported (`mortal_server.py`), so that hundreds of them cost a minute.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO

from mailbot.effect import Effect

PATIENCE = 60.0
ROOT = Path(__file__).parent.parent.parent
FILES = (
    Effect.FOLDER_MADE,
    Effect.FILE_WRITTEN,
    Effect.FILE_NAMED,
    Effect.FILES_EXCHANGED,
    Effect.MODE_SET,
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens at the moment: the process is killed, or each act on a file fails with `errno`, or `vault` gets another name, where
    `empty` with an empty folder in its place, as of a disk that is not mounted any more."""

    errno: int = 0
    vault: str = ""
    empty: bool = False


KILLED = Fate()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code (-9 where it was killed), the moments that it came to, in order, and what it printed."""

    code: int
    moments: tuple[tuple[Effect, bool], ...]
    """(an act, whether it was done)."""
    printed: str


def run(
    *argv: str, at: int = 0, fate: Fate = KILLED, record: Path, env: dict[str, str] | None = None
) -> Ended:
    """Run `mailbot ...` to its end; its moment number `at` (from 1) has this fate."""
    acts, output = record.with_suffix(".acts"), record.with_suffix(".out")
    acts.write_bytes(b"")
    given = {
        "argv": argv, "env": dict(os.environ) | (env or {}), "folder": str(Path.cwd()), "at": at, "fate": asdict(fate),
        "acts": str(acts), "output": str(output),
    }  # fmt: skip
    server = _server()
    assert server.stdin and server.stdout
    server.stdin.write(f"{json.dumps(given)}\n".encode())
    server.stdin.flush()
    pid = int(server.stdout.readline())
    if not _speaks(server.stdout):
        os.kill(pid, signal.SIGKILL)
        server.stdout.readline()
        raise AssertionError(f"mailbot {' '.join(argv)} did not end: {output.read_text()}")
    code = int(server.stdout.readline())
    lines = [line.partition(" ") for line in acts.read_text().splitlines()]
    moments = tuple((Effect(act), when == "after") for when, _, act in lines)
    return Ended(code, moments, output.read_text())


def _speaks(stream: IO[bytes]) -> bool:
    return bool(select.select([stream], [], [], PATIENCE)[0])


@cache
def _server() -> subprocess.Popen[bytes]:
    """The process that others are forked from; it ends with this one."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.mortal_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, cwd=ROOT
    )  # fmt: skip
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin and server.stdout
    server.stdin.close()
    server.wait(10)
    server.stdout.close()
