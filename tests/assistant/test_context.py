"""What a passage is when it stands in a prompt."""

from __future__ import annotations

import pytest

from mailbot.assistant.context import balanced
from mailbot.vault.email_note import newest_text


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
