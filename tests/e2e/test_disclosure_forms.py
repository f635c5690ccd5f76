"""What keeps a note back does so however it is written, and whoever else is at the vault: near enough is meant."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from mailbot.sync.commands import people
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import ROOT, MakeSettings, mail
from tests.e2e.test_disclosure import ASKED, FACT, Made, drafted, note
from tests.servers.dovecot import Dovecot
from tests.servers.model import DRAFT, TRIAGE, ModelServer, is_triage

pytestmark = pytest.mark.dovecot

CANARY = f"CANARY-7. {FACT}"
LOUIS = "title: Louis Meyer\nemail: louis@other.example"


@pytest.fixture
def made(dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path) -> Made:
    return dovecot, user, model, make_settings, vault


@pytest.mark.parametrize(
    ("properties", "rules"),
    [
        ("Private: true", {}), ("Tags: [secret]", {"private_tags": ["secret"]}), ("tag: secret", {"private_tags": ["secret"]}),
        ("Audience: internal", {"internal_domains": ["example.com"]}), (f"type: Person\n{LOUIS}", {}), (f"type: [person]\n{LOUIS}", {}),
        (f"type: '#person'\n{LOUIS}", {}), ("Person: '[[Louis Meyer]]'", {}), ("person: '[[Louis Meyer]]'\npeople: ['[[Louis Meyer]]']", {}),
        ("person: ['[[Louis Meyer]]', '[[Kim Lee]]']", {}), ("type: [Email]\nfrom: Louis <louis@other.example>\nto: [jo@example.com]", {}),
    ],
)  # fmt: skip
def test_properties_in_any_form(made: Made, properties: str, rules: dict[str, Any]) -> None:
    note(made[4], "Projects/Coding.md", properties, CANARY)
    assert "CANARY" not in drafted(*made, disclosure=rules)[0]


@pytest.mark.parametrize("before", ["```mailbot fetch``` runs it.", "    ```", "```md\n```js\n```"])
def test_a_tag_behind_odd_fences(made: Made, before: str) -> None:
    note(made[4], "Projects/Coding.md", "title: x", f"{before}\n\n{CANARY} #secret")
    assert "CANARY" not in drafted(*made, disclosure={"private_tags": ["secret"]})[0]


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("People/Louis Meyer/readme.md", f"type: people\n{LOUIS}"), ("People/Louis Meyer/Profile.md", f"type: people\n{LOUIS}"),
        ("People/Louis Meyer/README.md", "type: people\nrole: CEO: Europe"), ("People/Louis Meyer/README.md", "type: contact"),
        ("People/louis meyer.md", f"type: people\n{LOUIS}"),
    ],
)  # fmt: skip
def test_a_persons_folder_whatever_lies_in_it(made: Made, path: str, properties: str) -> None:
    note(made[4], path, properties, "x")
    note(made[4], "People/Louis Meyer/1-1.md", "title: talk", CANARY)
    assert "CANARY" not in drafted(*made)[0]


@pytest.mark.parametrize(
    ("path", "folder"),
    [("Contacts/Louis Meyer.md", "Contacts"), ("CRM/People/Louis Meyer/README.md", "CRM/People")],
)
def test_a_people_folder_of_ones_own(made: Made, path: str, folder: str) -> None:
    note(made[4], path, "email: louis@other.example", CANARY)
    assert "CANARY" not in drafted(*made, people_folder=folder)[0]


@pytest.mark.parametrize(
    ("on_disk", "said"),
    [
        ("Private", "private"),
        (unicodedata.normalize("NFD", "Persönlich"), "Persönlich"),
        ("Private", "./Private/"),
    ],
)
@pytest.mark.parametrize("how", ["exclude", "private_folders"])
def test_folders_in_any_spelling(made: Made, on_disk: str, said: str, how: str) -> None:
    note(made[4], f"{on_disk}/Coding.md", "title: x", CANARY)
    more: dict[str, Any] = (
        {"exclude": [said]} if how == "exclude" else {"disclosure": {"private_folders": [said]}}
    )
    assert "CANARY" not in drafted(*made, **more)[0]


def test_people_who_were_merged_twice(made: Made) -> None:
    dovecot, user, _, make_settings, vault = made
    for name in ("A A", "B B", "C C"):
        note(vault, f"People/{name}/README.md", f"type: people\ntitle: {name}", "x")
    note(vault, "Notes/A A/README.md", "type: people\ntitle: D D", "x")
    note(vault, "People/A A/1-1.md", "title: talk", CANARY)
    settings = make_settings(dovecot.port, user)
    people.merge(settings, "B B", "A A")
    people.merge(settings, "C C", "B B")
    assert "CANARY" not in drafted(*made)[0]


def test_a_merge_takes_nothing_out_of_a_private_folder(made: Made) -> None:
    dovecot, user, _, make_settings, vault = made
    note(vault, "Vaulted/Ana R.md", "type: people\nemail: ana@acme.example", CANARY)
    note(vault, "People/Ana Ruiz.md", "type: people\nemail: ana@home.example", "x")
    rules = {"private_folders": ["Vaulted"]}
    settings = make_settings(dovecot.port, user, disclosure=rules)
    people.merge(settings, "Ana Ruiz", "Ana R")
    found, _ = people.find(settings, "Ana R")
    assert found
    assert found.note == "People/Ana Ruiz.md"
    assert "CANARY" not in drafted(*made, disclosure=rules)[0]


@pytest.mark.parametrize("front", ["", "---\ntype: style\nprivate: true\n---\n"])
def test_a_style_note_is_no_source_and_may_be_private(made: Made, front: str) -> None:
    section = "" if front else "## To louis@other.example\n\n"
    (made[4] / "Mailbot").mkdir()
    (made[4] / "Mailbot/Style.md").write_text(
        f"{front}# How I write\n\n{section}{CANARY}\n", encoding="utf-8"
    )
    drafted(*made)
    assert "CANARY" not in str([r for r in made[2].requests if not is_triage(r)])


def test_a_search_beside_a_run_does_not_let_in_what_is_excluded(made: Made, tmp_path: Path) -> None:
    """`mailbot search --vault` knows no settings and fills the same index."""
    note(made[4], "Journal/Coding.md", "title: x", CANARY)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    beside = [sys.executable, "-m", "mailbot", "search", "benchmark", "--vault", str(made[4])]

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if not is_triage(request):
            return DRAFT
        found = subprocess.run(
            beside, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=elsewhere
        )
        assert "CANARY" in found.stdout
        return TRIAGE

    made[2].answer = answer
    assert "CANARY" not in drafted(*made, exclude=["Journal"])[0]


def test_somebody_who_names_a_mail_to_a_list_is_a_stranger(made: Made) -> None:
    dovecot, user, _, _, vault = made
    note(vault, "Projects/Coding.md", "title: x", CANARY)
    post = mail(
        "Hi list", sender=f"Jo <{user}>", to="list@lists.example", message_id="<post@jo>", subject="Hello"
    )
    dovecot.deliver(user, post, mailbox="Sent")
    prompt, _ = drafted(
        *made, known=False, sender="Eve <eve@evil.example>", headers="In-Reply-To: <post@jo>\n"
    )
    assert "CANARY" not in prompt


@pytest.mark.parametrize("private", [True, False])
def test_symbolic_links_are_not_followed(made: Made, tmp_path: Path, private: bool) -> None:
    vault = made[4]
    note(vault if private else tmp_path / "outside", "Vaulted/s.md", "title: x", CANARY)
    (vault / "link.md").symlink_to((vault if private else tmp_path / "outside") / "Vaulted/s.md")
    assert "CANARY" not in drafted(*made, disclosure={"private_folders": ["Vaulted"]})[0]


def test_what_is_kept_back_takes_nobodys_place(made: Made) -> None:
    """In a vault of mail most of what a search finds is the mail of others."""
    for n in range(12):
        note(
            made[4],
            f"Email/2026/10/{n}.md",
            "type: email\nfrom: Bo <bo@x.example>\nto: [jo@example.com]",
            ASKED,
        )
    note(made[4], "Projects/Bench.md", "title: Bench", CANARY)
    assert "CANARY" in drafted(*made)[0]


def test_two_of_one_name_at_a_provider_for_all_are_two(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    note(
        vault, "People/Ana Ruiz/README.md", "type: people\ntitle: Ana Ruiz\nemail: ana.ruiz@gmail.com", CANARY
    )
    before = (vault / "People/Ana Ruiz/README.md").read_bytes()
    earlier = mail("Hi", sender=f"Jo <{user}>", to="anaruiz77@gmail.com", message_id="<old@jo>")
    dovecot.deliver(user, earlier, mailbox="Sent")
    dovecot.deliver(
        user,
        mail(
            f"{ASKED}\n\n-- \nAna Ruiz\nTel: +44 20 7946 0958",
            sender="Ana Ruiz <anaruiz77@gmail.com>",
            to=user,
        ),
    )
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert "CANARY" not in str([r for r in model.requests if not is_triage(r)])
    assert (vault / "People/Ana Ruiz/README.md").read_bytes() == before
    assert report.people == ["People/Ana Ruiz (gmail.com)/README.md"]


def test_what_is_private_goes_to_no_server_for_its_vectors(made: Made) -> None:
    note(made[4], "Projects/Coding.md", "private: true", CANARY)
    note(made[4], "Projects/Open.md", "title: x", FACT)
    drafted(*made, embeddings={"model": "e"})
    assert not any("CANARY" in text for text in made[2].embedded)
    assert any(FACT in text for text in made[2].embedded)


def test_a_draft_that_tells_what_is_only_to_be_known_is_never_ready(made: Made) -> None:
    """The user's own note about the reader may shape the draft; what stands only there is not to be told."""
    note(
        made[4],
        "People/Ana Ruiz/README.md",
        "type: people\ntitle: Ana Ruiz\nemail: ana@acme.example",
        "The benchmark of storage: her ceiling is 41,300 euros.",
    )
    made[2].answer = lambda r: (
        TRIAGE if is_triage(r) else {"reply": "Hi Ana,\n\nthe benchmark of storage costs 41,300.\n\nJo", "reasoning": "",
            "claims": [{"text": "the benchmark of storage costs 41,300", "sources": ["S1", "S2", "S3", "S4"]}], "taken_up": [1, 2]}
    )  # fmt: skip
    _, draft = drafted(*made, text="What does the benchmark of storage cost?")
    assert "lane: check" in draft
    assert "tells Ana Ruiz what stands only in your own notes: 41,300" in draft
