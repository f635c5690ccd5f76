"""Where a secret is kept: never in accounts.yaml."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mailbot import private, system_keyring
from mailbot.credentials import secret
from mailbot.errors import MailbotError
from mailbot.hearsay import confidence
from mailbot.settings import Secret
from mailbot.sync.setup.person import Check, Person, given

SERVICE = "mailbot"
Undo = list[Callable[[], object]]
"""What takes back what was written, the last first."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret, and where it is or will be: `setting` is what accounts.yaml says of it. It is written by `keep`, if it is not
    there already."""

    value: str
    setting: dict[str, Any]
    file: Path | None = None
    keyring: str = ""

    def keep(self, undo: Undo) -> None:
        """Write it; what takes that back is added to `undo`. Raises OSError (FileExistsError if somebody else has the place by now) or
        AuthenticationFailed."""
        if self.file:
            file = self.file
            private.create(file, f"{self.value}\n".encode())
            undo.append(lambda: private.remove(file))
        if self.keyring:
            name = self.keyring
            system_keyring.write(SERVICE, name, self.value, "the set-up")
            undo.append(lambda: system_keyring.remove(SERVICE, name, "the set-up"))


def ask_secret(person: Person, what: str, name: str, folder: Path) -> Kept:
    """A secret and the place for it. `what` ("password") stands in the question, `name` is what its file or entry is called, in
    `folder`. Options may name a place where it is already."""
    for kind in _MADE:
        if there := person.ask(f"{what}-{kind}", "", _told(kind, what), ""):
            return there
    path = _free(folder.absolute(), name)
    words = what.replace("-", " ").replace("api key", "API key")
    ways = [
        ("file", f"a file that nobody else can read ({_short(path)}); works under cron"),
        ("keyring", "the system keyring; under cron it may be locked"),
        ("command", "a program that prints it, such as `pass show mail/work`"),
    ]
    if not system_keyring.installed():
        ways.pop(1)
    way = person.choose(f"keep-{what}", f"Where should the {words} be stored?", ways, "file")
    if way == "command":
        return person.ask(
            f"{what}-command", "The command", lambda t: _there(_MADE["command"](given(t)), what)
        )
    value = confidence.secret(person.secret(f"The {words} (it is not shown)", f"{what}-file"))
    if way == "keyring":
        entry = _free_entry(name)
        return Kept(value, {"keyring": f"{SERVICE}/{entry}"}, keyring=entry)
    return Kept(value, {"file": _short(path)}, file=path)


_MADE: dict[str, Callable[[str], dict[str, Any]]] = {
    "file": lambda text: {"file": _short(Path(text).expanduser().absolute())},
    "command": lambda text: {"command": shlex.split(text)},
    "env": lambda text: {"env": text},
}
"""What accounts.yaml says of a secret that is kept already, by the option that names its place."""


def again(kept: Kept, person: Person, what: str) -> Kept:
    """The same place with another secret."""
    return Kept(confidence.secret(person.secret(f"The {what} again")), kept.setting, kept.file, kept.keyring)


def typed(kept: Kept) -> bool:
    """Whether it was typed in here, and may have been mistyped."""
    return bool(kept.file or kept.keyring)


def _told(kind: str, what: str) -> Check[Kept | None]:
    return lambda text: _there(_MADE[kind](text), what) if text else None


def _there(setting: dict[str, Any], what: str) -> Kept:
    """One that is kept already. Raises ValueError if it cannot be had."""
    try:
        return Kept(secret(Secret.model_validate(setting), f"the {what}"), setting)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from error
    except MailbotError as error:
        raise ValueError(str(error).removeprefix(f"the {what}: ")) from error


def _free(folder: Path, name: str) -> Path:
    """A file for a secret that is not there yet: another account may have one of that name."""
    names = chain([f"{name}.secret"], (f"{name}-{number}.secret" for number in count(2)))
    return next(path for each in names if not (path := folder / each).exists())


def _free_entry(name: str) -> str:
    """The same for an entry of the keyring."""
    names = (name, *(f"{name}-{number}" for number in range(2, 100)))
    return next(each for each in names if not system_keyring.read(SERVICE, each, "the set-up"))


def _short(path: Path) -> str:
    """A path as people write it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
