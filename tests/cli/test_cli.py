"""The command line as a user meets it: its JSON, its errors, its documentation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mailbot import config
from mailbot.cli.main import COMMANDS, mailbot
from tests.conftest import ROOT, mail


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(mailbot, list(arguments), input=input)


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_explain_says_all_that_others_rely_on(tmp_path: Path, vault: Path) -> None:
    """The keys of `mailbot explain --json` are an interface."""
    folder = tmp_path / "mails"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.eml").write_bytes(
        mail("Hi,\n\nwhich erasure coding did you use?\n\n-- \nAna\n\nOn Fri, 20 Nov 2026, Jo wrote:\n> x")
    )
    (folder / "deep" / "b.eml").write_bytes(b"\xff\x00 not a mail at all")
    (folder / "c.txt").write_bytes(mail())
    said = lines(run("explain", str(folder), "--json", "--vault", str(vault)))
    assert [Path(str(s["path"])).name for s in said] == ["a.eml", "b.eml"]
    a, b = said
    assert list(a) == [
        "path", "message_id", "subject", "from", "to", "cc", "date", "newest_reply", "quoted", "signature", "attachments", "disposition", "decided_by",
        "reason", "defects", "note", "context", "withheld",
    ]  # fmt: skip
    assert a["from"] == {"name": "Ana Ruiz", "address": "ana@acme.example"}
    assert a["newest_reply"] == "Hi,\n\nwhich erasure coding did you use?"
    assert (a["disposition"], a["decided_by"], a["reason"]) == ("reply", "detector", "Contains question")
    assert a["context"][0]["note"] == "Projects/Storage Evaluation.md"  # type: ignore[index]
    assert set(a["context"][0]) == {"note", "heading", "score", "text", "use"}  # type: ignore[index]
    assert str(a["note"]).startswith("---\ntype: email\n")
    assert b["defects"]


def test_explain_changes_nothing_and_needs_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(mail())
    before = sorted(p for p in tmp_path.rglob("*"))
    assert lines(run("explain", str(path), "--json"))[0]["context"] == []
    assert sorted(p for p in tmp_path.rglob("*")) == before


def test_explain_uses_the_configured_addresses(tmp_path: Path, make_settings) -> None:  # type: ignore[no-untyped-def]
    make_settings(1, "ana@acme.example")
    path = tmp_path / "a.eml"
    path.write_bytes(mail())
    assert lines(run("explain", str(path), "--json"))[0]["reason"] == "You sent it yourself"


def test_explain_says_what_is_withheld_and_that_it_knows_no_strangers_yet(
    tmp_path: Path,
    vault: Path,
    make_settings,  # type: ignore[no-untyped-def]
) -> None:
    make_settings(1, "jo@example.com")
    path = tmp_path / "a.eml"
    path.write_bytes(mail("Hi Jo,\n\nwhich erasure coding did you use in the benchmark?\n\nAna"))
    (vault / "Benchmark.md").write_text(
        "Internal: erasure coding of the benchmark costs 0.04.", encoding="utf-8"
    )
    said = run("explain", str(path))
    assert "withheld: Benchmark.md: it is internal" in said.stdout
    assert "nobody is taken for a stranger here" in said.stderr


def test_search_on_a_bare_folder(vault: Path) -> None:
    assert lines(run("index", "--vault", str(vault), "--json")) == [
        {"notes": 1, "added": 1, "changed": 0, "removed": 0, "vectors": 0, "skipped": {}}
    ]
    (found,) = lines(run("search", "erasure coding", "--vault", str(vault), "--json"))
    assert found["query"] == "erasure coding"
    assert [set(h) for h in found["hits"]] == [{"note", "heading", "score", "text"}]  # type: ignore[attr-defined]
    many = lines(
        run("search", "-", "-k", "1", "--vault", str(vault), "--json", input="erasure\n\nnothing at all\n")
    )
    assert [(m["query"], len(m["hits"])) for m in many] == [("erasure", 1), ("", 0), ("nothing at all", 0)]  # type: ignore[arg-type]


def test_a_missing_configuration_says_what_to_do() -> None:
    result = run("fetch")
    assert result.exit_code == 78
    assert "accounts.example.yaml" in result.stderr


MISTAKES = """vault: /nowhere
emial_folder: x
llm: {model: m, api_key: sk-123}
drafts: {newer_than: soon}
accounts:
  - name: work
    address: jo
    imap: {host: mail.example.com, port: 99999, security: none}
    password: {env: X, file: /y}
    fetch: all
