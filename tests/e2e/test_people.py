"""Person notes as they come of real mail: after an exchange, and only then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailbot.sync.commands import people
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.opening import utc_time
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot

SIGNED = "Hello Jo,\n\nhere are the numbers.\n\n-- \nAna Ruiz\nHead of Storage, Acme NV\nTel: +32 9 123 45 67"


def test_a_mail_that_only_arrives_makes_no_person(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    (report,) = fetch_all(settings, Options())
    assert report.people == []
    assert people.find(settings, "ana@acme.example")[1].startswith("you have never written")


def test_ten_mails_with_somebody_make_one_note_that_is_kept_current(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """The first arrival makes nobody known; the user's answer does, and the note then begins with what came before."""
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, mail(SIGNED, to=user, message_id="<1@acme.example>"))
    fetch_all(settings, Options())
    answer = mail(
        "Thank you",
        sender=f"Jo <{user}>",
        to="Ana Ruiz <ana@acme.example>",
        message_id="<a@jo>",
        headers="In-Reply-To: <1@acme.example>\n",
    )
    dovecot.deliver(user, answer, mailbox="Sent")
    for n in range(2, 11):
        dovecot.deliver(user, mail(SIGNED, to=user, message_id=f"<{n}@acme.example>", subject=f"Numbers {n}"))
    (report,) = fetch_all(settings, Options())
    assert report.people == ["People/Ana Ruiz/README.md"]
    text = (vault / report.people[0]).read_text(encoding="utf-8")
    properties = notes.read(text).properties
    assert properties["email"] == "ana@acme.example"
    assert (properties["role"], properties["company"], properties["phone"]) == (
        "Head of Storage",
        "Acme NV",
        "+32 9 123 45 67",
    )
    assert properties["last_contact"] == "2026-11-20"
    assert text.count("- 2026-11-20: [[Email/2026/11/") == 10
    before = tree(vault)
    assert fetch_all(settings, Options())[0].notes == []
    assert tree(vault) == before


def test_what_the_user_writes_in_a_person_note_stays(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    target = vault / "Contacts" / "Ana.md"
    target.parent.mkdir()
    mine = "---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\nrole: CTO\n---\n# Ana\n\nMine.\n"
    target.write_text(mine, encoding="utf-8")
    dovecot.deliver(user, mail(SIGNED, to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    assert report.people == []
    text = target.read_text(encoding="utf-8")
    assert [line for line in mine.split("\n") if line not in text.split("\n")] == []
    assert notes.read(text).properties["role"] == "CTO"
    assert notes.read(text).properties["phone"] == "+32 9 123 45 67"
    assert "[[Email/2026/11/" in text


def test_a_service_that_writes_in_a_name_changes_nothing(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """The user's older tool gave a person the address of a service that had mentioned them."""
    target = vault / "Ana.md"
    mine = "---\ntype: people\ntitle: Ana Ruiz\n---\n# Ana\n"
    target.write_text(mine, encoding="utf-8")
    dovecot.deliver(user, mail(to=user, sender='"Ana Ruiz via Docs" <share@docs.example>'), mailbox="INBOX")
    dovecot.deliver(user, mail(to=user, sender="Ana Ruiz <notifications@docs.example>", message_id="<2@x>"))
    dovecot.deliver(user, mail("x", sender=f"Jo <{user}>", to="share@docs.example"), mailbox="Sent")
    fetch_all(make_settings(dovecot.port, user), Options())
    assert target.read_text(encoding="utf-8") == mine
    assert not (vault / "People").exists()


def test_two_notes_become_one(dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path) -> None:
    settings = make_settings(dovecot.port, user)
    (vault / "People").mkdir()
    (vault / "People" / "Ana.md").write_text(
        "---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\n---\nOne.\n"
    )
    (vault / "People" / "AR.md").write_text(
        "---\ntype: people\ntitle: A. R.\nemail: ar@home.example\n---\nTwo.\n"
    )
    assert people.merge(settings, "Ana Ruiz", "A. R.") == ("People/Ana.md", "People/AR.md")
    person, why = people.find(settings, "ar@home.example")
    assert (person.note if person else why) == "People/Ana.md"
    assert "Two." in (vault / "People" / "Ana.md").read_text()
    assert people.find(settings, "A. R.")[0] == person
    assert len(people.everybody(settings)) == 1


def test_a_mail_without_a_date_has_the_day_of_its_arrival(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail("x", sender=f"Jo <{user}>", to="ana@acme.example"), mailbox="Sent")
    dovecot.deliver(user, mail(SIGNED, to=user).replace(b"Date: Fri, 20 Nov 2026 09:15:00 +0100\r\n", b""))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    text = (vault / report.people[0]).read_text(encoding="utf-8")
    assert re.search(r"^- \d{4}-\d\d-\d\d: \[\[Email/", text, re.MULTILINE)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", notes.read(text).properties["last_contact"])


def test_a_person_note_that_cannot_be_read_is_taken_up_again_once_mended(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """A note that is no UTF-8 is left, byte for byte, and named; saved as UTF-8, it gains the line it missed."""
    settings = make_settings(dovecot.port, user)
    target = vault / "Ana.md"
    text = "---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\n---\nCaf\u00e9 cr\u00e8me\n"
    target.write_bytes(text.encode("latin-1"))
    dovecot.deliver(user, mail(SIGNED, to=user))
    (report,) = fetch_all(settings, Options())
    assert target.read_bytes() == text.encode("latin-1")
    assert any("not UTF-8" in r for r in report.remarks)
    target.write_bytes(text.encode())
    dovecot.deliver(user, mail(SIGNED, to=user, message_id="<2@acme.example>", subject="Again"))
    fetch_all(settings, Options())
    assert target.read_text(encoding="utf-8").count(": [[Email/2026/11/") == 2


def test_a_run_that_was_killed_before_it_could_say_so_notes_a_mail_once(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """The note is written before the journal forgets the mail: killed between, the next run meets the mail again."""
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, mail("x", sender=f"Jo <{user}>", to="ana@acme.example"), mailbox="Sent")
    dovecot.deliver(user, mail(SIGNED, to=user))
    (report,) = fetch_all(settings, Options())
    text = (vault / report.people[0]).read_text(encoding="utf-8")
    with opened_journal(State(settings.vault).journal) as journal:
        journal.strangers.add(1, "work", utc_time(), "ana@acme.example", [])
    dovecot.deliver(user, mail(SIGNED, to=user, message_id="<2@acme.example>", subject="Again"))
    fetch_all(settings, Options())
    after = (vault / report.people[0]).read_text(encoding="utf-8")
    assert after.count(": [[Email/2026/11/") == 2
    assert after.count("from the signature of") == 1
    assert [line for line in text.split("\n") if line not in after.split("\n")] == []
