"""`mailbot` and `python -m mailbot`."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import threading
import warnings
from contextlib import suppress
from types import FrameType

from mailbot import stopping
from mailbot.errors import BY_SIGNAL, UNWRITTEN

COLLECT = 50_000
"""New objects between two looks for circles of them. Python's 700 cost a tenth of a short run: importing makes 100,000."""
GRACE = 1.5
"""Seconds that what must not be cut off (an answer that a server gives once) may take after the user has ended the run."""
_ended_by: list[int] = []
"""The signals that have ended the run: Ctrl-C, or SIGTERM from a service manager."""


def main() -> None:
    """Run the command line; whatever goes wrong ends with one message and an exit code of sysexits.h."""
    _prepare()
    code = _run()
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - or Python ends with 120
    if _ended_by:  # click makes exit code 1 of an interrupt that it meets itself
        code = 0 if stopping.awaited() else BY_SIGNAL + _ended_by[0]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # nothing is left to be stopped
    if stopping.asked() or threading.active_count() > 1:
        stopping.finish(GRACE)
        if "multiprocessing.util" in sys.modules:
            shutil.rmtree(sys.modules["multiprocessing.util"].get_temp_dir(), ignore_errors=True)
        os._exit(code)  # threads that wait for somebody are not waited for: what they did is durable
    sys.exit(code)


def _prepare() -> None:
    gc.set_threshold(COLLECT)
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever called; the next file that is opened must not get its number
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123 - for the life of the process
            if stream.fileno() != number:
                os.dup2(stream.fileno(), number)
            setattr(sys, name, stream)
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a library's warning may quote what it was given
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    stopping.ask()
    _ended_by.append(number)
    raise KeyboardInterrupt


def _run() -> int:
    try:
        from mailbot.cli.main import mailbot

        mailbot(prog_name="mailbot")
    except SystemExit as error:
        return _flushed(error.code if isinstance(error.code, int) else 1)
    except KeyboardInterrupt:
        return BY_SIGNAL + signal.SIGINT
    except OSError as error:
        return _unwritten(error)
    return _flushed(0)


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        return _unwritten(error)
    return code


def _unwritten(error: Exception) -> int:
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - or Python complains once more at the end
    why = error.strerror if isinstance(error, OSError) else "it is closed"
    with suppress(OSError, ValueError):
        print(f"mailbot: the output could not be written: {why}", file=sys.stderr)  # noqa: T201
    return UNWRITTEN


if __name__ == "__main__":
    main()
