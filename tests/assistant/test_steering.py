"""Looking for attempts only where their words are loses none."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.assistant.steering import SIGNS, _quickly, plainly
from mailbot.language.lists import codes, of

LISTS = sorted(
    {
        entry
        for code in codes()
        for entries in of(code).get("steering", {}).values()
        for entry in (entries.split() if isinstance(entries, str) else entries)
        if not set(entry) & set("\\()[]?*{}|")
    }
)
EXAMPLES = [text for code in codes() for text in of(code)["examples"].get("steers", ())]
MARKS = ["<|im_start|>", "[INST]", "<<SYS>>", "## system ##", "<system>", "system:", "<<<A-0123456789>>>", "new instructions:", "a@b.example", "a.i.", "You are", "must", "tell the user", "don't", "this link:", "in your reply", "above", "hidden"]  # fmt: skip
GAPS = [" ", "  ", "\n", "\n\n \n", "\t", ". ", ", ", ": ", "'", '"', "\r\n", "\x07", "\u200b", " the ", " your ", " all ", " " * 300, "\n" * 40, "İ", "ı"]  # fmt: skip


def spoken() -> st.SearchStrategy[str]:
    part = st.sampled_from([*LISTS, *EXAMPLES, *MARKS])
    case = st.sampled_from([str, str.upper, str.title])
    return st.builds(lambda text, change: change(text), part, case)


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.tuples(spoken(), st.sampled_from(GAPS)), max_size=14))
def test_the_quick_way_finds_what_the_plain_way_finds(parts: list[tuple[str, str]]) -> None:
    text = "".join(chain.from_iterable(parts))
    assert set(_quickly(text)) == set(plainly(text))


@pytest.mark.parametrize("gap", ["\n\n" * 30, "A line of no interest.\n" * 40, " " * 5000])
@pytest.mark.parametrize("text", EXAMPLES)
def test_an_attempt_is_found_wherever_in_a_text_it_stands(text: str, gap: str) -> None:
    assert set(_quickly(f"Hello,{gap}\n{text}\n{gap}Bye")) == set(plainly(text))


def test_every_list_tells_how_its_words_begin() -> None:
    """Or the quick way could not look for them."""
    for sign in SIGNS:
        assert all(need.words or need.strings for need in sign.needs)
        assert sign.pattern.compiled and (sign.near is None or sign.near.pattern)
