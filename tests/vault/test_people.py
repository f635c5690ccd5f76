"""Person notes: what mailbot may write in them, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.mail.display_name import full_name
from mailbot.mail.message import Address
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.signature import Details, details
from mailbot.sync.decide.correspondent import why_no_person, why_nobody
from mailbot.vault import note as notes
from mailbot.vault.encounter import Encounter
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.people import merged, new_note, new_path, person, stub, with_encounter
from mailbot.vault.read_back import party

MET = Encounter("2026-11-20", "Email/2026/11/a.md", role="Head of Storage", phone="+32 9 123 45 67")
USERS = """---
title: Ana Ruiz
email: ana@acme.example # the good one
role: CTO
tags: [people]
---
# Ana

My own words.

## Recent Context

- 2024-01-02: met at FOSDEM
- 2025-10-31: [[old mail]]

## Key Facts

Likes numbers.
"""


def test_a_users_note_gains_lines_and_loses_nothing() -> None:
    """Every line of the user's stands as it stood; a property that was filled is not touched."""
    text = with_encounter(USERS, MET, "ana@acme.example")
    missing = [line for line in USERS.split("\n") if line not in text.split("\n")]
    assert missing == []
    properties = notes.read(text).properties
    assert (properties["role"], properties["phone"], properties["last_contact"]) == (
        "CTO",
        "+32 9 123 45 67",
        "2026-11-20",
    )
    recent = text[text.index("## Recent Context") : text.index("## Key Facts")]
    assert recent.index("[[Email/2026/11/a]]") < recent.index("[[old mail]]")
    assert "phone: \\+32 9 123 45 67 (from the signature of [[Email/2026/11/a]])" in text
    assert "Head of Storage" not in text
    assert with_encounter(text, MET, "ana@acme.example") == text


def test_a_new_note_has_the_form_of_the_design() -> None:
    text = new_note("Ana Ruiz", "ana@acme.example", [MET])
    properties = notes.read(text).properties
    assert properties["auto_created"] is True
    assert properties["tags"] == ["people", "needs-review"]
    assert properties["enrichment_level"] == "signature"
    assert [line[3:] for line in text.split("\n") if line.startswith("## ")] == [
        "Profile", "Open Tasks", "Recent Context", "Key Facts", "Background", "Key Decisions", "Related Projects",
    ]  # fmt: skip
    assert "## Recent Context\n\n- 2026-11-20: [[Email/2026/11/a]]\n" in text


def test_the_newest_line_stands_first_and_none_is_taken_away() -> None:
    text = USERS
    for n in range(25):
        text = with_encounter(text, Encounter(f"2026-10-{n + 1:02}", f"m{n}.md"), "ana@acme.example")
    assert text.count(": [[") == 26
    assert "- 2024-01-02: met at FOSDEM" in text
    assert text.index("[[m24]]") < text.index("[[m23]]") < text.index("[[old mail]]")


@pytest.mark.parametrize(
    "name", ["Ana `= dv.x` [[x]] <b>", "A\n---\nprivate: false", "%% {{x}} <% y %>", "../../etc/passwd"]
)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    text = new_note(name, "a@b.example", [])
    assert notes.read(text).properties["type"] == "people"
    assert "private" not in notes.read(text).properties
    assert "[[x]]" not in text.replace("\\[\\[x]]", "").replace("[ [x", "")
    assert new_path("People", name, "a@b.example", []).count("/") == 2


def test_two_people_of_one_name_are_two_notes(tmp_path: Path) -> None:
    vault = tmp_path / "v"
    for path, text in {
        "People/Ana Ruiz/README.md": "---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\n---\n",
        "Contacts/Bo.md": "---\ntype: people\ntitle: Bo Lind\n---\n",
        "A.md": "---\ntype: people\ntitle: Cy Ek\nemail: c@one.example\n---\n",
        "B.md": "---\ntype: people\ntitle: Cy Ek\nemail: c@two.example\n---\n",
    }.items():
        (vault / path).parent.mkdir(parents=True, exist_ok=True)
        (vault / path).write_text(text)
    with Index(tmp_path / "i.sqlite", vault) as index:
        refresh(index)
        assert person(index, "ana@acme.example").path == "People/Ana Ruiz/README.md"  # type: ignore[union-attr]
        assert person(index, "ruiz@acme.example", "Ana Ruiz") is not None
        assert person(index, "ana@elsewhere.example", "Ana Ruiz") is None
        assert person(index, "bo@any.example", "Bo Lind").path == "Contacts/Bo.md"  # type: ignore[union-attr]
        assert person(index, "x@y.example", "Cy Ek") is None
        taken = [p.path for p in index.people()]
        assert (
            new_path("People", "Ana Ruiz", "ana@elsewhere.example", taken)
            == "People/Ana Ruiz (elsewhere.example)/README.md"
        )


