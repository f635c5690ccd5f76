"""Regular expressions over the word lists for text in lower case: entries are whole words, and those of one first letter stand
together, so that hundreds of entries cost little more than a dozen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from mailbot.language.pattern import Pattern

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
"""Of a script that sets no space between words, or that hangs endings on them."""
_NAMES = re.compile(r"\{\{([a-z_.]+)\}\}")


class Phrases(Pattern):
    """A pattern whose entries begin and end where words do; entries in Chinese, Japanese or Korean stand anywhere.

    An entry may name another list. It is told case: give it text that `lowered` made, or the flag `re.IGNORECASE`.
    """

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(_NAMES.sub(self._either, self.template), self.flags)

    def _either(self, name: re.Match[str]) -> str:
        found = self.entries(name[1])
        if not found:
            return "(?!)"
        spaced = [e for e in found if not _UNSPACED.search(e)]
        rest = "|".join(_by_letter(e for e in found if _UNSPACED.search(e)))
        words = rf"(?<!\w)(?:{'|'.join(_by_letter(spaced))})(?!\w)" if spaced else ""
        return _NAMES.sub(self._either, f"(?:{words}{'|' if words and rest else ''}{rest})")


def _by_letter(entries: Iterable[str]) -> list[str]:
    """`die`, `das` -> `d(?:ie|as)`: a letter that is not there rules out all that begin with it at once."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        head = entry[0] if entry[0].isalpha() and entry[1:2] not in ("?", "*", "+", "{") else ""
        groups.setdefault(head, []).append(entry[len(head) :])
    return [f"{head}(?:{'|'.join(rest)})" if head else "|".join(rest) for head, rest in groups.items()]


def lowered(text: str) -> str:
    """Text as `Phrases` reads it: lower case, plain apostrophes, the same length."""
    return text.lower().replace("i\u0307", "i").replace("’", "'")
