"""Whoever is asked. On a terminal that is a person; without one, the options of the command line answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Value = TypeVar("Value")
Check = Callable[[str], Value]
"""Text -> value. Raises ValueError, in words, for what is no answer."""


class Person(Protocol):
    """Each question has a key: the option of that name answers it unasked. Without anybody to ask, the default counts; every
    method raises ConfigError, naming the option, where there is none."""

    def ask(self, key: str, question: str, check: Check[Value], default: str | None = None) -> Value:
        """A text, asked again until `check` takes it."""

    def choose(self, key: str, question: str, ways: Sequence[tuple[str, str]], default: str = "") -> str:
        """The word of one of several ways, each (word, what it means)."""

    def agrees(self, key: str, question: str, default: bool = True) -> bool:
        """A yes or a no."""

    def secret(self, question: str, key: str = "password-file") -> str:
        """Something that is not shown while it is typed; `key` is the option that names a file with it."""

    def there(self) -> bool:
        """Whether somebody can be asked."""

    def say(self, text: str) -> None:
        """Tell something."""

    def begin(self, title: str) -> None:
        """A new part begins."""

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show a table."""


def given(text: str) -> str:
    """Any text but none."""
    if not text.strip():
        raise ValueError("write something")
    return text.strip()


def counted(number: int, word: str) -> str:
    """`1 mail`, `2 mails`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def anything(text: str) -> str:
    """Any text, or none."""
    return text.strip()