"""


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(MISTAKES)
    result = run("--config", str(path), "status")
    assert result.exit_code == 78
    for line, words in [
        (2, "did you mean `email_folder`"), (3, "a secret does not belong"), (4, "such as 7d"), (7, "such as jv@example.com"), (8, "port"),
        (9, "exactly one"), (10, "'unseen' or 'new'"),
    ]:  # fmt: skip
        assert any(f"line {line}:" in row and words in row for row in result.stderr.splitlines()), (
            line,
            words,
            result.stderr,
        )
    assert "sk-123" not in result.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no settings"),
        ("vault: [", "line 1"),
        ("- x", "no settings"),
        ("vault: x\naccounts: []", "accounts"),
    ],
)
def test_broken_files_are_explained(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = run("--config", str(path), "status")
    assert result.exit_code == 78
    assert says in result.stderr


def test_a_world_readable_secret_and_a_missing_one_are_refused(tmp_path: Path, make_settings) -> None:  # type: ignore[no-untyped-def]
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    with pytest.raises(config.ConfigError, match=r"line \d+: .*chmod 600"):
        make_settings(1, "jo@example.com", account={"password": {"file": str(secret)}})
    secret.chmod(0o600)
    make_settings(1, "jo@example.com", account={"password": {"file": str(secret)}})
    with pytest.raises(config.ConfigError, match="does not exist"):
        make_settings(1, "jo@example.com", account={"password": {"file": str(tmp_path / "none")}})


def test_a_vault_that_is_not_there_is_never_made_up(make_settings, vault: Path) -> None:  # type: ignore[no-untyped-def]
    make_settings(1, "jo@example.com")
    vault.rename(vault.with_name("elsewhere"))
    result = run("fetch")
    assert result.exit_code == 78
    assert "is not a folder" in result.stderr
    assert not vault.exists()


def test_the_example_settings_load_and_name_every_setting() -> None:
    text = (ROOT / "accounts.example.yaml").read_text()
    assert config.load(ROOT / "accounts.example.yaml").accounts[0].name == "work"
    for name in config.all_settings():
        assert f"{name.rpartition('.')[2]}:" in text, f"accounts.example.yaml does not show {name}"


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for name in config.all_settings():
        assert f"`{name}`" in text, f"docs/settings.md does not describe {name}"


def test_every_command_and_option_is_documented_and_has_an_example() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    context = click.Context(mailbot)
    for name in COMMANDS:
        command = mailbot.get_command(context, name)
        assert command is not None
        assert f"## mailbot {name}" in text
        assert command.help and "Example: mailbot" in (command.epilog or ""), name
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--"):
                    assert f"`{option}" in text[text.index(f"## mailbot {name}") :], f"{name} {option}"


def test_help_pays_for_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['mailbot', '--help']\nfrom mailbot.__main__ import main\ntry: main()\nexcept SystemExit: pass\nprint([m for m in ('openai', 'rich', 'pydantic', 'imapclient', 'yaml', 'mailparser', 'publicsuffixlist') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_registry_and_no_path_of_a_machine_stands_in_the_repository() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT)
    for name in tracked.stdout.split("\0")[:-1]:
        data = (ROOT / name).read_bytes()
        assert b"pypi" + b".org" not in data and b"/work" + b"/main" not in data, name


@pytest.mark.parametrize(("name", "at_least"), [("security", 50), ("providers", 60), ("reliability", 4)])
def test_every_promise_names_a_test_that_exists(name: str, at_least: int) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) >= at_least
    for path, test in named:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source, f"{path}::{test}"
    for table in re.findall(r"^\|.+held by \|\n\|[- |]+\n((?:\|.+\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            assert "`tests/" in row, row
