"""The links of email notes: to people, and to the mails before and after them in the thread."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailbot import stopping
from mailbot.sync.commands.import_mail import import_mail
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import fetch_all, sync_all
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Options
from mailbot.sync.session.search import opened_index
from mailbot.sync.session.state import State
from mailbot.sync.steps.links import Links
from mailbot.vault import note as notes
from mailbot.vault.bases import MAIL, PERSON_EMBED
from mailbot.vault.files import content_hash
from mailbot.vault.read_back import sender_in
from tests.conftest import MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot
from tests.servers.model import TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot

ANA = "[[People/Ana Ruiz/README|Ana Ruiz <ana@acme.example>]]"


@pytest.fixture
def ana(vault: Path) -> Path:
    path = vault / "People" / "Ana Ruiz" / "README.md"
    path.parent.mkdir(parents=True)
    path.write_text(
        "---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\nlast_contact: 2026-11-01   # by phone\n---\n# Ana Ruiz\n\n## Recent Context\n\n## Key Facts\n"
    )
    return path


def of_thread(number: int, user: str, *, hour: int = 0) -> bytes:
    """A mail of one thread, the first of which is number 1."""
    headers = f"References: <t1@x.example>\nIn-Reply-To: <t{number - 1}@x.example>\n" if number > 1 else ""
    made = mail(
        f"Hi,\n\nwhat of point {number}?\n\nAna",
        to=user,
        subject="Plan",
        message_id=f"<t{number}@x.example>",
        headers=headers,
    )
    return made.replace(b"09:15:00", f"{hour or 8 + number:02}:15:00".encode())


def properties(vault: Path) -> dict[str, dict[str, object]]:
    """The properties of the email notes by the number in their Message-ID."""
    found = {}
    for path in sorted((vault / "Email").glob("2*/**/*.md")):
        read = notes.read(path.read_text()).properties
        found[re.sub(r"\D", "", str(read["message_id"]))[:1]] = {
            **read,
            "path": str(path.relative_to(vault)).removesuffix(".md"),
        }
    return found


def in_order(vault: Path, *numbers: str) -> None:
    """The mails of these numbers are a chain of links, both ways."""
    found = properties(vault)
    for before, after in zip((None, *numbers), (*numbers, None), strict=True):
        if after:
            wanted = f"[[{found[before]['path']}]]" if before else None
            assert found[after].get("previous") == wanted, (before, after)
        if before:
            wanted = f"[[{found[after]['path']}]]" if after else None
            assert found[before].get("next") == wanted, (before, after)


def test_a_mail_links_the_person_note_and_is_read_back_as_before(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, ana: Path
) -> None:
    dovecot.deliver(
        user, mail(to=f"{user}, Bo <bo@acme.example>", headers="Cc: Ana Ruiz <ana@acme.example>\n")
    )
    settings = make_settings(dovecot.port, user)
    (report,) = fetch_all(settings, Options())
    said = notes.read((vault / report.notes[0]).read_text()).properties
    assert (said["from"], said["cc"]) == (ANA, [ANA]) and said["to"] == [user, "Bo <bo@acme.example>"]
    assert f'from: "{ANA}"' in (vault / report.notes[0]).read_text()
    draft = notes.read((vault / report.drafts[0]).read_text()).properties
    assert (draft["to"], draft["to_name"]) == ("ana@acme.example", "Ana Ruiz")
    assert f"[[{report.notes[0].removesuffix('.md')}]]" in ana.read_text()  # the sender was found again
    before = tree(vault)
    (again,) = sync_all(settings, Options())
    assert tree(vault) == before and not again.notes


def test_names_that_a_model_found_are_links_too(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, ana: Path, model: ModelServer
) -> None:
    answers = model.answer
    model.answer = lambda r: {**TRIAGE, "people": ["Ana Ruiz", "Bo Nobody"]} if is_triage(r) else answers(r)
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    (report,) = fetch_all(settings, Options())
    said = notes.read((vault / report.notes[0]).read_text()).properties
    assert said["people"] == ["[[People/Ana Ruiz/README|Ana Ruiz]]", "Bo Nobody"]
    assert notes.read((vault / report.drafts[0]).read_text()).properties["people_mentioned"] == [
        "Ana Ruiz",
        "Bo Nobody",
    ]


def test_a_strangers_name_cannot_break_out_of_the_link(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, ana: Path
) -> None:
    dovecot.deliver(user, mail(to=user, sender='"x]] | [[Secret" <ana@acme.example>'))
    (report,) = fetch_all(make_settings(dovecot.port, user), Options())
    written = str(notes.read((vault / report.notes[0]).read_text()).properties["from"])
    assert written.count("[[") == written.count("]]") == 1 and written.count("|") == 1
    assert written.startswith("[[People/Ana Ruiz/README|") and written.endswith("<ana@acme.example>]]")


@pytest.mark.parametrize("runs", [["123"], ["12", "3"], ["1", "2", "3"], ["3", "1", "2"], ["13", "2"]])
def test_the_mails_of_a_thread_link_their_neighbours(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, runs: list[str]
) -> None:
    settings = make_settings(dovecot.port, user)
    for run in runs:
        dovecot.deliver(user, *(of_thread(int(n), user) for n in run))
        (report,) = fetch_all(settings, Options(no_drafts=True))
        assert report.error == "" and len(report.notes) == len(run)
    in_order(vault, "1", "2", "3")
    with opened_journal(
        State(vault).journal
    ) as journal:  # what changed was remembered: the notes are still ours
        for said in properties(vault).values():
            row = journal.mails.by_note(f"{said['path']}.md")
            assert row and row.note_hash == content_hash((vault / f"{said['path']}.md").read_bytes())
    before = tree(vault)
    (again,) = fetch_all(settings, Options(no_drafts=True))
    assert tree(vault) == before and not again.notes


def test_of_a_long_thread_only_the_neighbours_are_read(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, *(of_thread(n, user) for n in range(1, 9)))
    fetch_all(settings, Options(no_drafts=True))
    dovecot.deliver(user, of_thread(9, user, hour=23))
    read: list[str] = []
    real = NoteFiles.properties
    monkeypatch.setattr(NoteFiles, "properties", lambda self, path: read.append(path) or real(self, path))
    fetch_all(settings, Options(no_drafts=True))
    in_order(vault, *"123456789")
    assert len(read) <= 3, read


def test_an_edited_note_gets_its_link_and_keeps_what_was_written(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, of_thread(1, user))
    (report,) = fetch_all(settings, Options(no_drafts=True))
    path = vault / report.notes[0]
    path.write_text(
        path.read_text().replace("tags: [email]", "tags:\n  - email\n  - mine  # !") + "\nMy remark.\n"
    )
    dovecot.deliver(user, of_thread(2, user))
    fetch_all(settings, Options(no_drafts=True))
    in_order(vault, "1", "2")
    assert "tags:\n  - email\n  - mine  # !" in path.read_text() and path.read_text().endswith("My remark.\n")


def test_imported_mails_link_their_neighbours(
    make_settings: MakeSettings, user: str, vault: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    for number in (2, 1, 3):
        (folder / f"{number}.eml").write_bytes(of_thread(number, user))
    import_mail(make_settings(9, user), "work", [folder])
    in_order(vault, "1", "2", "3")


def test_recent_context_keeps_the_last_ten_where_a_view_shows_them_all(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, ana: Path
) -> None:
    text = ana.read_text().replace(
        "## Recent Context\n", "## Recent Context\n\n- 2026-01-05: [[Meetings/Kickoff]]\n- a line of mine\n"
    )
    ana.write_text(text)
    settings = make_settings(dovecot.port, user)
    for number in range(1, 13):
        dovecot.deliver(
            user,
            mail(
                to=user, message_id=f"<r{number}@x.example>", subject=f"Subject {number}", headers=""
            ).replace(b"20 Nov", f"{number:02} Nov".encode()),
        )
    fetch_all(settings, Options(no_drafts=True))
    assert (
        len(re.findall(r"^- 2026-11-\d\d: \[\[Email/", ana.read_text(), re.MULTILINE)) == 12
        and PERSON_EMBED not in ana.read_text()
    )
    (vault / "Mailbot").mkdir(exist_ok=True)
    (vault / MAIL).write_text("views: []\n")
    gone = vault / next(p for p in (vault / "Email").rglob("*_Subject-1.md")).relative_to(vault)
    gone.write_text(
        gone.read_text().replace(ANA, "Ana Ruiz <ana@acme.example>")
    )  # as an earlier version wrote it
    dovecot.deliver(
        user, mail(to=user, message_id="<r13@x.example>", subject="Subject 13").replace(b"20 Nov", b"13 Nov")
    )
    fetch_all(settings, Options(no_drafts=True))
    after = ana.read_text()
    days = re.findall(r"^- (2026-11-\d\d): \[\[Email/", after, re.MULTILINE)
    assert days == [f"2026-11-{day:02}" for day in range(13, 3, -1)]
    assert (
        "- 2026-01-05: [[Meetings/Kickoff]]" in after
        and "- a line of mine" in after
        and after.count(PERSON_EMBED) == 1
    )
    assert "last_contact: 2026-11-13   # by phone".replace("   #", "  #") in after.replace("   #", "  #")
    assert notes.read(gone.read_text()).properties["from"] == ANA  # the view finds it by its link
    before = tree(vault)
    fetch_all(settings, Options(no_drafts=True))
    assert tree(vault) == before


def test_a_bare_address_behind_a_link_is_read_back_too(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, ana: Path
) -> None:
    """The sender is found again, and a newer mail of the thread takes the place of the older one's draft."""
    dovecot.deliver(user, mail(to=user, sender="ana@acme.example"))
    settings = make_settings(dovecot.port, user)
    (first,) = fetch_all(settings, Options())
    said = notes.read((vault / first.notes[0]).read_text()).properties
    assert (
        said["from"] == "[[People/Ana Ruiz/README|ana@acme.example]]"
        and sender_in(said).email == "ana@acme.example"
    )
    more = "In-Reply-To: <m1@acme.example>\nReferences: <m1@acme.example>\n"
    dovecot.deliver(
        user,
        mail(
            "Hi Jo,\n\nand which disks?\n\nAna",
            to=user,
            sender="ana@acme.example",
            message_id="<m2@acme.example>",
            headers=more,
        ),
    )
    (second,) = sync_all(settings, Options())
    assert len(second.drafts) == 1 and len(dovecot.messages(user, "Drafts")) == 1, second.noticed
    with opened_index(settings) as index:
        assert len(index.mail_with("ana@acme.example", 9)) == 2


