"""What users write into the properties of a draft note: recipients and files in all the ways that Obsidian and people write them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import MakeSettings
from tests.e2e.life.desk import Desk, sending
from tests.e2e.life.test_notice import settled
from tests.e2e.life.test_send import answered, sync
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


def sent(smtp: SmtpServer, pattern: bytes) -> list[bytes]:
    (mail,) = smtp.mails
    return re.findall(pattern, bytes(mail.original_content or b""))


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("Ana <ana@acme.example>", ["ana@acme.example"]),
        (["ana@acme.example", "Bo Berg <bo@acme.example>"], ["ana@acme.example", "bo@acme.example"]),
        ("ana@acme.example; bo@acme.example", ["ana@acme.example", "bo@acme.example"]),
        ("ana@acme.example, Ana <ANA@acme.example>", ["ana@acme.example"]),
        ("[[People/Ana Ruiz|ana@acme.example]]", ["ana@acme.example"]),
        ("mailto:ana@acme.example", ["ana@acme.example"]),
        ("ana@münchen.example", ["ana@xn--mnchen-3ya.example"]),
        ("jürgen@acme.example", ["jürgen@acme.example"]),
    ],
)
def test_recipients_as_people_write_them(
    desk: Desk, smtp: SmtpServer, to: Any, recipients: list[str]
) -> None:
    note = answered(desk)
    desk.set(note, to=to, status="approved")
    desk.sync()
    (mail,) = smtp.mails
    assert [each.lower() for each in mail.rcpt_tos] == recipients
    (line,) = sent(smtp, rb"(?m)^To: (.*?)\r$")
    assert line.count(b"@") == len(recipients)
    assert desk.status(note) == "sent"
    settled(desk)


@pytest.mark.parametrize(
    "to",
    [
        "undisclosed-recipients:;",
        "ana@acme.example\nBcc: x@y.example",
        "",
        "[[People/Ana Ruiz]]",
        "Ana",
        "ana@straße.example",
    ],
)
def test_what_is_no_recipient_is_said_once_and_nothing_passes_for_approved(
    desk: Desk, smtp: SmtpServer, to: str
) -> None:
    note = answered(desk)
    desk.set(note, to=to, status="approved")
    report = sync(desk)
    assert "not approved: " in report.failed[0] and "`to`" in report.failed[0]
    assert desk.status(note) == "draft" and "Not approved: " in desk.text(note)
    assert sync(desk).failed == [] and smtp.mails == []
    settled(desk)
    desk.set(note, to="ana@acme.example", status="approved")
    desk.sync()
    assert len(smtp.mails) == 1 and desk.status(note) == "sent"


def test_letters_that_the_server_cannot_take_are_named(desk: Desk, make_settings: MakeSettings) -> None:
    """RFC 6531: an address with letters beyond ASCII needs SMTPUTF8; without it the mail comes back to the user."""
    with sending(desk, make_settings, SmtpServer(utf8=False)) as smtp:
        note = answered(desk)
        desk.set(note, to="jürgen@acme.example", status="approved")
        report = sync(desk)
        assert smtp.mails == [] and "SMTPUTF8" in report.failed[0]
        assert desk.status(note) == "edited" and "SMTPUTF8" in desk.text(note)
        settled(desk)


@pytest.mark.parametrize(
    "attach",
    [
        "Projects/Offer.pdf",
        "[[Projects/Offer.pdf]]",
        "![[Projects/Offer.pdf]]",
        "[[Projects/Offer.pdf#page=2|the offer]]",
        "Offer.pdf",
        "[[Offer.pdf]]",
    ],
)
def test_a_file_as_obsidian_links_it(desk: Desk, smtp: SmtpServer, attach: str) -> None:
    (desk.vault / "Projects" / "Offer.pdf").write_bytes(b"%PDF-1")
    note = answered(desk)
    desk.set(note, attach=[attach, "Projects/Offer.pdf"][: 1 + ("/" in attach)], status="approved")
    desk.sync()
    assert sent(smtp, rb'filename="([^"]*)"') == [b"Offer.pdf"]
    assert desk.status(note) == "sent"
    settled(desk)


@pytest.mark.parametrize(
    ("attach", "why"),
    [
        ("/etc/passwd", "not a path inside the vault"),
        ("../secret", "not a path inside the vault"),
        ("Projects", "is a folder"),
        ("nowhere.pdf", "not in the vault"),
        ("Twice.pdf", "2 files of the vault have that name; write the path of one: People/Twice.pdf, "),
        ("Projects/link.pdf", "leads out of the vault"),
        (".obsidian/Offer.pdf", "not in the vault"),
    ],
)
def test_a_file_that_cannot_be_attached_is_named_and_nothing_is_sent(
    desk: Desk, smtp: SmtpServer, attach: str, why: str
) -> None:
    for folder in ("Projects", "People"):
        (desk.vault / folder).mkdir(exist_ok=True)
        (desk.vault / folder / "Twice.pdf").write_bytes(b"%PDF-1")
    (desk.vault / "Projects" / "link.pdf").symlink_to("/etc/passwd")
    note = answered(desk)
    desk.set(note, attach=[attach], status="approved")
    report = sync(desk)
    assert why in report.failed[0] and smtp.mails == []
    assert desk.status(note) == "draft" and why in desk.text(note).replace("\\", "")
    settled(desk)
