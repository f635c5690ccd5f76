"""Questions on a terminal, and the options that answer them where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from mailbot.cli import console
from mailbot.errors import ConfigError
from mailbot.hearsay import one_line, visible
from mailbot.sync.setup.person import Check, Value


@dataclass(slots=True)
class Terminal:
    """Whoever sits at the terminal; `options` have answered some questions. With `quiet` nobody is asked: the defaults count."""

    options: Mapping[str, str]
    quiet: bool = False
    _part: int = 0

    def there(self) -> bool:
        return not self.quiet

    def ask(self, key: str, question: str, check: Check[Value], default: str | None = None) -> Value:
        if key in self.options:
            return self._taken(key, check, self.options[key])
        if not question:  # only an option answers it
            return check(default or "")
        if self.quiet:
            if default is None:
                raise ConfigError(f"no answer for “{question}”; add --{key}")
            self.say(f"  {question}: {default or '-'}")
            return self._taken(key, check, default)
        while True:
            try:
                return check(
                    str(click.prompt(f"{one_line(question)}", default=default, show_default=bool(default)))
                )
            except ValueError as error:
                self.say(f"  {error}")

    def choose(self, key: str, question: str, ways: Sequence[tuple[str, str]], default: str = "") -> str:
        words = [word for word, _ in ways]

        def check(text: str) -> str:
            wanted = text.strip().casefold()
            if wanted in words:
                return wanted
            if wanted.isdigit() and 0 < int(wanted) <= len(words):
                return words[int(wanted) - 1]
            raise ValueError(f"write a number from 1 to {len(words)}")

        if self.quiet or key in self.options:
            return self.ask(key, question, check, default or None)
        self.say(question)
        for number, (_, means) in enumerate(ways, 1):
            self.say(f"  {number}  {means}")
        at = str(words.index(default) + 1) if default in words else None
        return self.ask(key, "Number", check, at)

    def agrees(self, key: str, question: str, default: bool = True) -> bool:
        if key in self.options or self.quiet:
            return self.ask(key, question, _yes_or_no, "yes" if default else "no")
        return bool(click.confirm(one_line(question), default=default))

    def secret(self, question: str, key: str = "password-file") -> str:
        if self.quiet:
            raise ConfigError(
                f"no answer for “{question}”, and no secret belongs on a command line; add --{key} FILE"
            )
        return str(click.prompt(question, hide_input=True))

    def say(self, text: str) -> None:
        console.show(text)

    def begin(self, title: str) -> None:
        self._part += 1
        head = f"{self._part}. {title}"
        click.echo("")
        click.echo(click.style(visible(head), bold=True) if console.answers() else visible(head))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        console.table(columns, rows, headed=True)

    def _taken(self, key: str, check: Check[Value], text: str) -> Value:
        try:
            return check(text)
        except ValueError as error:
            raise ConfigError(f"--{key}: {error}") from error


def _yes_or_no(text: str) -> bool:
    if text.casefold() not in ("yes", "no", "y", "n"):
        raise ValueError("write yes or no")
    return text.casefold().startswith("y")
