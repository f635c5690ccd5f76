"""Model servers on this machine, found by asking the ports that they usually have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mailbot import http
from mailbot.errors import MailbotError
from mailbot.hearsay import one_line

USUAL = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080), ("vLLM", 8000))
TIMEOUT = 1.5
MOST = 50
"""Models of one server that are named."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that speaks OpenAI's API, and the names of its models."""

    name: str
    base_url: str
    models: tuple[str, ...]


def local_servers(usual: Sequence[tuple[str, int]] = USUAL) -> list[LocalServer]:
    """The servers that answer with a list of models, in the order of `usual`."""
    with ThreadPoolExecutor(len(usual) or 1) as pool:
        found = pool.map(lambda each: _asked(each[0], f"http://127.0.0.1:{each[1]}/v1"), usual)
        return [server for server in found if server.models]


def _asked(name: str, base_url: str) -> LocalServer:
    return LocalServer(name, base_url, models_of(base_url))


def models_of(base_url: str) -> tuple[str, ...]:
    """The models of a server that tells them without a key; none if it does not answer."""
    try:
        answer = http.get(f"{base_url.rstrip('/')}/models", timeout=TIMEOUT)
        rows = json.loads(answer.content)["data"]
        return tuple(one_line(str(row["id"]))[:100] for row in rows[:MOST])
    except (MailbotError, ValueError, LookupError, TypeError):
        return ()
