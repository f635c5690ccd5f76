"""One thing that was looked at, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mailbot.errors import MailbotError

Level = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is what was looked at, `about` the account or other thing it belongs to, `found` what is there, `advice` what to do.
    `code` is the exit code of what is wrong."""

    name: str
    about: str
    level: Level
    found: str
    advice: str = ""
    code: int = 0


def ok(name: str, about: str, found: str) -> Check:
    return Check(name, about, "ok", found)


def warning(name: str, about: str, found: str, advice: str = "") -> Check:
    return Check(name, about, "warning", found, advice)


def wrong(name: str, about: str, found: str, advice: str = "", code: int = 1) -> Check:
    return Check(name, about, "wrong", found, advice, code)


def failed(name: str, about: str, error: MailbotError) -> Check:
    """What mailbot itself says went wrong; its message says what to do."""
    said = str(error).removeprefix(f"account {about}").removeprefix(": ").strip()
    return Check(name, about, "wrong", said, code=error.exit_code)


def looked_at(name: str, about: str, look: Callable[[], Check]) -> Check:
    """A look, whose failure is what was found."""
    try:
        return look()
    except MailbotError as error:
        return failed(name, about, error)
    except OSError as error:
        return wrong(name, about, f"{error.filename or 'the disk'}: {error.strerror or error}", code=75)
