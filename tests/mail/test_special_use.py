"""Which mailbox is Drafts, on servers that each say it their own way."""

from __future__ import annotations

import pytest

from mailbot.mail.server.special_use import Listed, special_use


def listed(*rows: tuple[str, str]) -> list[Listed]:
    return [Listed(name, "." if "." in name else "/", tuple(attributes.split())) for name, attributes in rows]


@pytest.mark.parametrize(
    ("rows", "personal", "found"),
    [
        ((("INBOX", ""), ("Entwürfe", "\\HasNoChildren \\Drafts")), "", "Entwürfe"),
        ((("INBOX", ""), ("Odd", "\\drafts"), ("Drafts", "")), "", "Odd"),
        ((("INBOX", ""), ("Draft", "")), "", "Draft"),
        ((("INBOX", ""), ("INBOX.Drafts", "")), "INBOX.", "INBOX.Drafts"),
        ((("INBOX", ""), ("[Gmail]/Drafts", "")), "", "[Gmail]/Drafts"),
        ((("INBOX", ""), ("Old/Drafts", ""), ("My Drafts", "")), "", None),
        ((("Drafts", "\\Noselect"), ("下書き", "")), "", "下書き"),
    ],
)
def test_drafts_is_found_by_attribute_then_by_exact_name(
    rows: tuple[tuple[str, str], ...], personal: str, found: str | None
) -> None:
    assert special_use("drafts", listed(*rows), "auto", personal) == found


def test_a_configured_name_must_exist() -> None:
    rows = listed(("INBOX.Work", ""), ("Drafts", "\\Drafts"))
    assert special_use("drafts", rows, "Work", "INBOX.") == "INBOX.Work"
    assert special_use("drafts", rows, "Nope") is None
