"""Each language's examples of asking, of manner, of what matters and of steering, through the functions that read mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailbot.assistant.asks import asks
from mailbot.assistant.disclosure.marks import INTERNAL, audience_in
from mailbot.assistant.disclosure.personal import is_personal
from mailbot.assistant.disclosure.pieces import pieces
from mailbot.assistant.steering import attempts
from mailbot.assistant.style import closing, greeting
from mailbot.assistant.support import binds, matters
from mailbot.language.lists import codes, of
from mailbot.mail.mime.parse import parse
from mailbot.sync.decide.automatic import looks_automatic
from mailbot.sync.decide.sendable import promises_file

MAIN = "en de fr es it pt nl sv da nb fi pl ru uk cs hu tr el ro ja ko zh".split()
"""The languages whose lists are complete."""


def internal(text: str) -> bool:
    """Whether a note's line, or its heading, says that it is internal."""
    first = next(pieces(text + ("\n\nx\n" if text.startswith("#") else "\n")))
    return INTERNAL in audience_in(first)


def steers(text: str) -> bool:
    head = "From: a@b.example\nSubject: x\nContent-Type: text/plain; charset=utf-8\n\n"
    return bool(attempts(parse(f"{head}{text}".encode())))


CHECKS: dict[str, Callable[[str], bool]] = {
    "asks": lambda text: bool(asks(text)),
    "states": lambda text: not asks(text),
    "greeting": lambda text: bool(greeting(f"{text}\n\nThat is it.")),
    "closing": lambda text: closing(f"That is all, then.\n\n{text}\n\nAna Ruiz") == text,
    "commits": lambda text: "a commitment" in matters(text),
    "money": lambda text: "money" in matters(text),
    "contract": lambda text: "a contract" in matters(text),
    "steers": steers,
    "harmless": lambda text: not steers(text),
    "automatic": looks_automatic,
    "agrees": binds,
    "internal": internal,
    "attached": promises_file,
}


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (code, kind, text)
        for code in codes()
        for kind in CHECKS
        for text in of(code)["examples"].get(kind, ())
    ],
)
def test_an_example_is_what_it_is_said_to_be(code: str, kind: str, text: str) -> None:
    assert CHECKS[kind](text)


@pytest.mark.parametrize("code", MAIN)
def test_the_main_languages_have_examples_of_every_kind(code: str) -> None:
    """Eight that ask and eight that ask nothing, at the least."""
    given = of(code)["examples"]
    assert set(CHECKS) <= set(given)
    assert min(len(given["asks"]), len(given["states"])) >= 8


@pytest.mark.parametrize(
    ("code", "text"), [(c, t) for c in codes() for t in of(c)["examples"].get("personal", ())]
)
def test_a_private_side_is_told_in_each_language(code: str, text: str) -> None:
    assert is_personal(text, code)
