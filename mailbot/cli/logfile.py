"""The log: ids, paths of the state and counts, for its owner's eyes only. No mail text, no secret, nobody else's words as they
came."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import traceback
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

import click

from mailbot import private
from mailbot.hearsay import one_line

LINE = 2000
"""Characters."""


class _Formatter(logging.Formatter):
    """One line for each record. Of an exception only its kind and where it happened: its message may quote a mail."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        bare = copy.copy(record)
        bare.exc_info, bare.exc_text = None, None
        line = one_line(super().format(bare))[:LINE]
        return f"{line}\n{_frames(error, error.__traceback__)}" if error else line


def _frames(error: BaseException, trace: TracebackType | None) -> str:
    frames = [f"    {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(trace)]
    return "\n".join([f"  {type(error).__name__} at", *frames])


class _File(logging.handlers.RotatingFileHandler):
    """A log that cannot be written ends no run: it is said once."""

    _complained = False

    def _open(self) -> TextIOWrapper:
        private.file(Path(self.baseFilename))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        if not self._complained:
            self._complained = True
            with suppress(OSError):
                click.echo(f"mailbot: the log {self.baseFilename} cannot be written", err=True)


def log_to(folder: Path) -> None:
    """Log to a rotating file in a folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = _File(
        folder / "mailbot.log",
        maxBytes=1_000_000,
        backupCount=3,
        encoding="utf-8",
        errors="backslashreplace",
        delay=True,
    )
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log_by(handler)


def log_nowhere() -> None:
    """Keep no log: for a run that must leave no trace."""
    _log_by(logging.NullHandler())


def _log_by(handler: logging.Handler) -> None:
    logger = logging.getLogger("mailbot")
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
