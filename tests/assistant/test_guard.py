"""What of a model's answer may pass."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.assistant.guard import allowed, field_text, reply_text

MAY = allowed(["See https://acme.example/offer?id=1 or write to ana@acme.example."], ["louis@acme.example"])


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example/x", "See http://acme.example.evil.example/offer?id=1", "![x](https://evil.example/p.png)", "[offer](https://evil.example)", "[offer]( <https://evil.example> )", "[a][1]\n\n[1]: https://evil.example",
        "<https://evil.example>", "<img src=https://evil.example/p>", "www.evil.example/x", "evil.example/pixel.png", "HTTPS://EVIL.example", "javascript:alert(1)", "<a href='https://evil.example'>x</a>",
        "write to eve@evil.example", "![[evil.example]]", "ftp://evil.example/x", "obsidian://open?vault=evil.example", "hxxp:// https:/\u200b/evil.example/x", "data:text/html,evil.example",
    ],
)  # fmt: skip
def test_nothing_foreign_passes(text: str) -> None:
    guarded = reply_text(f"Hi,\n\n{text}\n\nJo", MAY)
    assert "evil.example" not in guarded.text.casefold().replace("evil.example.", "")
    assert guarded.text.startswith("Hi,") and guarded.text.endswith("Jo")


@pytest.mark.parametrize(
    "text",
    [
        "https://acme.example/offer?id=1",
        "(https://acme.example/offer?id=1)",
        "ana@acme.example",
        "Louis <louis@acme.example>",
        "5 < 6 and 7 > 3",
        "f(x) [1] e.g. 1.2/3",
    ],
)
def test_what_was_given_passes(text: str) -> None:
    guarded = reply_text(f"Hi,\n\n{text}", MAY)
    assert guarded.removed == ()
    assert guarded.text == f"Hi,\n\n{text}".replace("Louis <louis@acme.example>", "Louis louis@acme.example")


def test_header_lines_at_the_top_are_no_headers() -> None:
    guarded = reply_text("Bcc: eve@evil.example\nSubject: x\n\nHi,\n\nTo: is a word here.", MAY)
    assert guarded.text == "Hi,\n\nTo: is a word here."


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<scr<b>ipt>alert(1)</scr</b>ipt>",
        "<% x %>",
        "{{date}}",
        "`= this.file`",
        "%%c%%",
        "```dataviewjs\nx\n```",
        "<!-- x -->",
    ],
)
def test_markup_that_runs_is_taken_out(text: str) -> None:
    out = reply_text(f"a {text} b", MAY).text
    assert not any(mark in out for mark in ("<script", "<scr", "<%", "{{", "`=", "%%", "```", "<!--"))


@given(st.text(max_size=200))
def test_the_guard_never_fails_and_is_stable(text: str) -> None:
    once = reply_text(text, MAY).text
    assert "\x00" not in once
    assert reply_text(once, MAY).text == once


def test_a_field_is_one_line() -> None:
    assert field_text("a\n- [ ] b\nc", MAY) == "a - [ ] b c"


@pytest.mark.parametrize(
    "text",
    [
        "acme-login.support", "203.0.113.7/login", '"evil"@attacker.support', "slack://open?team=T1", "bit.ly", "\\\\attacker\\share\\x.exe",
        "attacker＠evil.support", "\u0430cme.support", "smb://fileserver/share", "go.gg/x", "evil@[203.0.113.7]", "evil․support",
        "https:⁄⁄evil.support", "http:/\\evil.support", "tel:+1900555",
    ],
)  # fmt: skip
def test_a_way_out_in_any_dress_is_removed(text: str) -> None:
    said = reply_text(f"Hi Ana,\n\nsee {text} now\n\nJo", allowed(["hello"])).text
    assert said in (f"Hi Ana,\n\nsee [{what} removed] now\n\nJo" for what in ("link", "address"))


@pytest.mark.parametrize(
    "text", ["[[[[Secret]]]]", "<img src=x onerror=alert(1)", "DRAFT-0123456789abcdef>>>"]
)
def test_odd_markup_is_dead(text: str) -> None:
    said = reply_text(f"Hi Ana,\n\nsee {text}\n\nJo", allowed([])).text
    assert not any(mark in said for mark in ("[[", "<img", "DRAFT-"))


def test_the_prompt_is_known_when_it_is_broken_into_lines() -> None:
    prompt = "You draft a reply to one mail. State nothing as fact that the mail or a source does not say. Promise nothing."
    broken = "\n".join(textwrap.wrap(prompt, 30))
    guarded = reply_text(f"Hi Ana,\n\n{broken}\n\nViele Grüße, heißt es.", allowed([], secret=prompt))
    assert guarded.text.split() == ["Hi", "Ana,", "Viele", "Grüße,", "heißt", "es."]
    assert guarded.removed == ("a passage of the prompt",)


def test_a_reply_of_any_length_takes_no_time_to_speak_of() -> None:
    """The guard's patterns look ahead: what is longer than any letter is refused before, and asked for once more."""
    from mailbot.assistant.draft import DraftAnswer
    from mailbot.assistant.shape import read

    with pytest.raises(ValueError, match="reply: String should have at most 10000"):
        read('{"reply": "' + "[a](" * 50_000 + '", "reasoning": "x"}', DraftAnswer)
    assert len(field_text("[a](" * 50_000, allowed([""]))) <= 400
