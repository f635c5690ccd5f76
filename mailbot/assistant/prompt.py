"""Prompts: Markdown files with a version, filled in with text that cannot climb out of its place."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from mailbot.errors import ConfigError
from mailbot.mail.text.split import MailText
from mailbot.vault.stand_ins import visible


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file: `version` from its first line, the system part, and the user part with `{{places}}`."""

    name: str
    version: str
    system: str
    user: str

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """(system, user) with each `{{place}}` filled once; what is filled in is not searched for places again."""

        def fill(text: str) -> str:
            return re.sub(r"\{\{(\w+)\}\}", lambda m: values[m[1]], text)

        try:
            return fill(self.system), fill(self.user)
        except KeyError as error:
            there = ", ".join(sorted(values))
            raise ConfigError(
                f"the prompt {self.name}.md has a place {{{{{error.args[0]}}}}} that does not exist; available: {there}"
            ) from error

    def rules(self, user: str) -> str:
        """The system part as the model reads it, with nothing else of ours or a stranger's filled in: what no answer may
        quote. (The user's own phrases stand in the style; a draft may well say those.)"""
        return re.sub(r"\{\{(\w+)\}\}", lambda m: user if m[1] == "user" else "", self.system)


@cache
def load(name: str, folder: Path | None = None) -> Prompt:
    """The prompt of a name: the user's own, `prompts/<name>.md` or `<name>.md` in `folder` (where accounts.yaml lies), else
    the package's. Raises ConfigError if the file is not of the form."""
    for place in (folder / "prompts", folder) if folder else ():
        own = place / f"{name}.md"
        if own.is_file():
            return read(name, own.read_text(encoding="utf-8"))
    text = files("mailbot.assistant.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")
    return read(name, text)


def read(name: str, text: str) -> Prompt:
    """A prompt file's text -> Prompt: `version: N`, then the headings `# System` and `# User`."""
    match = re.match(
        r"\s*version:\s*(\S+)\s*\n(?:.*\n)*?# System\s*\n(.*?)\n# User\s*\n(.*)\Z", text, re.DOTALL
    )
    if not match:
        raise ConfigError(
            f"the prompt {name}.md needs a first line `version: N` and the headings `# System` and `# User`"
        )
    return Prompt(name, f"{name}-{match[1]}", match[2].strip(), match[3].strip())


def fenced(label: str, text: str) -> str:
    """A stranger's text inside a delimiter made for this one call: it cannot be guessed, so it cannot be closed."""
    mark = f"{label}-{secrets.token_hex(8)}"
    return f"<<<{mark}\n{text}\n{mark}>>>"


def mail_text(text: MailText, limit: int = 24_000) -> str:
    """What a model is shown of a mail: the newest reply, and where that is empty what was forwarded; nothing hidden. Of a
    long one its beginning and its end, where people ask."""
    shown = visible(text.newest or text.history or text.signature)
    if len(shown) <= limit:
        return shown
    head, tail = shown[: limit * 2 // 3], shown[-limit // 3 :]
    return f"{head}\n[{len(shown) - len(head) - len(tail)} characters of this long mail were left out here]\n{tail}"


def quoted_text(text: MailText, limit: int = 4_000) -> str:
    """What a model is shown of the history that a mail quotes: its beginning, where the newest stands; empty where the mail has no
    text of its own."""
    shown = visible(text.history) if text.newest else ""
    return shown if len(shown) <= limit else f"{shown[:limit]}\n[the rest of the history was left out here]"


def one_line(text: str) -> str:
    """A text for one line of a prompt: nothing hidden, no line end, at most 500 characters."""
    return re.sub(r"\s+", " ", visible(text)).strip()[:500]
