"""Regular expressions over the word lists of the languages, compiled when first used: a run that meets no mail compiles none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from mailbot.language.lists import entries, every

_LIST = re.compile(r"\{\{([a-z_.]+)\}\}")


class Pattern:
    """A regular expression in which `{{reply.wrote}}` stands for any entry of that list, in whatever language.

    With `codes` only those languages count. Case never does. A list without entries matches nothing.
    """

    def __init__(self, template: str, flags: re.RegexFlag = re.NOFLAG, codes: tuple[str, ...] = ()) -> None:
        self.template, self.flags, self.codes = template, flags, codes

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(_LIST.sub(self._either, self.template), self.flags | re.IGNORECASE)

    def _either(self, name: re.Match[str]) -> str:
        found = self.entries(name[1])
        return f"(?:{'|'.join(found)})" if found else "(?!)"

    def entries(self, name: str) -> tuple[str, ...]:
        """The entries of a list in the languages that count."""
        return tuple(e for c in self.codes for e in entries(name, c)) if self.codes else every(name)

    def match(self, text: str) -> re.Match[str] | None:
        return self.compiled.match(text)

    def search(self, text: str) -> re.Match[str] | None:
        return self.compiled.search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.compiled.finditer(text)

    def sub(self, replacement: str, text: str) -> str:
        return self.compiled.sub(replacement, text)
