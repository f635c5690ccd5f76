"""The models: which servers, what they may cost, and vectors for the search."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from mailbot.settings.account import Secret
from mailbot.settings.kinds import Frozen, home


class Limit(Frozen):
    """The most that may be spent; what is not set has no limit."""

    tokens: int | None = Field(default=None, ge=0)
    money: float | None = Field(default=None, ge=0)
    """In the currency of `llm.prices`."""


class Budget(Frozen):
    """When it is spent no model is asked any more; notes are kept all the same."""

    per_run: Limit = Limit()
    per_day: Limit = Limit()


class Price(Frozen):
    """What a million tokens of a model cost."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Fallback(Frozen):
    """A server to be asked where the ones before it do not answer."""

    base_url: str = Field(pattern=r"^https?://[^\s/]+")
    model: str = Field(min_length=1)
    triage_model: str = ""
    api_key: Secret | None = None


class Llm(Frozen):
    """The model. Any server that speaks OpenAI's chat completions, a local one too."""

    base_url: str = "https://api.openai.com/v1"
    model: str = Field(min_length=1)
    triage_model: str = ""
    """For the decision whether a mail wants an answer; the model above where it is not set."""
    api_key: Secret | None = None
    timeout: float = Field(default=120, gt=0, le=3600)
    """Seconds that a whole answer may take."""
    concurrency: int = Field(default=4, ge=1, le=32)
    max_output_tokens: int = Field(default=2000, ge=100)
    context_tokens: int = Field(default=6000, ge=0)
    """How much of the vault a prompt may carry."""
    retries: int = Field(default=2, ge=0, le=10)
    fallbacks: tuple[Fallback, ...] = ()
    budget: Budget = Budget()
    prices: dict[str, Price] = Field(default_factory=dict)
    """By the name of the model."""

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not re.match(r"https?://[^\s/]+", value):
            raise ValueError("write a URL such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1")
        return value.rstrip("/")


class Rerank(Frozen):
    """A model that reads a question and a note together and says how well one answers the other: a server's /rerank, or an ONNX
    cross-encoder on this machine."""

    local: Path | None = None
    """A folder with model.onnx and tokenizer.json in it."""
    model: str = ""
    """The name of the server's reranking model."""
    base_url: str = ""
    """Where it is served; `llm.base_url` where it is not set."""
    api_key: Secret | None = None

    @model_validator(mode="after")
    def _one(self) -> Rerank:
        if bool(self.local) == bool(self.model):
            raise ValueError("write either `local: FOLDER` or `model: NAME`")
        if self.local and not home(self.local).is_dir():
            raise ValueError(f"{self.local} is not a folder with model.onnx and tokenizer.json in it")
        return self


class Embeddings(Frozen):
    """Vectors for the search, beside its words: from a model on this machine, or from a server's /embeddings."""

    local: bool | Path = False
    """true: the model of an installed package that is known; or a folder with model.onnx and tokenizer.json in it."""
    model: str = ""
    """The name of the server's embedding model, in the place of a local one."""
    base_url: str = ""
    """Where it is served; `llm.base_url` where it is not set."""
    api_key: Secret | None = None
    query_prefix: str = ""
    """What the model wants in front of a question, such as "query: "."""
    passage_prefix: str = ""
    """What it wants in front of a passage."""

    @model_validator(mode="after")
    def _one(self) -> Embeddings:
        if bool(self.local) == bool(self.model):
            raise ValueError("write either `local: true` (or a folder) or `model: NAME`")
        if isinstance(self.local, Path) and not home(self.local).is_dir():
            raise ValueError(f"{self.local} is not a folder with model.onnx and tokenizer.json in it")
        return self
