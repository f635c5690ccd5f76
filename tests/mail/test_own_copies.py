"""Who files what was sent."""

from __future__ import annotations

import pytest

from mailbot.mail.server.own_copies import files_sent_itself


@pytest.mark.parametrize(
    ("host", "port", "itself"),
    [
        ("smtp.gmail.com", 465, True),
        ("SMTP.Office365.com.", 587, True),
        ("smtp.mail.me.com", 587, True),
        ("127.0.0.1", 1025, True),
        ("127.0.0.1", 587, False),
        ("smtp.example.com", 465, False),
        ("smtp.gmail.com.evil.example", 465, False),
    ],
)
def test_the_submission_host_tells_who_files_a_copy(host: str, port: int, itself: bool) -> None:
    assert files_sent_itself(host, port) == itself
