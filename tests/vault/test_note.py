"""Note <-> text, and files that stay inside the vault."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.errors import BadData
from mailbot.mail.mail import Mail
from mailbot.mail.message import Message, Text
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.vault import durable, files, note
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.note import Note
from mailbot.vault.verdict import Verdict

_VALUES = st.one_of(
    st.text(max_size=60), st.integers(), st.booleans(), st.none(), st.lists(st.text(max_size=30), max_size=4)
)


@given(
    st.dictionaries(st.text(min_size=1, max_size=20), _VALUES, min_size=1, max_size=6), st.text(max_size=200)
)
def test_a_note_is_read_as_it_was_written(properties: dict[str, object], body: str) -> None:
    """No value breaks out of the properties, whatever a stranger puts in a header."""
    body = body.replace("\r", "")
    assert note.read(note.write(Note(properties, body))) == Note(properties, body)


def test_setting_a_property_touches_nothing_else() -> None:
    text = "---\n# mine\ntitle: x   # why\ntags:\n  - a\n  - b\nemail: q\n---\nbody  \n\n---\nmore"
    changed = note.with_properties(text, {"tags": ["z"], "draft": "[[d]]"})
    assert (
        changed
        == '---\n# mine\ntitle: x   # why\ntags:\n  - z\nemail: q\ndraft: "[[d]]"\n---\nbody  \n\n---\nmore'
    )
    assert note.with_properties("no front\n", {"a": "b"}) == "---\na: b\n---\nno front\n"
    crlf = note.with_properties("---\r\na: 1\r\n---\r\nx\r\n", {"a": 2})
    assert crlf == "---\r\na: 2\r\n---\r\nx\r\n"


@pytest.mark.parametrize(
    ("line", "value", "becomes"),
    [
        ("last_contact: 2026-11-18", "2026-11-20", "last_contact: 2026-11-20"),
        ("last_contact: '2026-11-18'", "2026-11-20", "last_contact: '2026-11-20'"),
        ('last_contact: "2026-11-18"', "2026-11-20", 'last_contact: "2026-11-20"'),
        ("last_contact:", "2026-11-20", 'last_contact: "2026-11-20"'),
        ("status: draft", "approved", "status: approved"),
        ("status: 'draft'", "it's: so", "status: 'it''s: so'"),
        ("status: draft", "yes", 'status: "yes"'),
        ("status: draft", "a: b", 'status: "a: b"'),
        ("status: draft", "12", 'status: "12"'),
        ("status: draft", "# no", 'status: "# no"'),
        ("from: Ana", "[[People/Ana|Ana]]", 'from: "[[People/Ana|Ana]]"'),
        ("role: old  # mine", "new role", "role: new role  # mine"),
        ("to: [a]", ["b", "c"], "to: [b, c]"),
        ("to:\n  - a\n  - b", ["c", "d e"], 'to:\n  - c\n  - "d e"'),
        ("to:\n- a", [], "to: []"),
    ],
)
def test_a_property_stays_written_as_the_user_writes_it(line: str, value: object, becomes: str) -> None:
    key = line.partition(":")[0]
    assert (
        note.with_properties(f"---\na: 1\n{line}\nz: 2\n---\n", {key: value})
        == f"---\na: 1\n{becomes}\nz: 2\n---\n"
    )


def test_broken_properties_name_the_note_and_the_line() -> None:
    with pytest.raises(BadData, match=r"a\.md: .*line \d"):
        note.read("---\nok: 1\nbad: [\n---\n", "a.md")
    with pytest.raises(BadData, match="not a list"):
        note.read("---\n- x\n---\n")


def test_property_text_links_nothing() -> None:
    assert note.property_text("[[Secrets]]\n<% x %> {{y}} %%") == "[ [Secrets] ] < % x % > { {y} } % %"


@pytest.mark.parametrize(
    ("claimed", "safe"),
    [("../../etc/passwd", "passwd"), ("C:\\Windows\\con.txt", "_con.txt"), ("a.md", "a.md.txt"), (".htaccess", "htaccess"), ("", "attachment"), ("..", "attachment"),
     ("aux", "_aux"), ("nul.tar.gz", "_nul.tar.gz"), ("a\u202efdp.exe", "a_fdp.exe"), ("x" * 300 + ".pdf", "x" * 100 + ".pdf"), ("a[b]#c^d|e.png", "a_b__c_d_e.png"),
     ("cafe\u0301.txt", "café.txt"), ("x.svg", "x.svg.txt"), ("a/b\x00c", "bc"), ("evil.html ", "evil.html.txt")],
)  # fmt: skip
def test_attachment_names_are_made_safe(claimed: str, safe: str) -> None:
    assert files.safe_name(claimed) == safe


@given(st.text(max_size=400))
def test_any_name_is_safe(claimed: str) -> None:
    name = files.safe_name(claimed)
    assert name and "/" not in name and "\\" not in name and name != ".." and not name.startswith(".")
    assert len(name.encode()) <= files.MAX_NAME_BYTES + 10
    assert len(f"{files.slug(claimed)}.md".encode()) <= 110


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", "a\\b"])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadData):
        files.inside(tmp_path, path)


def test_no_link_leads_out(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "Email").symlink_to(tmp_path)
    with pytest.raises(BadData, match="link"):
        files.inside(tmp_path / "vault", "Email/x.md")


def test_an_atomic_write_leaves_the_old_content_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a" / "n.md"
    durable.write_atomic(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        durable.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["n.md"]


def test_an_invitation_says_its_time_by_the_users_own_clock_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meeting at 15:00 in Berlin is at 09:00 for a user in New York; both stand in the note."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    raw = (
        b"From: a@b.example\nSubject: Planning\nContent-Type: text/calendar; method=REQUEST\n\n"
        b"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Planning\nDTSTART;TZID=Europe/Berlin:20260714T150000\n"
        b"DTEND;TZID=Europe/Berlin:20260714T160000\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    message = parse(raw)
    body = to_note(Mail(message, split(message)), Filing(), Verdict()).note.body
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert "**When:** Tue, 14 Jul 2026 15:00–16:00 CEST; for you Tue, 14 Jul 2026 09:00 EDT" in body


def test_a_mail_that_is_one_picture_shows_it() -> None:
    """An HTML part with nothing but an inline image is shown in its place, not only listed below."""
    raw = (
        b"From: a@b.example\nSubject: Look\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n"
        b'<html><body><img src="cid:p1"></body></html>\n--x\nContent-Type: image/png; name=p.png\nContent-ID: <p1>\n'
        b"Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--x--\n"
    )
    message = parse(raw)
    body = to_note(Mail(message, split(message)), Filing(), Verdict()).note.body
    assert "_Look_files/p.png)" in body.split("## Attachments")[0]
    assert "Nothing to show" not in body


@pytest.mark.parametrize(
    ("front", "after"),
    [
        ("phone: [\n]\nrole: x\n", 'phone: "+32"\nrole: x\n'), ("phone:\n# work\n- 1\n# home\n- 2\nrole: x\n", 'phone: "+32"\nrole: x\n'),
        ("phone: # ask her\nrole: x # y\n", 'phone: "+32"  # ask her\nrole: x # y\n'), ("phone: [1,\n  2\n]\n\n# c\nz: 1\n", 'phone: "+32"\n\n# c\nz: 1\n'),
        ("a: |\n  phone: no\n", 'a: |\n  phone: no\nphone: "+32"\n'), ('"phone": 1\nx: 2\n', 'phone: "+32"\nx: 2\n'),
    ],
)  # fmt: skip
def test_a_value_ends_where_yaml_says(front: str, after: str) -> None:
    assert note.with_properties(f"---\n{front}---\nbody\n", {"phone": "+32"}) == f"---\n{after}---\nbody\n"


def _body(content: str, subject: str = "Ten trends", html: bool = True) -> str:
    """What stands below the header lines of a mail's note."""
    message = Message("0" * 64, 1, subject=subject, body=(Text(content, html=html),))
    return to_note(Mail(message, split(message)), Filing(), Verdict()).note.body


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("<h1>Ten trends</h1><p>The first.</p>", True),
        ("<h2><b>TEN</b> trends:</h2><p>The first.</p>", True),
        ("<p>Ten trends</p><p>The first.</p>", True),
        ("Ten trends\n\nThe first.", False),
        ("Ten  Trends\n==========\n\nThe first.", False),
    ],
)
def test_a_title_that_repeats_the_subject_stands_once(content: str, html: bool) -> None:
    assert _body(content, html=html) == "# Ten trends\n\nThe first.\n"


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("Ten trends", False),  # all that was written
        ("Ten trends\n\n-- \nAna", False),
        ("Ten trends\nin storage.", False),
        ("Ten trends, and one\n\nThe first.", False),
        ("<h1>🎉 Ten trends</h1><p>The first.</p>", True),
        ('<h1><a href="https://shop.example">Ten trends</a></h1><p>The first.</p>', True),
        ("<p>The first.</p><h1>Ten trends</h1><p>The second.</p>", True),
    ],
)
def test_no_word_of_an_author_is_lost_with_the_title(content: str, html: bool) -> None:
    assert _body(content, html=html).casefold().count("ten trends") == 2


def test_a_forwarded_mails_own_title_stands_once_too() -> None:
    inner = Message(
        "1" * 64, 1, subject="Ten trends", body=(Text("<h1>Ten trends</h1><p>The first.</p>", html=True),)
    )
    message = Message("0" * 64, 1, subject="Fwd: Ten trends", body=(Text("Look."), inner))
    body = to_note(Mail(message, split(message)), Filing(), Verdict()).note.body
    assert body.count("Ten trends") == 2
    assert "> **Subject:** Ten trends\n>\n> The first." in body
