"""The model that drafts, if there is to be one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mailbot.assistant.local_models import LocalServer, local_servers, models_of
from mailbot.errors import ConfigError
from mailbot.http import is_here
from mailbot.settings import Llm
from mailbot.sync.checks import model as checks
from mailbot.sync.setup.keeping import Kept, ask_secret
from mailbot.sync.setup.person import Person, given
from mailbot.sync.setup.trial import told

OPENAI = "https://api.openai.com/v1"
SUGGESTED = "gpt-4.1"
KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model: `setting` is what accounts.yaml says of it, empty for none; `kept` its key, if that is to be written."""

    setting: dict[str, Any]
    kept: Kept | None = None


def ask_model(person: Person, folder: Path) -> Chosen:
    """Ask which model is to draft: one on this machine, one behind a key in the environment, one by its address, or none. It is
    asked a test question, and given up if it does not answer and the user says so."""
    while True:
        chosen = _asked(person, folder)
        if not chosen.setting or _answers(person, chosen):
            return chosen
        if person.agrees("keep-model", "Save it anyway?", default=False):
            return chosen
        if not person.there():
            raise ConfigError("the model does not answer (see above); nothing was kept")


def _asked(person: Person, folder: Path) -> Chosen:
    url = person.ask("model-url", "", lambda t: _base_url(t) if t not in ("", "none") else t, "")
    if url == "none":
        return Chosen({})
    if url:
        return _at(person, url, folder)
    servers = local_servers() if person.there() else []
    ways = [(s.name.casefold().replace(" ", "-"), f"{s.name} on this machine ({_named(s)})") for s in servers]
    if os.environ.get(KEY):
        ways.append(("openai", f"OpenAI, with the key in ${KEY}"))
    ways += [
        ("address", "a server, by its address"),
        ("none", "no model: drafts are outlines of the questions and the notes that may answer them"),
    ]
    way = person.choose(
        "model-from", "Which model should write drafts?", ways, ways[0][0] if len(ways) > 2 else "none"
    )
    if way == "none":
        return Chosen({})
    if way == "openai":
        return Chosen({"base_url": OPENAI, "model": _name(person, (SUGGESTED,)), "api_key": {"env": KEY}})
    if way == "address":
        url = person.ask("model-url", "Its address, such as https://api.example.com/v1", _base_url)
        return _at(person, url, folder)
    server = next(s for s, (word, _) in zip(servers, ways, strict=False) if word == way)
    return Chosen({"base_url": server.base_url, "model": _name(person, server.models)})


def _at(person: Person, url: str, folder: Path) -> Chosen:
    models = models_of(url)  # without a key: most servers on this machine or in the house tell them
    setting = {"base_url": url, "model": _name(person, models)}
    asked = any(person.ask(f"api-key-{kind}", "", str, "") for kind in ("file", "command", "env"))
    if not asked and (
        models or not person.agrees("api-key", "Does it need an API key?", default=not is_here(url))
    ):
        return Chosen(setting)
    kept = ask_secret(person, "api-key", "llm-api-key", folder)
    return Chosen({**setting, "api_key": kept.setting}, kept)


def _named(server: LocalServer) -> str:
    return ", ".join(server.models[:3]) + (" …" if len(server.models) > 3 else "")


def _name(person: Person, models: tuple[str, ...]) -> str:
    if len(models) > 1:
        person.say("It has: " + ", ".join(models))
    return person.ask("model", "Model", given, models[0] if models else None)


def _base_url(text: str) -> str:
    try:
        return Llm(base_url=given(text), model="x").base_url
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from error


def _answers(person: Person, chosen: Chosen) -> bool:
    """Ask the test question."""
    setting = {k: v for k, v in chosen.setting.items() if k != "api_key"}
    key = chosen.kept.value if chosen.kept else os.environ.get(KEY) if chosen.setting.get("api_key") else None
    person.say("  A short test question is asked (it may cost a fraction of a cent)…")
    found = list(told(person, checks.model(Llm.model_validate(setting), key=key)))
    return not any(c.level == "wrong" for c in found)
