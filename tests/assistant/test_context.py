"""What a passage is when it stands in a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.assistant.context.gather import HITS, gather
from mailbot.assistant.context.packing import BEST, balanced
from mailbot.assistant.scope import Scope
from mailbot.mail.mail import read_mail
from mailbot.mail.message import Address
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.read_back import newest_text
from mailbot.vault.source import Context
from mailbot.vault.verdict import Ask
from tests.conftest import mail


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("a", "a"), ("```\nx\n```", "```\nx\n```"), ("```py\nx", "```py\nx\n```"), ("~~~~\n~~~\nx", "~~~~\n~~~\nx\n~~~~"),
        ("````\n```\n````\ny", "````\n```\n````\ny"),
    ],
)  # fmt: skip
def test_no_code_fence_is_left_open(text: str, closed: str) -> None:
    """The user's older tool cut a fence, and all that came after it was code."""
    assert balanced(text) == closed


def test_of_a_mail_only_what_its_author_wrote_is_shown() -> None:
    body = "# Title\n\n**From:** Ana\n\nWe used 8+3.\n\n> [!quote]- Earlier in this thread\n> OLD\n\n> [!info]- Signature\n> Ana\n"
    assert newest_text(body) == "We used 8+3."


def gathered(tmp_path: Path, newsletters: int, budget: int) -> Context:
    """What is found for a question, in a vault with newsletters about the same and one note that says it."""
    vault = tmp_path / "newsletters"
    vault.mkdir()
    words = "The storage benchmark: which erasure coding, and why. " * 8
    for n in range(newsletters):
        properties = f"type: email\ndate: '2026-11-{n + 1:02}T09:00:00+01:00'\nfrom: News <news@shop.example>\nto: [jo@example.com]"
        (vault / f"News {n}.md").write_text(f"---\n{properties}\n---\n{words}\n", encoding="utf-8")
    (vault / "Coding.md").write_text(f"{words}\nErasure coding was 8+3.\n", encoding="utf-8")
    asked = read_mail(mail("Hi Jo,\n\nwhich erasure coding did you use for the storage benchmark?\n\nAna"))
    ask = Ask("question", "which erasure coding did you use for the storage benchmark?")
    scope = Scope(own=frozenset({"jo@example.com"}), readers=(Address("Ana", "ana@acme.example"),))
    with Index(tmp_path / "i.sqlite", vault) as index:
        refresh(index)
        return gather(index, asked, [ask], scope, budget=budget)


def test_only_what_the_draft_would_have_used_is_said_to_be_withheld(tmp_path: Path) -> None:
    """A newsletter that was found counts only if it would have been among the best."""
    plenty = gathered(tmp_path, 20, 100_000)
    assert [s.note for s in plenty.sources] == ["Coding.md"]
    assert 0 < len(plenty.withheld) <= min(BEST, 2 * HITS)
    assert {each.reason for each in plenty.withheld} == {"ana@acme.example was not on this mail"}
