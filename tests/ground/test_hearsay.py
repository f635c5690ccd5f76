"""What others say is cleaned before it is shown: no secret and no text of a mail passes, however it was quoted."""

from __future__ import annotations

import base64
import html
import json
import quopri
from urllib.parse import quote, quote_plus

import pytest

from mailbot.hearsay import LENGTH, REPEATS, Confidence, visible

SECRET = 'hunter2 "sword" fïsh'
TEXT = "Dear Jo,\n\nthe merger with Blue Ocean closes on Friday, and Übermorgen müssen wir reden.\n\nAna"


@pytest.fixture
def confidence() -> Confidence:
    found = Confidence()
    found.secret(SECRET)
    found.secret("sk-live-0123456789abcdefghij")
    found.text(TEXT)
    return found


def sasl(name: str, secret: str) -> str:
    return base64.b64encode(f"\0{name}\0{secret}".encode()).decode()


@pytest.mark.parametrize(
    "said",
    [
        f"LOGIN jo {SECRET} refused",
        f"BAD line: A1 LOGIN jo {json.dumps(SECRET)}",
        'BAD line: A1 LOGIN jo "hunter2 \\"sword\\" fïsh"',
        f"AUTHENTICATE PLAIN {sasl('jo', SECRET)}",
        f"eaten: {sasl('jo@example.com', SECRET)[3:]}",
        base64.b64encode(f"user=jo\1auth=Bearer {SECRET}\1\1".encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        f"GET /?key={quote(SECRET)}",
        f"GET /?key={quote_plus(SECRET)}",
        f"<p>{html.escape(SECRET)}</p>",
        SECRET.encode().hex(),
        repr(SECRET.encode()),
        SECRET.upper(),
        "Incorrect API key: sk-live-0123456789ab…",
        repr([f'LOGIN jo "{SECRET}"'.encode()]),
        repr(repr(json.dumps(SECRET))),
        " ".join(f"{b:02x}" for b in SECRET.encode()),
        "key ...cdefghij is not known",
    ],
)
def test_no_secret_passes(confidence: Confidence, said: str) -> None:
    cleaned = confidence.cleaned(said).casefold()
    for part in ("hunter2", "sword", "68756e74657232", "0123456789", "cdefghij", "ah1bnrlc"):
        assert part not in cleaned
    assert not any(
        word in cleaned for word in base64.b64encode(SECRET.encode()).decode().casefold().split("=")
    )


@pytest.mark.parametrize(
    "said",
    [
        "too long: the merger with Blue Ocean closes",
        "THE MERGER WITH BLUE OCEAN",
        json.dumps({"error": {"message": TEXT}}),
        repr(TEXT.encode()),
        "\\u00dcbermorgen m\\u00fcssen wir reden",
        quote(TEXT),
        quote_plus(TEXT),
        html.escape(TEXT),
        quopri.encodestring(TEXT.encode()).decode(),
        base64.b64encode(TEXT.encode()).decode(),
        "the-merger-with-blue-ocean",
        "<b>the</b> <b>merger</b> <b>with</b> <i>Blue</i> Ocean",
        "ĠtheĠmergerĠwithĠBlueĠOcean",
        "und Übermorgen müssen wir reden".encode().decode("cp1252"),
        quote(quote(TEXT)),
        quote(json.dumps(html.escape(TEXT))),
    ],
)
def test_no_text_of_a_mail_passes(confidence: Confidence, said: str) -> None:
    assert confidence.cleaned(said) == REPEATS


@pytest.mark.parametrize(
    "said",
    [
        "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
        "Mailbox doesn't exist: Drafts",
        "This model's maximum context length is 8192 tokens",
        "the merger with whom",
        "[ALERT] Please log in via your web browser",
    ],
)
def test_what_gives_nothing_away_stays(confidence: Confidence, said: str) -> None:
    assert confidence.cleaned(said) == said


def test_one_long_word_of_a_mail_is_enough(confidence: Confidence) -> None:
    confidence.text("reset it with the token q7Zk2mP0xV9tR4sW8yB1")
    assert confidence.cleaned("not valid: q7Zk2mP0xV9tR4sW8yB1") == REPEATS


def test_scripts_without_spaces_are_compared_by_character(confidence: Confidence) -> None:
    confidence.text("明日の会議で買収について話します")
    assert confidence.cleaned("エラー: 会議で買収について") == REPEATS


def test_control_characters_become_visible_and_the_line_is_short(confidence: Confidence) -> None:
    cleaned = confidence.cleaned("\x1b]0;title\x07 \u202egpj\r\nsecond line " + "x y" * 500)
    assert "\\x1b]0;title\\x07 \\u202egpj second line" in cleaned
    assert len(cleaned) <= LENGTH
    assert visible("a\x1b[2Jb\nc\td\x9b") == "a\\x1b[2Jb\nc\td\\x9b"


def test_what_is_remembered_has_a_bound(confidence: Confidence) -> None:
    for n in range(50):
        confidence.text(f"mail {n} " + f"word{n} " * 100_000)
    assert confidence._held <= 4_000_000
    assert confidence.cleaned("word49 word49 word49 word49 word49") == REPEATS


def test_cleaning_takes_no_longer_for_a_longer_answer(confidence: Confidence) -> None:
    """It was quadratic once: 200 KB of escaped quotes took minutes, and no time limit was over it."""
    for said in (
        '"' + '\\"' * 500_000,
        "A" * 1_000_000,
        "\\u0041" * 300_000,
        "=41" * 300_000,
        "a" * 15 + "=" * 500_000,
    ):
        assert len(confidence.cleaned(said)) <= LENGTH


@pytest.mark.parametrize("secret", ["hunter22", 'pa"ss\\w0rd', "my  pass  word", "geheim"])
def test_short_secrets_too(secret: str) -> None:
    """Also where the echo was cut off, quoted twice, or has lost a space."""
    found = Confidence()
    found.secret(secret)
    echoes = [secret, secret[:6], repr([f"LOGIN jo {json.dumps(secret)}".encode()]), " ".join(secret.split())]
    for echo in echoes:
        cleaned = found.cleaned(f"error in: {echo}")
        assert not any(part in cleaned for part in ("hunte", "ss", "w0rd", "pass", "gehei")), (echo, cleaned)
