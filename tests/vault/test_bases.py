"""The views for Obsidian."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mailbot.vault.bases import DRAFTS, MAIL, PERSON_EMBED, bases
from tests.conftest import ROOT
from tests.vault.bases_format import BadBase, check, rows


@pytest.mark.parametrize("folder", ["Email", "Post/E-Mail", "O'Neil, Mails & more"])
@pytest.mark.parametrize("path", [MAIL, DRAFTS])
def test_a_base_is_of_the_documented_format(path: str, folder: str) -> None:
    text = bases(folder)[path]
    check(text)
    assert "&id" not in text and "*id" not in text  # plain to read, and to edit


@pytest.mark.parametrize(
    "damage",
    [
        ("file.inFolder", "file.inFolders"), ("note.type ==", "note.type ="), ("formula.mail", "formula.male"), ("type: table", "type: tables"),
        ("views:", "view:"), ("direction: DESC", "direction: down"), ("filters:", "filter:"), ("file.asLink(note.title)", "file.asLink(note.title"),
        ("file.hasLink(this.file)", "file.hasLink(that.file.name.x)"),
    ],
)  # fmt: skip
def test_the_check_can_fail(damage: tuple[str, str]) -> None:
    text = bases("Email")[MAIL]
    assert damage[0] in text
    with pytest.raises((BadBase, yaml.YAMLError)):
        check(text.replace(*damage))


@pytest.fixture(scope="module")
def demo_vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    subprocess.run(
        [sys.executable, "-m", "mailbot", "demo", "--into", str(folder)],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    return folder / "vault"


@pytest.mark.pymap
def test_in_the_demo_each_view_lists_what_it_should(demo_vault: Path) -> None:
    mail, drafts = (check((demo_vault / path).read_text()) for path in (MAIL, DRAFTS))
    to_answer = rows(mail, "To answer", demo_vault)
    assert {r["note.disposition"] for r in to_answer} == {"reply"} and len(to_answer) == 2
    newest = rows(mail, "Newest", demo_vault)
    assert len(newest) == 6 and [str(r["note.date"]) for r in newest] == sorted(
        (str(r["note.date"]) for r in newest), reverse=True
    )
    of_ana = rows(mail, "Person", demo_vault, this="People/Ana Ruiz/README.md")
    assert len(of_ana) == 1 and "Storage evaluation" in of_ana[0]["formula.mail"]
    of_louis = rows(mail, "Person", demo_vault, this="People/Louis Martin/README.md")
    assert len(of_louis) == 3  # two from him, and one that he had a copy of
    assert (demo_vault / "People" / "Louis Martin" / "README.md").read_text().count(PERSON_EMBED) == 1
    lanes = rows(drafts, "By lane", demo_vault)
    assert len(lanes) == 2 and {r["note.status"] for r in lanes} == {"draft"}
    assert rows(drafts, "Wants a decision", demo_vault) == []


@pytest.mark.pymap
def test_in_the_demo_every_property_has_one_type(demo_vault: Path) -> None:
    """As Obsidian tells types: by how a value is written."""
    types: dict[str, set[str]] = {}
    for path in sorted((demo_vault / "Email").rglob("*.md")):
        front = path.read_text(encoding="utf-8").split("\n---", 1)[0].removeprefix("---\n")
        for line in front.split("\n"):
            name, _, value = line.partition(": ")
            if value in ("", '""', "[]", "null"):
                continue
            kind = (
                "list" if value.startswith("[") else
                "datetime" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value) else
                "number" if re.fullmatch(r"-?\d+(\.\d+)?", value) else
                "checkbox" if value in ("true", "false") else "text"
            )  # fmt: skip
            types.setdefault(name, set()).add(kind)
    # `to` is the one exception: a list in mails, and text in drafts, as the user's own format of drafts has it.
    assert {name for name, kinds in types.items() if len(kinds) > 1} <= {"to"}
    assert types["date"] == {"datetime"} and types["date_exact"] == {"text"}


@pytest.mark.pymap
def test_a_base_is_written_once_and_never_again(demo_vault: Path, tmp_path: Path) -> None:
    vault = tmp_path / "v"
    (vault / "Mailbot").mkdir(parents=True)
    (vault / MAIL).write_text("mine")
    settings = tmp_path / "accounts.yaml"
    settings.write_text(
        yaml.safe_dump(
            {
                "vault": str(vault),
                "email_folder": "Post",
                "accounts": [
                    {
                        "name": "a",
                        "address": "a@b.example",
                        "imap": {"host": "x.example", "port": 993},
                        "password": {"env": "X"},
                    }
                ],
            }
        )
    )
    run = [sys.executable, "-m", "mailbot", "--config", str(settings), "views"]
    assert (
        subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT).stdout
        == f"made: {DRAFTS}\n"
    )
    assert (
        subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT).stdout
        == f"there already: {MAIL}, {DRAFTS}\n"
    )
    assert (vault / MAIL).read_text() == "mine" and 'inFolder("Post/Drafts")' in (vault / DRAFTS).read_text()
    assert PERSON_EMBED == "![[Mail.base#Person]]" and "Person" in [
        v["name"] for v in check(bases("Email")[MAIL])["views"]
    ]
