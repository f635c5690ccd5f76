"""`mailbot backtest --rubric`: drafts of a scenario, by a scripted model, scored against its rubrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.errors import BadData
from mailbot.sync.commands.scenario import faults, worlds
from tests.conftest import ROOT, MakeSettings, mail
from tests.servers.model import ModelServer, is_triage

WORLD = """
name = "Jo Vermeer"
address = "jo@example.com"
[disclosure]
folders = { Reference = "customers" }
"""
RUBRIC = """
disposition = "reply"
language = "en"
closing = "Cheers,\\nJV"
[[needed]]
fact = "8+3"
note = "Reference/Coding.md"
words = ["8+3"]
[[forbidden]]
fact = "what Globex pays"
note = "Customers/Globex.md"
words = ["41,300"]
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    folder = tmp_path / "world"
    for path, text in {
        "world.toml": WORLD,
        "vault/Reference/Coding.md": "Erasure coding in the benchmark was 8+3.\n",
        "vault/Customers/Globex.md": "---\ntype: customer\n---\nThe erasure coding benchmark cost Globex 41,300.\n",
        "vault/People/Ana.md": "---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\n---\nStorage.\n",
        "inbox/01.toml": RUBRIC,
        "inbox/02.toml": 'disposition = "ignore"\n',
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "inbox" / "01.eml").write_bytes(mail())
    (folder / "inbox" / "02.eml").write_bytes(
        mail("Buy now.", subject="Offer", message_id="<m2@acme.example>")
    )
    (folder / "archive").mkdir()
    sent = mail("Hi Ana,\n\nthe numbers are in the sheet.\n\nCheers,\nJV", sender="Jo <jo@example.com>", to="ana@acme.example", message_id="<s@jo>")  # fmt: skip
    (folder / "archive" / "001.eml").write_bytes(sent)
    return folder


def play(request: dict[str, Any]) -> dict[str, Any]:
    prompt = request["messages"][1]["content"]
    if is_triage(request):
        return {"disposition": "ignore" if "Offer" in prompt else "reply", "reason": "x"}
    assert "41,300" not in prompt
    return {"reply": "Hi Ana,\n\nthe erasure coding was 8+3.\n\nBest regards", "reasoning": "x", "claims": [{"text": "the erasure coding was 8+3", "sources": ["S1", "S2", "S3"]}]}  # fmt: skip


def test_drafts_are_scored_by_the_rubric(
    world: Path, model: ModelServer, make_settings: MakeSettings, tmp_path: Path
) -> None:
    model.answer = play
    make_settings(1, "jo@example.com", llm=model.url)
    result = CliRunner().invoke(mailbot, ["--config", str(tmp_path / "accounts.yaml"), "backtest", "--rubric", str(world), "--json"])  # fmt: skip
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["disposition as the rubric says"] == "2 of 2"
    assert said["needed facts that the drafts say"] == "1 of 1"
    assert said["forbidden facts that the drafts say"] == "0"
    assert said["closing as the user closes"] == "1 of 1"
    assert said["ready: good by the rubric"] == "1 of 1"


def test_the_worlds_of_the_project_are_consistent() -> None:
    every = worlds(ROOT / "evals")
    assert [fault for world in every for fault in faults(world)] == []
    assert sum(len(w.cases) for w in every) == 75


def test_a_folder_without_a_world_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"no world\.toml"):
        worlds(tmp_path)
