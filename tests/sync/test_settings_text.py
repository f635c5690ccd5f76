"""accounts.yaml, made and added to as text."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.errors import ConfigError
from mailbot.sync.setup.settings_text import new_file, with_account

ACCOUNT: dict[str, Any] = {
    "name": "new", "address": "jo@example.com", "display_name": "Jo: \"V\" #1", "imap": {"host": "x.example", "port": 993, "security": "tls"},
    "oauth": {"provider": "google", "client_id": "1", "client_secret": {"file": "~/x"}}, "fetch": "unseen", "since": date(2026, 11, 1),
    "signature": "Jo\n\n  indented: yes\nAcme # 1",
}  # fmt: skip
TODAY = date(2026, 11, 26)


def test_a_new_file_says_what_was_answered() -> None:
    text = new_file(
        {
            "vault": "/home/jo/My: Vault",
            "llm": {"base_url": "http://x", "model": "m", "api_key": {"env": "K"}},
        },
        ACCOUNT,
        TODAY,
    )
    said = yaml.safe_load(text)
    assert said == {
        "vault": "/home/jo/My: Vault",
        "llm": {"base_url": "http://x", "model": "m", "api_key": {"env": "K"}},
        "accounts": [ACCOUNT],
    }
    assert text.startswith("# The settings of mailbot, written by `mailbot init` on 2026-11-26.")


@pytest.mark.parametrize(
    "before",
    [
        "vault: x\naccounts:\n- name: a\n",
        "vault: x\naccounts:\n  - name: a\n    # end of a\n\n# what follows\nllm: {model: m}\n",
        "accounts:\n    - name: a\n      signature: |\n        A\n\n        B\n",
        "accounts:\n  -   name: a\n      address: b\nvault: x",
        "# c\r\naccounts:\r\n  - name: a\r\n  - name: b\r\nvault: x\r\n",
        "accounts:\n  - {name: a, imap: {host: h}}\n  - {name: b}   # last\n\n\n",
        "accounts: # all\n  - name: a\n    x: [1,\n      2]\nvault: y\n",
    ],
)
def test_an_account_is_added_and_nothing_else_touched(before: str) -> None:
    after = with_account(before, ACCOUNT, Path("accounts.yaml"))
    said = yaml.safe_load(after)
    assert said["accounts"] == [*yaml.safe_load(before)["accounts"], ACCOUNT]
    kept = iter(after.splitlines())
    assert all(line in kept for line in before.splitlines())  # every line, in its order


@pytest.mark.parametrize(
    "before",
    [
        "vault: x\naccounts: [{name: a}]\n",
        "vault: x\n",
        "accounts:\n",
        "accounts: &x\n  - name: a\nothers: *x\n",
    ],
)
def test_what_cannot_be_added_to_is_left_alone_and_the_lines_are_shown(before: str) -> None:
    try:
        after = with_account(before, ACCOUNT, Path("accounts.yaml"))
    except ConfigError as error:
        assert "by hand" in str(error) and "- name: new" in str(error)
    else:
        assert yaml.safe_load(after)["others"] != yaml.safe_load(before)["others"]
        raise AssertionError(after)


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.lists(TEXTS, min_size=2, max_size=4))
def test_any_text_survives(name: str, secret: str, signature: list[str]) -> None:
    account = {
        "name": "a",
        "display_name": name,
        "password": {"command": ["pass", secret]},
        "signature": "\n".join(signature),
    }
    said = yaml.safe_load(new_file({"vault": name}, account, TODAY))
    assert said["vault"] == name and said["accounts"][0] == account