def test_a_merge_keeps_what_both_knew_and_leads_on() -> None:
    other = (
        new_note("A. Ruiz", "ruiz@home.example", [Encounter("2026-11-22", "Email/b.md")])
        + "\nShe moved to Gent.\n"
    )
    text = merged(USERS, other, "[[People/A. Ruiz/README]]")
    properties = notes.read(text).properties
    assert properties["aliases"] == ["A. Ruiz"]
    assert properties["emails"] == ["ana@acme.example", "ruiz@home.example"]
    assert properties["last_contact"] == "2026-11-22"
    assert "[[Email/b]]" in text
    assert "She moved to Gent." in text
    assert "My own words." in text
    assert "[[People/Ana]]" in stub("[[People/Ana]]", "A. Ruiz")


@pytest.mark.parametrize(
    ("sender", "nobody"),
    [
        ("Ana Ruiz <ana@acme.example>", False), ("ana.ruiz@acme.example", False), ("Ruiz, Ana <ar@acme.example>", False),
        ("x17@acme.example", True), ("Ana Ruiz via Docs <drive@docs.example>", True), ("Ana (via Jira) <ana@acme.example>", True),
        ("News <no-reply@acme.example>", True), ("Bob <notifications@github.example>", True), ("Acme <info@acme.example>", True),
        ("GitHub <github@x.example>", True), ("Ana <support+12@x.example>", True), ("", True),
    ],
)  # fmt: skip
def test_only_people_are_people(sender: str, nobody: bool) -> None:
    message = parse(f"From: {sender}\nSubject: x\n\nHi\n".encode())
    assert bool(why_nobody(message.sender)) is nobody
    assert bool(why_no_person(message)) is nobody


@pytest.mark.parametrize(
    "header",
    [
        "List-Id: <x.y>",
        "Precedence: bulk",
        "Auto-Submitted: auto-replied",
        "List-Unsubscribe: <u>",
        "Reply-To: a@other.example",
    ],
)
def test_lists_programs_and_newsletters_are_no_people(header: str) -> None:
    assert why_no_person(parse(f"From: Ana Ruiz <ana@acme.example>\n{header}\n\nHi\n".encode()))


def test_names_as_they_are_said() -> None:
    assert full_name(Address("Ruiz, Ana", "a@b.c")) == "Ana Ruiz"
    assert full_name(Address('"Ana Ruiz (Acme)"', "a@b.c")) == "Ana Ruiz"
    assert full_name(Address("ana@b.c", "ana.ruiz@b.c")) == "Ana Ruiz"
    assert full_name(Address("", "info2@b.c")) == ""


def test_a_signature_tells_only_what_is_certain() -> None:
    ana = Address("Ana Ruiz", "ana@acme.example")
    block = "-- \nAna Ruiz\nHead of Storage, Acme NV\nTel: +32 9 123 45 67\nFax: +32 9 123 45 68\nhttps://acme.example"
    assert details(block, ana, "Ana Ruiz") == Details("Head of Storage", "Acme NV", "+32 9 123 45 67")
    assert details("Sent from my phone", ana, "Ana Ruiz") == Details()
    assert details("Louis Meyer\nCTO\nTel: +32 9 123 45 67", ana, "Ana Ruiz") == Details()
    assert details("Ana\nOrder 4711-0815-4242-1111-9999", ana, "Ana Ruiz") == Details()


def test_a_note_with_other_line_ends_keeps_them() -> None:
    text = with_encounter(USERS.replace("\n", "\r\n"), MET, "ana@acme.example")
    assert text.count("\r\n") == text.count("\n")
    assert text.count("My own words.") == 1
    assert text.replace("\r\n", "\n") == with_encounter(USERS, MET, "ana@acme.example")


def test_a_merge_opens_nothing_that_was_closed() -> None:
    """What the note that goes had: its private, draft and own properties; what differs stands below."""
    other = (
        "---\ntype: people\ntitle: B\nprivate: true\ndraft: never\nrole: COO\nbirthday: 05-01\n---\nSecret.\n"
    )
    text = merged(USERS, other, "[[B]]")
    properties = notes.read(text).properties
    assert (properties["private"], properties["draft"], properties["birthday"], properties["role"]) == (
        True,
        "never",
        "05-01",
        "CTO",
    )
    assert "- role: COO" in text


def test_a_quoted_name_is_no_address() -> None:
    assert party("ana.ruiz@x.example, x <evil@evil.example>") == (
        "ana.ruiz@x.example, x",
        "evil@evil.example",
    )
    assert party("Gomez, Eva <eva@x.example>") == ("Gomez, Eva", "eva@x.example")
    assert party("eva@x.example") == ("", "eva@x.example")


@pytest.mark.parametrize("word", ["yes", "1", "[true]"])
def test_a_merge_takes_any_word_for_private(word: str) -> None:
    kept = USERS.replace("role: CTO", "role: CTO\nprivate: false")
    text = merged(
        kept, f"---\ntype: people\ntitle: B\nprivate: {word}\naudience: [internal]\n---\nSecret.\n", "[[B]]"
    )
    assert notes.read(text).properties["private"] is True
    assert notes.read(text).properties["audience"] == "internal"
