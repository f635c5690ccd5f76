"""What commands share: one way to print for people, one for programs, one to end with an error."""

from __future__ import annotations

import functools
import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from mailbot import config, stopping
from mailbot.errors import BY_SIGNAL, UNWRITTEN, MailbotError, TryAgain
from mailbot.hearsay import one_line, visible
from mailbot.settings import Settings
from mailbot.stopping import Stopped
from mailbot.sync.session.report import Progress, bug, log, silent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def account_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """What a shell completes the name of an account with: those in the settings."""
    try:
        return [a.name for a in settings(context).accounts if a.name.startswith(incomplete)]
    except MailbotError:
        return []


account_option = click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Only this account (may be given more than once).",
    shell_complete=account_names,
)
"""Which accounts a run is for; all where it is not given."""


STOPPED = "what was done so far is kept, and the next run goes on from there"
"""What is said of a command that Ctrl-C has ended, unless its context's `meta["stopped"]` says otherwise."""


class OutputFailed(Exception):
    """Standard output is closed, or its disk is full."""


def settings(context: click.Context) -> Settings:
    """The settings that the command line names. Raises ConfigError."""
    return config.load(context.find_root().params.get("config_path"))


def emit(value: Any) -> None:
    """One JSON value, on one line, whatever text it carries."""
    line = re.sub("[\x7f-\x9f]", _escaped, json.dumps(value, ensure_ascii=False, default=str))
    try:
        _out(line)
    except UnicodeEncodeError:  # lone surrogates, or a terminal that knows no Unicode
        _out(json.dumps(value, default=str))


def _out(text: str) -> None:
    try:
        click.echo(text)
    except BrokenPipeError:
        raise  # nobody reads on, which is no failure
    except OSError as error:
        raise OutputFailed(error.strerror or error) from error


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def show(text: str) -> None:
    """What was asked for: printed always. A mail's text may be in it, so no character of it moves the cursor."""
    _out(visible(text))


def answers() -> bool:
    """Whether somebody sits at the terminal who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def say(text: str) -> None:
    """A line for a person; nobody reads it under cron, so it is not printed there."""
    if sys.stdout.isatty():
        show(text)


def complain(text: str) -> None:
    """What needs the user: printed always, to standard error, so that cron mails it."""
    with suppress(OSError):  # where that is closed or full too, the exit code must do
        click.echo(visible(text), err=True)


def fail(error: MailbotError) -> NoReturn:
    complain(f"mailbot: {error}")
    raise SystemExit(error.exit_code)


def handled(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A command whose MailbotErrors end it with their message and exit code."""

    @functools.wraps(command)
    def wrapped(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        for name, value in options.items():
            options[name] = _readable(value)
        try:
            return command(*arguments, **options)
        except MailbotError as error:
            fail(error)
        except OutputFailed as error:
            complain(f"mailbot: the output could not be written: {error}")
            raise SystemExit(UNWRITTEN) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            what = f"{error.filename or 'the disk'}: {error.strerror or error}"
            fail(TryAgain(f"{what}; nothing was lost; fix this and run mailbot again"))
        except (KeyboardInterrupt, Stopped) as error:
            stopping.ask()
            what = click.get_current_context().meta.get("stopped", STOPPED)
            complain(f"mailbot: stopped; {what}")
            raise SystemExit(BY_SIGNAL + signal.SIGINT) from error  # `main` knows which signal it was
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - no command shows a traceback
            log.exception("a command failed")
            fail(bug(error))

    return wrapped


def _readable(value: Any) -> Any:
    """An argument as text that can be stored and printed: octets of another encoding are written out. Paths stay as they are."""
    if isinstance(value, tuple):
        return tuple(map(_readable, value))
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "", *, headed: bool = False
) -> None:
    """A table: drawn on a terminal, tab-separated elsewhere, there with its column names only if it is `headed`."""
    if not sys.stdout.isatty():
        for row in (columns, *rows) if headed else rows:
            show("\t".join(one_line(str(cell)) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        drawn.add_row(
            *(Text(one_line(str(cell))) for cell in row)
        )  # Text: what a mail says is not rich markup
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
