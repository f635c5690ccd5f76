"""accounts.yaml -> frozen settings. Unknown keys and wrong values are errors that name the line and what to write."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import yaml
from pydantic import BaseModel, ValidationError

from mailbot import yaml_bounds
from mailbot.errors import BadData, ConfigError
from mailbot.regular_file import read_file
from mailbot.settings import Settings

ENVIRONMENT = "MAILBOT_CONFIG"
FILE = "accounts.yaml"
LARGEST = 1_000_000
"""Octets."""


def state_folder() -> Path:
    """Where journals, indexes, locks and logs are kept: `$MAILBOT_STATE`, else the user's state folder."""
    return Path(os.environ.get("MAILBOT_STATE") or platformdirs.user_state_path("mailbot"))


def find(path: Path | None) -> Path:
    """The settings file: the one given, `$MAILBOT_CONFIG`, `./accounts.yaml`, or the one in the user's configuration
    folder. Raises ConfigError if there is none."""
    if path is not None:
        if not path.is_file():
            raise ConfigError(f"{path}: there is no such file")
        return path
    places = [Path(FILE), platformdirs.user_config_path("mailbot") / FILE]
    if named := os.environ.get(ENVIRONMENT):
        places = [Path(named)]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(p) for p in places)
    raise ConfigError(
        f"no settings found (looked at: {looked}). Copy accounts.example.yaml to accounts.yaml and fill it in, or name a file with --config"
    )


def load(path: Path | None = None) -> Settings:
    """Read and check the settings.

    Raises ConfigError that lists every mistake with its line and what to write instead.
    """
    found = find(path)
    try:
        text = read_file(found, LARGEST).decode("utf-8")
        _check(found, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
        if node is not None and (twice := _twice(node)):
            raise ConfigError(f"{found}, line {twice[1]}: `{twice[0]}` appears twice; keep one")
    except ValueError as error:
        if isinstance(error, UnicodeError):
            raise ConfigError(f"{found}: cannot be read ({error})") from error
        raise ConfigError(
            f"{found}: a value looks like a date but is not a valid one ({error}); put it in quotes"
        ) from error
    except BadData as error:
        raise ConfigError(str(error)) from error
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{found}: cannot be read ({error})") from error
    except (AttributeError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ConfigError(
            f"{found}: a value is not of the kind that its tag says (such as `!!timestamp`); write it without the tag"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{found}{line}: not valid YAML: {getattr(error, 'problem', error)}; check the indentation (spaces, no tabs) and the brackets"
        ) from error
    if not isinstance(data, dict) or node is None:
        what = (
            "it is empty, so there are no settings in it"
            if data is None
            else "it holds no settings by name, such as `vault: ~/Notes`"
        )
        raise ConfigError(f"{found}: {what}; accounts.example.yaml shows what to write")
    try:
        settings = Settings.model_validate(data)
        # Cron starts programs in another folder: a relative vault is meant from where the settings lie.
        settings = settings.model_copy(update={"vault": found.resolve().parent / settings.vault})
        settings._folder = found.resolve().parent
        return settings
    except ValidationError as error:
        errors = error.errors()
        inner = {e["loc"][:n] for e in errors for n in range(len(e["loc"]))}
        errors = [
            e for e in errors if not (e["type"] == "too_short" and e["loc"] in inner)
        ]  # said better further in
        problems = sorted((_line(node, e["loc"], e["type"]), _in_words(e)) for e in errors)
        listed = "\n".join(f"  line {line}: {what}" for line, what in dict.fromkeys(problems))
        many = "1 mistake" if len(set(problems)) == 1 else f"{len(set(problems))} mistakes"
        raise ConfigError(f"{found} has {many}:\n{listed}") from error


def _check(found: Path, text: str) -> None:
    """Raises ConfigError for YAML that would take all time or memory."""
    if "\0" in text:
        raise ConfigError(f"{found}: it holds a NUL character; is it a text file?")
    try:
        yaml_bounds.check(text)
    except ValueError as error:
        raise ConfigError(f"{found}, {error}; write each setting out") from error


def _twice(node: yaml.Node) -> tuple[str, int] | None:
    """A key that stands twice in one mapping, and the line of the second: YAML would let the last one win."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return str(key.value), key.start_mark.line + 1
            seen.add(key.value)
            if found := _twice(value):
                return found
    if isinstance(node, yaml.SequenceNode):
        return next((found for item in node.value if (found := _twice(item))), None)
    return None


def _line(node: yaml.Node, location: tuple[int | str, ...], kind: str) -> int:
    """The line (from 1) of the value, or of the key for an unknown one, at a place in the document."""
    line = node.start_mark.line
    for step in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if getattr(k, "value", None) == str(step)), None)
            if pair is None:
                break
            line = (
                pair[0].start_mark.line if kind in ("extra_forbidden", "missing") else pair[1].start_mark.line
            )
            node = pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
    return line + 1


def _in_words(error: Any) -> str:
    location = [str(step) for step in error["loc"]]
    place = ".".join(location) or "the file"
    kind = error["type"]
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(location[-1], _keys_at(location[:-1]), n=1, cutoff=0.5)
        hint = (
            f"did you mean `{close[0]}`?"
            if close
            else f"allowed here: {', '.join(sorted(_keys_at(location[:-1])))}"
        )
        return f"{place}: unknown setting; {hint}"
    if kind == "missing":
        return f"{place}: is missing; add it (accounts.example.yaml shows how)"
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        message = {
            "address": "write an address such as jv@example.com",
            "name": "write a word such as work (letters, digits, - _ .)",
        }.get(location[-1], message)
    if kind == "tuple_type":
        message = "write a list, such as [pass, show, mail/work]"
    if kind == "literal_error":
        message = f"write one of {error['ctx']['expected']}"
    return f"{place}: {message[:1].lower()}{message[1:]}"


def _keys_at(location: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for step in location:
        if step.isdigit():
            continue
        found = (
            next(iter(_models(model.model_fields[step].annotation)), None)
            if step in model.model_fields
            else None
        )
        if found is None:
            return []
        model = found
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def all_settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every setting by its dotted name, for the test that each is documented."""
    for name, field in model.model_fields.items():
        yield prefix + name
        for inner in _models(field.annotation):
            yield from all_settings(inner, f"{prefix}{name}.")
