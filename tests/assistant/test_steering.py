"""Looking for attempts only where their words are loses none."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.assistant import steering
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


def everywhere(text: str) -> set[str]:
    """The plain way: every phrase at every place of a text."""
    prepared = steering._prepared(text)
    prepared = prepared if len(prepared.lower()) == len(prepared) else prepared.lower()
    return {
        why
        for why, phrases in steering._ATTEMPTS.items()
        if any(phrase.found(prepared, at) for phrase in phrases for at in range(len(prepared)))
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(spoken(), st.sampled_from(GAPS)), max_size=8))
def test_the_quick_way_finds_what_the_plain_way_finds(parts: list[tuple[str, str]]) -> None:
    text = "".join(chain.from_iterable(parts))
    assert set(steering._in(steering._prepared(text))) == everywhere(text)


@pytest.mark.parametrize("gap", ["\n\n" * 30, "A line of no interest.\n" * 40, " " * 5000])
@pytest.mark.parametrize("text", EXAMPLES)
def test_an_attempt_is_found_wherever_in_a_text_it_stands(text: str, gap: str) -> None:
    assert set(steering._in(steering._prepared(f"Hello,{gap}\n{text}\n{gap}Bye")))
