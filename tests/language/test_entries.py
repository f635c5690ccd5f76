"""The entries of the assistant's lists are short, and each can be read alone."""

from __future__ import annotations

import re

import pytest

from mailbot.language.lists import codes, entries, of
from mailbot.language.phrases import Phrases, lowered

TABLES = ("ask", "manner", "matter", "trade", "steering")
SHOWN = ("manner.outline", "manner.formal_outline")
"""Lines that an outline writes: no patterns."""
LISTS = [
    (code, f"{table}.{key}")
    for code in codes()
    for table in TABLES
    for key in of(code).get(table, {})
    if f"{table}.{key}" not in SHOWN
]


@pytest.mark.parametrize(("code", "name"), LISTS)
def test_an_entry_is_a_word_a_phrase_or_a_short_pattern(code: str, name: str) -> None:
    """Below 100 characters, in lower case, without an alternative at its top level."""
    for entry in entries(name, code):
        assert len(entry) < 100
        assert re.compile(re.sub(r"\{\{[a-z_.]+\}\}", "x", entry))
        bare = re.sub(r"\\.|\[[^\]]*\]", "", entry)
        while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
            bare = inner
        assert "|" not in bare
        assert bare == bare.lower()


@pytest.mark.parametrize("code", codes())
def test_a_language_that_has_an_outline_has_all_of_it(code: str) -> None:
    """A greeting with a name, one without, the word for the blank, a closing."""
    for name in SHOWN:
        shown = entries(name, code)
        assert len(shown) in (0, 4)
        assert not shown or "{0}" in shown[0]


def test_entries_are_whole_words_and_unspaced_ones_stand_anywhere() -> None:
    pattern = Phrases("{{matter.contract}}")
    assert pattern.search(lowered("Der VERTRAG liegt bei."))
    assert not pattern.search("subcontracting")
    assert pattern.search("本合同五月到期")


def test_lowered_text_is_as_long_as_it_was() -> None:
    for text in ("İSTANBUL", "STRASSE ẞ", "it’s"):
        assert len(lowered(text)) == len(text)
