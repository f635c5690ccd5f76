"""Optional parts of mailbot, and how they are installed. No package index is named: another project may have our name there."""

from __future__ import annotations


def install(extra: str) -> str:
    """What the user is to run for an extra of pyproject.toml."""
    return f"in mailbot's folder, run `pipx install --force '.[{extra}]'` (or `pip install '.[{extra}]'`)"
