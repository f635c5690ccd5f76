"""The word lists of every language: `<code>.toml` beside this file, read when first asked for.

A list is named `table.list` (`reply.wrote`). Its entries are words or phrases; one may be a short regular expression. A text in
the place of a list is words with white space between.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

TABLES = ("words", "reply", "ask", "manner", "matter", "trade", "steering", "vault")
"""The tables that a language may have, beside `name` and `examples`."""


@cache
def codes() -> tuple[str, ...]:
    """The languages that there are, as ISO 639-1 codes, English first: in doubt a text is English."""
    found = {
        f.name.removesuffix(".toml")
        for f in resources.files(__package__).iterdir()
        if f.name.endswith(".toml")
    }
    return ("en", *sorted(found - {"en"}))


@cache
def of(code: str) -> Mapping[str, Any]:
    """All that a language's file says."""
    return tomllib.loads((resources.files(__package__) / f"{code}.toml").read_text("utf-8"))


@cache
def entries(name: str, code: str) -> tuple[str, ...]:
    """One list of one language; empty where it has none. Raises ValueError for a name that no language may have."""
    table, _, key = name.partition(".")
    if table not in TABLES:
        raise ValueError(f"{name}: no such list")
    found = of(code).get(table, {}).get(key, ())
    return tuple(found.split()) if isinstance(found, str) else tuple(found)


def every(name: str) -> tuple[str, ...]:
    """One list of all languages together, each entry once."""
    return tuple(dict.fromkeys(entry for code in codes() for entry in entries(name, code)))
