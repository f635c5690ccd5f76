"""What commands share: one way to print for people, one for programs, one to end with an error."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from mailbot import config
from mailbot.errors import MailbotError, TryAgain
from mailbot.settings import Settings
from mailbot.sync.session.report import Progress, silent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def settings(context: click.Context) -> Settings:
    """The settings that the command line names. Raises ConfigError."""
    return config.load(context.find_root().params.get("config_path"))


def emit(value: Any) -> None:
    """One JSON value, on one line, whatever text it carries."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    try:
        click.echo(line)
    except UnicodeEncodeError:  # lone surrogates, or a terminal that knows no Unicode
        click.echo(json.dumps(value, default=str))


def say(text: str) -> None:
    """A line for a person; nobody reads it under cron, so it is not printed there."""
    if sys.stdout.isatty():
        click.echo(text)


def complain(text: str) -> None:
    """What needs the user: printed always, to standard error, so that cron mails it."""
    click.echo(text, err=True)


def fail(error: MailbotError) -> NoReturn:
    complain(f"mailbot: {error}")
    raise SystemExit(error.exit_code)


def handled(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A command whose MailbotErrors end it with their message and exit code."""

    @functools.wraps(command)
    def wrapped(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        try:
            return command(*arguments, **options)
        except MailbotError as error:
            fail(error)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            what = f"{error.filename or 'the disk'}: {error.strerror or error}"
            fail(TryAgain(f"{what}; nothing was lost; fix this and run mailbot again"))

    return wrapped


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "", *, headed: bool = False
) -> None:
    """A table: drawn on a terminal, tab-separated elsewhere, there with its column names only if it is `headed`."""
    if not sys.stdout.isatty():
        for row in (columns, *rows) if headed else rows:
            click.echo("\t".join(str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))  # Text: what a mail says is not rich markup
    Console().print(drawn)


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress bars on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield show
