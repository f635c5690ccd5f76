"""With the journal lost nothing is made twice: notes and drafts are known by what they say, not by name, place or UID."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.sync.commands.import_mail import import_mail
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.memory.spool import Spool
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, Report
from mailbot.sync.session.state import State
from mailbot.sync.steps.reading import ReadMails
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer

pytestmark = pytest.mark.dovecot


def lose(vault: Path) -> None:
    State(vault).journal.unlink()


def renumber(dovecot: Dovecot, user: str, mailbox: str = "INBOX") -> None:
    """Every mail gets another UID: taken out and put back, unread as before."""
    there = dovecot.messages(user, mailbox)
    with dovecot.client(user) as client:
        client.select_folder(mailbox)
        client.delete_messages(list(there))
        client.expunge()
        for raw in there.values():
            client.append(mailbox, raw)


def all_notes(vault: Path, kind: str) -> list[Path]:
    found = []
    for path in vault.rglob("*.md"):
        if f"type: {kind}\n" in path.read_text(encoding="utf-8").replace('"', ""):
            found.append(path)
    return sorted(found)


def moved(vault: Path) -> None:
    (vault / "Archive").mkdir()
    for number, path in enumerate(all_notes(vault, "email")):
        path.rename(vault / "Archive" / f"A mail {number}.md")


def without_hash(vault: Path) -> None:
    for path in all_notes(vault, "email"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"^sha256:.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")


def broken_yaml(vault: Path) -> None:
    for path in all_notes(vault, "email"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("tags: ", "tags: [oh: {no\nx: ", 1), encoding="utf-8")


CHANGES: dict[str, Callable[[Path], object]] = {
    "as they were": lambda _: None,
    "notes moved and renamed": moved,
    "notes without their hash": without_hash,
    "notes whose YAML is broken": broken_yaml,
}


@pytest.mark.parametrize("configured", [True, False], ids=["model", "outline"])
@pytest.mark.parametrize("change", CHANGES)
def test_other_uids_and_other_places_make_no_second_note_and_no_second_draft(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path, change: str,
    configured: bool,
) -> None:  # fmt: skip
    dovecot.deliver(
        user, mail(to=user), mail("What did it cost?", message_id="<2@acme.example>", subject="Cost", to=user),
        mail("Our news", message_id="<3@x>", sender="News <no-reply@shop.example>", to=user, headers="List-Unsubscribe: <x:y>\n"),
    )  # fmt: skip
    settings = make_settings(dovecot.port, user, llm=model.url if configured else None)
    (first,) = fetch_all(settings, Options())
    assert (len(first.notes), len(first.drafts)) == (3, 2)
    drafts = set(dovecot.messages(user, "Drafts").values())
    CHANGES[change](vault)
    before = {p: p.read_bytes() for p in vault.rglob("*") if p.is_file()}
    lose(vault)
    renumber(dovecot, user)
    asked = len(model.requests)
    (again,) = fetch_all(settings, Options())
    assert again.error == ""
    assert set(dovecot.messages(user, "Drafts").values()) == drafts
    assert len(dovecot.messages(user, "Drafts")) == 2
    assert len(all_notes(vault, "email-draft")) == 2
    assert {p for p in vault.rglob("*") if p.is_file()} == set(before)
    if change in ("as they were", "notes moved and renamed"):
        assert len(model.requests) == asked
    (third,) = fetch_all(settings, Options())
    assert (third.notes, third.drafts, len(dovecot.messages(user, "Drafts"))) == ([], [], 2)


@pytest.mark.parametrize("what", ["discarded", "edited", "sent", "draft note moved", "draft note deleted"])
def test_a_draft_that_met_its_fate_is_not_made_again(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path, what: str
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options())
    ((uid, raw),) = dovecot.messages(user, "Drafts").items()
    (note,) = all_notes(vault, "email-draft")
    with dovecot.client(user) as client:
        if what in ("discarded", "edited", "sent"):
            client.select_folder("Drafts")
            client.delete_messages([uid])
            client.expunge()
        text = re.sub(rb"(?im)^(message-id|x-mailbot-id):.*\r\n", b"", raw)
        if what == "edited":
            client.append("Drafts", b"Message-ID: <edited@jo>\r\n" + text)
        if what == "sent":
            client.append("Sent", b"Message-ID: <sent@jo>\r\n" + text)
    if what == "draft note moved":
        note.rename(vault / "My draft.md")
    if what == "draft note deleted":
        note.unlink()
    before = set(dovecot.messages(user, "Drafts").values())
    lose(vault)
    (again,) = fetch_all(settings, Options())
    assert again.error == ""
    assert set(dovecot.messages(user, "Drafts").values()) == before
    assert len(dovecot.messages(user, "Drafts")) == len(before)


def test_a_mail_without_a_message_id_is_known_by_its_bytes(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user).replace(b"Message-ID: <m1@acme.example>\r\n", b""))
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    lose(vault)
    renumber(dovecot, user)
    (again,) = fetch_all(settings, Options())
    assert len(all_notes(vault, "email")) == 1
    assert len(dovecot.messages(user, "Drafts")) == 1, again


def test_two_mails_of_one_message_id_stay_two(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user), mail("Something else?", to=user))
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    lose(vault)
    renumber(dovecot, user)
    fetch_all(settings, Options())
    assert len(all_notes(vault, "email")) == 2


def test_a_mail_that_is_too_large_is_known_by_its_header(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail("x" * 1_200_000, to=user))
    settings = make_settings(dovecot.port, user, max_mail_size=1)
    fetch_all(settings, Options())
    lose(vault)
    renumber(dovecot, user)
    fetch_all(settings, Options())
    assert len(all_notes(vault, "email")) == 1


def test_an_import_knows_what_was_fetched(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, tmp_path: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    lose(vault)
    (raw,) = dovecot.messages(user, "INBOX").values()
    (tmp_path / "m.eml").write_bytes(raw)
    report: Report = import_mail(settings, "work", [tmp_path / "m.eml"])
    assert report.failed == []
    assert len(all_notes(vault, "email")) == 1
    assert (
        notes.read(all_notes(vault, "email")[0].read_text(encoding="utf-8")).properties["disposition"]
        == "reply"
    )


@pytest.mark.parametrize("draft_note", ["deleted", "without its properties", "of another type"])
def test_a_mail_that_had_its_draft_gets_no_other(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path, draft_note: str
) -> None:
    """Its note names the draft. Where that is now, on the server or in the vault, is the user's business."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options())
    (path,) = all_notes(vault, "email-draft")
    text = path.read_text(encoding="utf-8")
    if draft_note == "deleted":
        path.unlink()
    elif draft_note == "of another type":
        path.write_text(text.replace("type: email-draft", "type: done"), encoding="utf-8")
    else:
        path.write_text(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL), encoding="utf-8")
    with dovecot.client(user) as client:
        client.select_folder("Drafts")
        client.delete_messages(client.search(["ALL"]))
        client.expunge()
    lose(vault)
    asked = len(model.requests)
    (again,) = fetch_all(settings, Options())
    assert (again.error, again.failed) == ("", [])
    assert dovecot.messages(user, "Drafts") == {}
    assert len(model.requests) == asked


