"""A draft in a real mail client: Roundcube, driven in Chromium. It needs Debian's `roundcube-core` and `roundcube-sqlite3`: `make clients`.

With MAILBOT_PICTURES the pages are kept as pictures in that folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.life.desk import Desk
from tests.e2e.life.test_notice import settled
from tests.servers.roundcube import RealRoundcube, installed
from tests.servers.smtp import SmtpServer

pytestmark = [
    pytest.mark.dovecot,
    pytest.mark.skipif(not installed(), reason="Roundcube is not installed: `make clients` does it"),
]


@pytest.fixture
def roundcube(desk: Desk, smtp: SmtpServer) -> Iterator[RealRoundcube]:
    with RealRoundcube(desk.dovecot.port, smtp.port, desk.user) as running:
        yield running


def picture(roundcube: RealRoundcube, name: str) -> None:
    if folder := os.environ.get("MAILBOT_PICTURES"):
        roundcube.picture(Path(folder) / name)


def opened(desk: Desk, roundcube: RealRoundcube) -> tuple[str, str]:
    """(the note of a draft that Roundcube has open, its text there)."""
    note = desk.drafted()
    return note, roundcube.open_draft(max(desk.drafts()))


def test_edited_in_roundcube_approved_in_the_note_and_sent(
    desk: Desk, roundcube: RealRoundcube, smtp: SmtpServer
) -> None:
    note, text = opened(desk, roundcube)
    assert text.startswith(desk.read(note).reply.split("\n", 1)[0])
    _, quote = text.split("\nOn ", 1)
    roundcube.type(f"Hi Ana,\n\nit was 8+3, as in the second run.\n\nJo\n\nOn {quote}")
    picture(roundcube, "roundcube-edit.png")
    roundcube.save()
    desk.sync()
    assert desk.status(note) == "edited"
    assert desk.read(note).reply == "Hi Ana,\n\nit was 8+3, as in the second run.\n\nJo"
    settled(desk)
    desk.set(note, status="approved")
    desk.sync()
    (mail,) = smtp.mails
    sent = bytes(mail.original_content or b"")
    assert mail.rcpt_tos == ["ana@acme.example"] and b"it was 8+3, as in the second run." in sent
    assert b"ailbot" not in sent and b"X-Sender" not in sent and b"Bcc" not in sent
    assert (desk.status(note), desk.drafts()) == ("sent", {})
    settled(desk)


def test_looked_at_and_saved_unchanged_in_roundcube_is_no_edit(desk: Desk, roundcube: RealRoundcube) -> None:
    note, text = opened(desk, roundcube)
    roundcube.type(f"{text}\n \n")  # it saves nothing where nothing was typed
    roundcube.save()
    desk.sync()
    assert desk.status(note) == "draft" and "## History" not in desk.text(note)
    settled(desk)


@pytest.mark.parametrize("edited", [False, True])
def test_sent_from_roundcube(desk: Desk, roundcube: RealRoundcube, smtp: SmtpServer, edited: bool) -> None:
    note, text = opened(desk, roundcube)
    if edited:
        roundcube.type(f"It was 8+3.\n\n{text}")
    roundcube.send()
    desk.sync()
    assert len(smtp.mails) == 1 and desk.drafts() == {}
    assert desk.status(note) == "sent" and (desk.property(note, "likeness") == 1.0) is not edited
    assert ("It was 8+3." in desk.read(note).reply) is edited
    settled(desk)
