"""The process from which mortal runs are forked: it has imported all of mailbot, and answers each request, a line of JSON on its standard
input, with the id of the process that it has made and then with how that ended."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import openai  # noqa: F401 - it is imported where it is first used

import mailbot
from mailbot import effect
from mailbot.effect import Effect
from mailbot.sync.steps import after_sending
from tests.servers.mortal import FILES, Fate


def serve() -> None:
    for module in pkgutil.walk_packages(mailbot.__path__, "mailbot."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # an extra that is not there
                importlib.import_module(module.name)
    after_sending.FILED_WITHIN = 0.0  # the servers of the tests file nothing by themselves
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _live(json.loads(line))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _live(given: dict[str, Any]) -> None:
    """The process: mailbot's own, with its own environment, folder and output."""
    code: object = 70
    try:
        os.environ.clear()
        os.environ.update(given["env"])
        os.chdir(given["folder"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin = os.fdopen(0, closefd=False)
        out = os.open(given["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number in (1, 2):
            os.dup2(out, number)
        _watched(given["at"], Fate(**given["fate"]), os.open(given["acts"], os.O_WRONLY | os.O_APPEND))
        sys.argv = ["mailbot", *given["argv"]]
        from mailbot.__main__ import main

        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - whatever it was, it is in the output
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _watched(at: int, fate: Fate, record: int) -> None:
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


if __name__ == "__main__":
    serve()