@pytest.mark.parametrize("how", ["byte order mark", "CRLF", "another type", "no account", "a comment"])
def test_a_note_is_known_however_it_was_saved(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, how: str
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    (path,) = all_notes(vault, "email")
    text = path.read_text(encoding="utf-8")
    if how == "byte order mark":
        path.write_text("\ufeff" + text, encoding="utf-8")
    elif how == "CRLF":
        path.write_bytes(text.replace("\n", "\r\n").encode())
    elif how == "another type":
        path.write_text(text.replace("type: email\n", "type: mail\n"), encoding="utf-8")
    elif how == "a comment":
        path.write_text(text.replace("account: work\n", 'account: "work" # mine\n'), encoding="utf-8")
    else:
        path.write_text(re.sub(r"^account:.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    path.rename(vault / "Mine.md")
    files = set(vault.rglob("*.md"))
    lose(vault)
    renumber(dovecot, user)
    (again,) = fetch_all(settings, Options())
    assert again.error == ""
    assert set(vault.rglob("*.md")) == files


def test_without_journal_and_index_nothing_is_kept_twice(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """The mails stay unread, and the run says why."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    all_notes(vault, "email")[0].rename(vault / "Mine.md")
    lose(vault)
    State(vault).index.unlink()
    State(vault).index.mkdir()
    (again,) = fetch_all(settings, Options())
    assert (again.exit_code, "index.sqlite" in again.error) == (65, True)
    State(vault).index.rmdir()
    (third,) = fetch_all(settings, Options())
    assert third.error == ""
    assert len(all_notes(vault, "email")) == 1


def test_two_mails_of_one_message_id_never_claim_one_draft_note(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path
) -> None:
    """The journal was called damaged for that."""
    dovecot.deliver(user, mail(to=user), mail("Something else?", to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    fetch_all(settings, Options())
    before = set(dovecot.messages(user, "Drafts").values())
    renumber(dovecot, user)
    lose(vault)
    for _ in range(2):
        (report,) = fetch_all(settings, Options())
        assert (report.error, report.failed) == ("", [])
    assert set(dovecot.messages(user, "Drafts").values()) == before


def test_an_attachment_that_the_user_has_changed_stays_theirs(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    parts = (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee the plan.\n'
        '--b\nContent-Type: text/csv; name=plan.csv\nContent-Disposition: attachment; filename=plan.csv\n\n1,2\n--b--\n'
    )  # fmt: skip
    raw = mail(to=user).split(b"Content-Type", 1)[0] + parts.replace("\n", "\r\n").encode()
    dovecot.deliver(user, raw)
    settings = make_settings(dovecot.port, user)
    fetch_all(settings, Options())
    (plan,) = vault.rglob("plan.csv")
    plan.write_text("mine")
    all_notes(vault, "email")[0].unlink()
    lose(vault)
    (again,) = fetch_all(settings, Options())
    assert (again.error, len(all_notes(vault, "email"))) == ("", 1)
    assert plan.read_text() == "mine"


def test_a_mail_without_a_date_is_filed_by_its_arrival_in_every_run(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    """The note, its path and the journal say when the mail arrived; the note says that this is what it is. With the journal
    lost, the note is found again, and one that is gone too is made again at the same place."""
    undated = re.sub(rb"Date: [^\n]*\n", b"", mail("Our news", to=user, headers="List-Unsubscribe: <x:y>\n"))
    with dovecot.client(user) as client:
        client.append("INBOX", undated, msg_time=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    settings = make_settings(dovecot.port, user)
    (report,) = fetch_all(settings, Options())
    assert report.notes == ["Email/2026/03/2026-03-04_050607_1_Storage.md"]
    text = (vault / report.notes[0]).read_text()
    properties = notes.read(text).properties
    assert properties["date_exact"] == "2026-03-04T05:06:07+00:00"
    assert properties["defects"] == ["date: missing or unreadable, taken from its arrival"]
    with opened_journal(State(vault).journal) as journal:
        (row,) = journal.mails.by_message_id("<m1@acme.example>")
        assert row.date == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        read_again = ReadMails(spool := Spool(vault.parent / "spool"))
        spool.keep_mail(row.sha256, undated)
        again = read_again.get(row)
        assert again is not None and again.message.date == row.date
    lose(vault)
    (again_fetched,) = fetch_all(settings, Options())
    assert (again_fetched.notes, again_fetched.adopted) == ([], 1)
    assert all_notes(vault, "email") == [vault / report.notes[0]]
    lose(vault)
    (vault / report.notes[0]).unlink()
    assert fetch_all(settings, Options())[0].notes == report.notes
    assert (vault / report.notes[0]).read_text() == text
