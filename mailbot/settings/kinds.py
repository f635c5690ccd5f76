"""The kinds of values that stand in accounts.yaml: lists, durations, paths."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Frozen(BaseModel):
    """Settings that cannot be changed and know no other key."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


def _words(value: object) -> object:
    return tuple(str(v) for v in value) if isinstance(value, list) else value


def duration(value: object) -> timedelta:
    """A length of time as it is written: a number and a unit. Raises ValueError for anything else."""
    match = re.fullmatch(r"\s*(\d+)\s*([smhdw])\s*", str(value))
    if not match:
        raise ValueError("write a number and s, m, h, d or w, such as 7d")
    length = int(match[1][:12]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[match[2]]
    if length > 36_500 * 86_400:
        raise ValueError("write at most 36500d")
    return timedelta(seconds=length)


def _list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def home(path: Path) -> Path:
    """A path with `~` opened. Raises ValueError if there is no such user."""
    if "\0" in str(path):
        raise ValueError("a path holds no NUL character")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no such user: {path.parts[0]}") from error


def vault_folder(value: str) -> str:
    """A folder inside the vault, as it is compared. Raises ValueError for one that leads out, or that Obsidian does not show."""
    value = value.strip("/")
    parts = value.split("/")
    if (
        not value
        or any(part in ("", ".", "..") for part in parts)
        or re.search(r"[\\<>:\"|?*#^\[\]\x00-\x1f]", value)
    ):
        raise ValueError("write a folder inside the vault, such as Email")
    if any(part.startswith(".") or part == "node_modules" for part in parts):
        raise ValueError(
            "write a folder that Obsidian shows, such as Email; one with a dot in front it hides"
        )
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_list)]
