"""fixtures/eml/<kind>/NNN.eml becomes exactly the note NNN.md beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.mail.mail import read_mail
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.vault import note as notes
from mailbot.vault.email_note import Filing, to_note
from tests.conftest import ROOT

FIXTURES = sorted((ROOT / "fixtures" / "eml").rglob("*.eml"))
OWN = frozenset({"jo@example.com"})


def note_of(path: Path) -> str:
    mail = read_mail(path.read_bytes())
    verdict = disposition(mail, Circumstances(own=OWN))
    return notes.write(to_note(mail, Filing("demo", "INBOX", 7, 1), verdict).note)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_mail_becomes_the_note_beside_it(path: Path) -> None:
    assert note_of(path) == path.with_suffix(".md").read_text(encoding="utf-8")


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) >= 6


if __name__ == "__main__":  # after a change that was read and found right: python -m tests.test_fixtures
    for fixture in FIXTURES:
        fixture.with_suffix(".md").write_text(note_of(fixture), encoding="utf-8")
