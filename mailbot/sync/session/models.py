"""The configured models, opened. The client is imported here, where it is first needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailbot.assistant.budget import Budget, Day
from mailbot.credentials import secret
from mailbot.settings import Llm, Secret

if TYPE_CHECKING:
    from mailbot.assistant.llm import Model
    from mailbot.assistant.models import Models


def client_of(llm: Llm, key: str | None = None) -> Model:
    """The client of the first server that is configured; close it after use. `key` counts in the place of the one that the settings
    name."""
    return _client(llm, llm.base_url, llm.api_key, key)


def _client(llm: Llm, base_url: str, key: Secret | None, known: str | None = None) -> Model:
    from mailbot.assistant.llm import Endpoint, Model

    # A local server asks for no key, the client for some text.
    called = (lambda: secret(key, "llm.api_key")) if key and known is None else (lambda: known or "none")
    return Model(Endpoint(base_url.rstrip("/"), called, llm.timeout, llm.retries, llm.max_output_tokens))


@contextmanager
def opened_models(settings: Llm | None, today: Day | None = None) -> Iterator[Models | None]:
    """The configured models, None if none is configured. `today` is what was spent since midnight."""
    if settings is None:
        yield None
        return
    from mailbot.assistant.models import Models, Served

    def served(base_url: str, key: Secret | None, draft: str, triage: str) -> Served:
        return Served(_client(settings, base_url, key), {"draft": draft, "triage": triage or draft})

    every = [served(settings.base_url, settings.api_key, settings.model, settings.triage_model)]
    every += [served(f.base_url, f.api_key, f.model, f.triage_model) for f in settings.fallbacks]
    models = Models(every, settings.prices, Budget(settings.budget.per_run, settings.budget.per_day, today))
    try:
        yield models
    finally:
        models.close()
