"""A run of mailbot in a process of its own, to which something happens at the moment that it is told, before or after one of its acts:
it ends by SIGKILL, or from then on the disk says no, or the vault is not where it was.

The processes are forked from one that has everything imported, so that hundreds of them cost a minute.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailbot import effect
from mailbot.effect import Effect

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.servers.mortal_imports"])
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code (-9 where it was killed), the moments that it came to, in order, and what it printed."""

    code: int
    moments: tuple[tuple[Effect, bool], ...]
    """(an act, whether it was done)."""
    printed: str


FILES = (Effect.FOLDER_MADE, Effect.FILE_WRITTEN, Effect.FILE_NAMED, Effect.FILES_EXCHANGED, Effect.MODE_SET)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens at the moment: the process is killed, or each act on a file fails with `errno`, or `vault` gets another name, where
    `empty` with an empty folder in its place, as of a disk that is not mounted any more."""

    errno: int = 0
    vault: str = ""
    empty: bool = False


KILLED = Fate()


def run(
    *argv: str, at: int = 0, fate: Fate = KILLED, record: Path, env: dict[str, str] | None = None
) -> Ended:
    """Run `mailbot ...` to its end; its moment number `at` (from 1) has this fate."""
    acts, output = record.with_suffix(".acts"), record.with_suffix(".out")
    acts.write_bytes(b"")
    given = (list(argv), dict(os.environ) | (env or {}), str(Path.cwd()), at, fate, str(acts), str(output))
    process = _PROCESSES.Process(target=_mortal, args=given)
    process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"mailbot {' '.join(argv)} did not end: {output.read_text()}")
    assert process.exitcode is not None
    lines = [line.partition(" ") for line in acts.read_text().splitlines()]
    moments = tuple((Effect(act), when == "after") for when, _, act in lines)
    return Ended(process.exitcode, moments, output.read_text())


def _mortal(
    argv: Sequence[str], env: dict[str, str], folder: str, at: int, fate: Fate, acts: str, output: str
) -> None:
    # The program takes its own temporary folder away; that of the process it is forked from is not its own.
    multiprocessing.process.current_process()._config.pop("tempdir", None)  # type: ignore[attr-defined]
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number in (1, 2):
        os.dup2(out, number)
    record = os.open(acts, os.O_WRONLY | os.O_APPEND)
    lock, count = threading.Lock(), 0

    def seen(act: Effect, done: bool) -> None:
        nonlocal count
        with lock:
            count += 1
            os.write(record, f"{'after' if done else 'before'} {act}\n".encode())
            if fate.errno and at and count >= at and act in FILES and not done:
                raise OSError(fate.errno, os.strerror(fate.errno), "the disk")
            if count != at or fate.errno:
                return
            if not fate.vault:
                os.kill(os.getpid(), signal.SIGKILL)
            Path(fate.vault).rename(f"{fate.vault}-away")
            if fate.empty:
                Path(fate.vault).mkdir()

    effect.watch(seen)
    sys.argv = ["mailbot", *argv]
    from mailbot.__main__ import main

    main()
