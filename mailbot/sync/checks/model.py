"""The model: whether it answers, understands a JSON schema, has room for a prompt, and what it costs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from mailbot import http
from mailbot.errors import MailbotError
from mailbot.settings import Llm, Secret, Settings
from mailbot.sync.checks.check import Check, failed, ok, warning, wrong
from mailbot.sync.session.models import client_of

FRAME = 4000
"""Tokens of a prompt beside the notes: the mail, the instructions, the thread."""
TEST = "Reply to this as the user would: “Are you free for lunch on Friday?”"


class Trial(BaseModel):
    """The shape of the answer to the test question."""

    reply: str


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test question went: seconds, tokens, and how the server takes a JSON schema (0: it understands it)."""

    seconds: float
    tokens_in: int
    tokens_out: int
    form: int


def models(settings: Settings) -> Iterator[Check]:
    """Ask a test question of every model that is configured."""
    llm = settings.llm
    if llm is None:
        yield ok("model", "", "none is configured: drafts are outlines")
    else:
        yield from model(llm)
        places = [(llm.base_url, llm.api_key, llm.model, llm.triage_model)]
        places += [(f.base_url, f.api_key, f.model, f.triage_model) for f in llm.fallbacks]
        for number, (base_url, key, name, triage) in enumerate(places):
            what = f"fallback {number}" if number else "model"
            for each in dict.fromkeys(
                ((name,) if number else ()) + ((triage,) if triage not in ("", name) else ())
            ):
                yield _answers(f"{what}: triage" if each != name else what, llm, base_url, key, each)
    yield from embeddings(settings)
    yield from reranker(settings)


def model(settings: Llm, key: str | None = None) -> Iterator[Check]:
    """Ask a test question of the model for drafts, and look at what is known of it. `key` is its key, if that is not to be had from
    where the settings say."""
    about = f"{settings.model} at {http.host_of(settings.base_url)}"
    try:
        tried = ask(settings, key)
    except MailbotError as error:
        yield failed("model", about, error)
        return
    yield ok(
        "model",
        about,
        f"answered in {tried.seconds:.1f} s ({tried.tokens_in} tokens in, {tried.tokens_out} out)",
    )
    if tried.form == 0:
        yield ok("model: JSON schema", about, "understood")
    else:
        yield warning(
            "model: JSON schema",
            about,
            "not understood by this server, so the shape of the answer is asked for in words",
            "drafts work, and some answers must be asked for twice",
        )
    yield _window(settings, about)
    yield _price(settings, about, tried)


def _answers(name: str, settings: Llm, base_url: str, key: Secret | None, model: str) -> Check:
    """Whether another model than the one for drafts answers."""
    about = f"{model} at {http.host_of(base_url)}"
    try:
        tried = ask(
            settings.model_copy(update={"base_url": base_url.rstrip("/"), "api_key": key, "model": model})
        )
    except MailbotError as error:
        return failed(name, about, error)
    return ok(name, about, f"answered in {tried.seconds:.1f} s")


def reranker(settings: Settings) -> Iterator[Check]:
    """Rank one text, if a reranker is configured."""
    if settings.rerank is None:
        return
    from mailbot.sync.session.search import opened_reranker

    about = settings.rerank.model or "this machine"
    try:
        with opened_reranker(settings) as opened:
            assert opened is not None
            opened.scores("a test", ["a text"])
    except MailbotError as error:
        yield failed("rerank", about, error)
    else:
        yield ok("rerank", about, "answers")


def ask(settings: Llm, key: str | None = None) -> Tried:
    """The test question. Raises what `Model.ask` raises."""
    model = client_of(settings, key)
    try:
        began = time.monotonic()
        answer = model.ask(settings.model, "You answer mail. Answer with a JSON object.", TEST, Trial)
        return Tried(time.monotonic() - began, answer.tokens_in, answer.tokens_out, model.form)
    finally:
        model.close()


def _window(settings: Llm, about: str) -> Check:
    needed = settings.context_tokens + settings.max_output_tokens + FRAME
    window = context_window(settings.base_url, settings.model)
    if not window:
        return ok("model: context", about, f"size unknown; mailbot may need up to {needed:,} tokens")
    if window >= needed:
        return ok("model: context", about, f"{window:,} tokens; mailbot may need up to {needed:,}")
    return warning(
        "model: context",
        about,
        f"{window:,} tokens; mailbot may need up to {needed:,}",
        f"set `llm.context_tokens` to {max(0, window - settings.max_output_tokens - FRAME)}, or give the server more",
    )


def context_window(base_url: str, name: str) -> int:
    """How many tokens a model takes, as far as its server says; 0 if it does not. vLLM and llama.cpp tell it in /v1/models, Ollama
    tells what the model could take, not what it was started with, and is not believed."""
    try:
        answer = http.get(f"{base_url.rstrip('/')}/models", timeout=5)
        rows = json.loads(answer.content).get("data", [])
        row: dict[str, Any] = next(r for r in rows if r.get("id") == name)
        meta = row.get("meta") or {}
        return int(row.get("max_model_len") or row.get("context_length") or meta.get("n_ctx") or 0)
    except (MailbotError, ValueError, TypeError, AttributeError, StopIteration):
        return 0


def _price(settings: Llm, about: str, tried: Tried) -> Check:
    price = settings.prices.get(settings.model)
    if price:
        cost = (tried.tokens_in * price.input + tried.tokens_out * price.output) / 1e6
        return ok("model: price", about, f"known; the test question cost {cost:.6f}")
    if http.is_here(settings.base_url):
        return ok("model: price", about, "none, it runs on this machine")
    if settings.budget.per_run.money or settings.budget.per_day.money:
        return wrong(
            "model: price",
            about,
            "not known, so the budget in money limits nothing",
            f"add {settings.model} to `llm.prices`",
            78,
        )
    return warning(
        "model: price",
        about,
        "not known, so `mailbot status` counts tokens only",
        f"add {settings.model} to `llm.prices`",
    )


def embeddings(settings: Settings) -> Iterator[Check]:
    """Make one vector, if vectors are configured."""
    wanted = settings.embeddings
    if wanted is None:
        return
    about = wanted.model or "this machine"
    try:
        if wanted.local:
            from mailbot.assistant import embedding

            folder = wanted.local.expanduser() if not isinstance(wanted.local, bool) else None
            size = len(
                embedding.local(folder, wanted.query_prefix, wanted.passage_prefix).embed(["a test"])[0]
            )
        else:
            from mailbot.sync.session import search

            model = search.client_of(wanted, settings.llm, "embeddings")
            try:
                vectors, _ = model.embed(wanted.model, ["a test"])
                size = len(vectors[0])
            finally:
                model.close()
    except MailbotError as error:
        yield failed("embeddings", about, error)
    else:
        yield ok("embeddings", about, f"vectors of {size} numbers")