def test_a_users_own_next_is_no_link_of_ours(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, of_thread(1, user))
    (report,) = fetch_all(settings, Options(no_drafts=True))
    path = vault / report.notes[0]
    path.write_text(
        path.read_text().replace("tags: [email]", "tags: [email]\nnext: call Ana about the price")
    )
    dovecot.deliver(user, of_thread(2, user))
    fetch_all(settings, Options(no_drafts=True))
    assert "next: call Ana about the price" in path.read_text()


def test_a_run_that_is_killed_before_the_journal_tells_the_neighbours_in_the_next(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(dovecot.port, user)
    dovecot.deliver(user, of_thread(1, user))
    fetch_all(settings, Options(no_drafts=True))
    dovecot.deliver(user, of_thread(2, user))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Links, "tell", killed)
        fetch_all(settings, Options(no_drafts=True))
    stopping.forget()
    assert len(list((vault / "Email").rglob("*_Plan.md"))) == 2
    fetch_all(settings, Options(no_drafts=True))
    in_order(vault, "1", "2")


def test_no_line_outside_of_recent_context_is_taken_away(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, ana: Path
) -> None:
    facts = "- 2025-03-01: [[Email/2025/03/the-contract]]"
    ana.write_text(
        ana.read_text().replace(
            "## Key Facts\n", f"## Key Facts\n\n{facts}\n\n```\n- 2025-03-02: [[Email/x]]\n```\n"
        )
    )
    (vault / "Mailbot").mkdir()
    (vault / MAIL).write_text("views: []\n")
    dovecot.deliver(
        user,
        *(
            mail(to=user, message_id=f"<r{n}@x.example>").replace(b"20 Nov", f"{n:02} Nov".encode())
            for n in range(1, 13)
        ),
    )
    fetch_all(make_settings(dovecot.port, user), Options(no_drafts=True))
    after = ana.read_text()
    assert facts in after and "- 2025-03-02: [[Email/x]]" in after
    assert len(re.findall(r"^- 2026-11-\d\d: \[\[Email/", after, re.MULTILINE)) == 10
    assert f"\n\n{PERSON_EMBED}\n" in after
