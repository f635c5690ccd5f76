"""A command on a terminal of its own, whose questions are answered in order as they come."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.conftest import ROOT

Answer = str | Callable[[str], str] | int | None
"""What is typed, or made from all that was shown so far; a number is a signal, None types nothing."""
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    shown: str


def on_a_terminal(
    *arguments: str, script: Sequence[tuple[str, Answer]] = (), seconds: float = 60, **environment: str
) -> Ended:
    """Run `mailbot`. Each (question, answer) waits until the question is shown after the one before."""
    pid, terminal = pty.fork()
    if not pid:
        os.environ.update({"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "200", **environment})
        os.execv(sys.executable, [sys.executable, "-m", "mailbot", *arguments])
    shown, at, left, end = "", 0, list(script), time.monotonic() + seconds
    ended = False
    while time.monotonic() < end and not ended:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            ended = not data
            shown += _CODES.sub("", data.decode(errors="replace"))
        while left and (found := shown.find(left[0][0], at)) >= 0:
            question, answer = left.pop(0)
            at = found + len(question)
            if isinstance(answer, int):
                time.sleep(0.3)  # between its prompt and its wait, Python's readline sees no signal
                os.kill(pid, answer)
            elif answer is not None:
                os.write(terminal, (answer if isinstance(answer, str) else answer(shown)).encode() + b"\n")
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert not left or status, f"never asked: {left[0][0]!r}\n{shown}"
    return Ended(os.waitstatus_to_exitcode(status), shown)
