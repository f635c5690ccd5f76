"""accounts.yaml as text: made new, or with one more account. Pure. What the user wrote stays as it is, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from mailbot.errors import ConfigError

HEAD = """# The settings of mailbot, written by `mailbot init` on {day}. They are yours to edit: docs/settings.md and accounts.example.yaml
# say what else can stand here. `mailbot doctor` checks them.

"""


def new_file(top: Mapping[str, Any], account: Mapping[str, Any], today: date) -> str:
    """A whole file: the settings of the vault and the model, and one account."""
    return f"{HEAD.format(day=today)}{_lines(top)}\naccounts:\n{item(account, '  ')}"


def item(account: Mapping[str, Any], indent: str) -> str:
    """An account as an item of the list `accounts`."""
    lines = _lines(account).splitlines()
    return "".join(
        f"{indent}{'- ' if n == 0 else '  '}{line}\n" if line else "\n" for n, line in enumerate(lines)
    )


def with_account(text: str, account: Mapping[str, Any], path: Path) -> str:
    """The text of a settings file with an account after the last one; everything else as it was. Raises ConfigError, with the lines
    to put in by hand, if `accounts` is written in a way that cannot be added to."""
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    accounts = next(
        (v for k, v in tree.value if k.value == "accounts")
        if isinstance(tree, yaml.MappingNode)
        else iter(()),
        None,
    )
    if not isinstance(accounts, yaml.SequenceNode) or accounts.flow_style or not accounts.value:
        raise ConfigError(
            f"{path}: `accounts` is no list with a line for each item, so add this by hand:\n{item(account, '  ')}"
        )
    last = accounts.value[-1]
    lines = text.splitlines(keepends=True)
    end = last.end_mark.line + (last.end_mark.column > 0)
    while end > last.start_mark.line + 1 and _belongs_below(lines[end - 1]):
        end -= 1  # blank lines and comments behind the account belong to what follows
    if lines and not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    newline = "\r\n" if "\r\n" in text else "\n"
    dash = re.match(r"\s*(?=-)", lines[accounts.value[0].start_mark.line])
    indent = len(dash[0]) if dash else accounts.start_mark.column
    made = "".join([*lines[:end], item(account, " " * indent).replace("\n", newline), *lines[end:]])
    if not _differ_by_one_account(text, made):
        raise ConfigError(
            f"{path}: the account could not be added without changing another setting, so add it by hand:\n{item(account, '  ')}"
        )
    return made


def _differ_by_one_account(before: str, after: str) -> bool:
    try:
        old, new = yaml.safe_load(before), yaml.safe_load(after)
    except yaml.YAMLError:
        return False
    same = {**new, "accounts": 0} == {**old, "accounts": 0}
    return bool(same and new["accounts"][:-1] == old["accounts"])


def _belongs_below(line: str) -> bool:
    return not line.strip() or line.strip().startswith("#")


def _lines(values: Mapping[str, Any], indent: str = "") -> str:
    """A mapping as lines of YAML; what is small stands on one line, as people write it."""
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping) and key in ("llm", "oauth"):
            found.append(f"{indent}{key}:\n{_lines(value, indent + '  ')}")
        elif isinstance(value, str) and _is_prose(value):
            block = "".join(f"{indent}  {line}\n" if line else "\n" for line in value.split("\n"))
            found.append(f"{indent}{key}: |-\n{block}")
        else:
            found.append(f"{indent}{key}: {_scalar(value)}\n")
    return "".join(found)


def _is_prose(text: str) -> bool:
    """Whether a text of several lines stands as it is in a block: nothing in it is lost or read otherwise there."""
    odd = re.search(r"[^\S \n]|[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]", text)
    return "\n" in text and not odd and text == text.strip("\n") and not text.startswith(" ")


def _scalar(value: Any) -> str:
    style = '"' if isinstance(value, str) and "\n" in value else None
    text = yaml.safe_dump(
        value, default_flow_style=True, default_style=style, width=10**6, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("...").strip(" \n")
