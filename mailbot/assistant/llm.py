"""The model's client: one question, one answer of a known shape. Only this file, `llm_errors.py` and `transport.py` import openai."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from pydantic import BaseModel

from mailbot import stopping
from mailbot.assistant.llm_errors import NotUnderstood, UnusableAnswer, errors_mapped, retrying
from mailbot.assistant.shape import FORMS, Answer, in_words, read
from mailbot.assistant.tokens import tokens
from mailbot.assistant.usage import believable, count
from mailbot.effect import Effect
from mailbot.errors import BadData, ConfigError, MailbotError, ServerUnavailable
from mailbot.hearsay import confidence
from mailbot.http import host_of

if TYPE_CHECKING:
    from openai import OpenAI


LONGEST = 1_000_000
"""Characters of an answer that are read: what is cut off is no JSON, and so of no use."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server of chat completions. `api_key` is called when it is needed."""

    base_url: str
    api_key: Callable[[], str]
    timeout: float = 120.0
    retries: int = 2
    max_output_tokens: int = 2000

    @property
    def host(self) -> str:
        return host_of(self.base_url)


@dataclass(frozen=True, slots=True)
class Answered(Generic[Answer]):
    """An answer, and what it cost."""

    value: Answer
    model: str
    tokens_in: int
    tokens_out: int
    cost: float = 0.0


class Model:
    """Speaks to one endpoint; safe to use from several threads at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._client: OpenAI | None = None
        self._asking = (0, "max_tokens")
        """Index into `FORMS`, and the name of the limit: what this server was found to understand."""
        self._lock = threading.Lock()

    @property
    def form(self) -> int:
        """Which of `FORMS` this server was found to understand."""
        return self._asking[0]

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def ask(self, model: str, system: str, user: str, shape: type[Answer]) -> Answered[Answer]:
        """Ask `model` for a JSON object of `shape`.

        An answer of the wrong shape is asked for once more, with what was wrong. Raises UnusableAnswer if that did
        not help or the answer was cut off; TryAgain where the server is throttling; AuthenticationFailed,
        ConfigError or ServerUnavailable as their names say. Each message names the host and the model.
        """
        confidence.text(system, user)
        messages: list[dict[str, str]] = [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ]
        spent_in = spent_out = 0
        for attempt in (1, 2):
            text = ""
            try:
                text, used_in, used_out = self._complete(model, messages, shape)
                asked = sum(tokens(m["content"]) for m in messages)
                spent_in += believable(used_in, asked)
                spent_out += believable(used_out, tokens(text))
                return Answered(read(text, shape), model, spent_in, spent_out)
            except UnusableAnswer as error:  # cut off, refused, without a choice
                problem = error.what or str(error)
                asked = sum(tokens(m["content"]) for m in messages)
                spent_in += believable(error.tokens_in, asked)
                spent_out += believable(error.tokens_out, 0)
            except ValueError as error:
                problem = str(error)
            except MailbotError as error:
                error.tokens_in, error.tokens_out = spent_in, spent_out
                raise
            if attempt == 1:
                messages += [
                    {"role": "assistant", "content": text[:4000] or "(nothing usable)"},
                    {
                        "role": "user",
                        "content": f"That was not usable: {problem}. Answer again, briefly, with one JSON object of the shape asked for and nothing else.",
                    },
                ]
        raise UnusableAnswer(
            f"{self.endpoint.host}, model {model}: two unusable answers in a row ({confidence.cleaned(problem)})",
            spent_in,
            spent_out,
        )

    def _complete(
        self, model: str, messages: list[dict[str, str]], shape: type[BaseModel]
    ) -> tuple[str, int, int]:
        while True:
            asking = self._asking
            try:
                return self._once(model, messages, shape, asking)
            except NotUnderstood as error:
                if not self._step_down(error, asking):
                    raise ServerUnavailable(
                        f"{self.endpoint.host}, model {model}: the server refused the request: {error}"
                    ) from error

    def _step_down(self, refused: NotUnderstood, asked: tuple[int, str]) -> bool:
        """Ask in an older way than was `asked`. False if there is none left. Several mails may learn of it at once."""
        form, limit_name = asked
        with self._lock:
            if self._asking != asked:
                return True
            if refused.wants_completion_tokens and limit_name == "max_tokens":
                self._asking = form, "max_completion_tokens"
            elif form + 1 < len(FORMS):
                self._asking = form + 1, limit_name
            return self._asking != asked

    def _once(
        self, model: str, messages: Any, shape: type[BaseModel], asking: tuple[int, str]
    ) -> tuple[str, int, int]:
        where = self._where(model)
        form, limit_name = asking
        options: dict[str, Any] = {
            limit_name: self.endpoint.max_output_tokens,
            **FORMS[form](shape),
        }
        if form:
            messages = [
                {**messages[0], "content": f"{messages[0]['content']}\n\n{in_words(shape)}"},
                *messages[1:],
            ]
        reply = self._called(
            where,
            lambda client: client.chat.completions.create(
                model=model,
                messages=messages,
                stream=False,
                **options,
            ),
        )
        return _text_of(reply, where)

    def embed(self, model: str, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """(a vector for each text, tokens used) from the server's /embeddings. Raises what `ask` raises, and BadData if the
        server is there and does not take these texts: one may be too long for the model."""
        where = self._where(model)
        confidence.text(*texts)
        try:
            reply = self._called(
                where,
                lambda client: client.embeddings.create(
                    model=model, input=list(texts), encoding_format="float"
                ),
            )
        except NotUnderstood as error:
            raise BadData(f"{where}: the server refused to make vectors: {error}") from error
        made = _vectors(reply, where)
        if len(made) != len(texts):
            raise UnusableAnswer(f"{where}: the server returned {len(made)} vectors for {len(texts)} texts")
        return made, count(reply, "total_tokens")

    def rerank(self, model: str, query: str, documents: Sequence[str]) -> list[float]:
        """How well each document answers a query, as the server's /rerank says; what it leaves out has the lowest score. Raises
        what `ask` raises, and BadData if the server is there and does not take these texts."""
        where = self._where(model)
        confidence.text(query, *documents)
        body = {"model": model, "query": query, "documents": list(documents), "top_n": len(documents)}
        try:
            reply = self._called(where, lambda client: client.post("/rerank", body=body, cast_to=object))
        except NotUnderstood as error:
            raise BadData(f"{where}: the server refused to rerank: {error}") from error
        return _relevances(reply, len(documents), where)

    def _where(self, model: str) -> str:
        return f"{self.endpoint.host}, model {model}"

    def _called(self, where: str, call: Callable[[OpenAI], Any]) -> Any:
        """What a call to the server gives, tried again where that may help. Each try has the endpoint's time for the whole."""
        seconds = self.endpoint.timeout
        with errors_mapped(where, seconds):
            client = self._openai()
            asked = retrying(self.endpoint.retries)
            with Effect.MODEL_ANSWERED:
                return asked(lambda: stopping.within(seconds, lambda: call(client)))

    def _openai(self) -> OpenAI:
        with self._lock:
            if self._client is None:
                self._client = self._opened()
            return self._client

    def _opened(self) -> OpenAI:
        import openai

        from mailbot.assistant.transport import Client

        for name in ("openai", "httpx", "httpx2", "httpcore"):
            # below that they log requests, and with them mail text
            logging.getLogger(name).setLevel(logging.WARNING)
        key = self.endpoint.api_key()
        try:
            http = Client(self.endpoint.timeout)
        except Exception as error:
            raise ConfigError(
                f"{self.endpoint.host}: the connection cannot be set up ({type(error).__name__}); check what your environment"
                " says of proxies (ALL_PROXY, HTTP_PROXY, HTTPS_PROXY, NO_PROXY) and of certificates (SSL_CERT_FILE)"
            ) from error
        return openai.OpenAI(base_url=self.endpoint.base_url, api_key=key, max_retries=0, http_client=http)


def _text_of(reply: Any, where: str) -> tuple[str, int, int]:
    """(text, tokens in, tokens out) of a completion. Raises UnusableAnswer if it is not whole, or of another shape than that of
    a completion: openai's client believes what a server sends."""
    used = count(reply, "prompt_tokens"), count(reply, "completion_tokens")
    choices = getattr(reply, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(first, "message", None)
    if message is None:
        raise UnusableAnswer(f"{where}: an answer without a choice", *used, what="an answer without a choice")
    finish = getattr(first, "finish_reason", None)
    if finish == "length":
        raise UnusableAnswer(
            f"{where}: the answer was cut off; raise `llm.max_output_tokens`",
            *used,
            what="the answer was too long and was cut off; raise `llm.max_output_tokens`",
        )
    if finish == "content_filter" or getattr(message, "refusal", None):
        raise UnusableAnswer(
            f"{where}: the model refused to answer", *used, what="the model refused to answer"
        )
    return _words(getattr(message, "content", None)), *used


def _words(content: object) -> str:
    """The text of a message: a text, or as some servers send it a list of parts. Nothing of any other shape."""
    if isinstance(content, list):
        parts = (p.get("text") if isinstance(p, dict) else getattr(p, "text", None) for p in content)
        return "".join(p for p in parts if isinstance(p, str))[:LONGEST]
    return content[:LONGEST] if isinstance(content, str) else ""


def _relevances(reply: Any, wanted: int, where: str) -> list[float]:
    """The scores of an answer in the order of the documents. Raises UnusableAnswer if there are none in it."""
    try:
        rows = reply["results"] if isinstance(reply, dict) else reply
        found = {int(r["index"]): float(r.get("relevance_score", r.get("score"))) for r in rows}
    except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UnusableAnswer(f"{where}: the answer holds no scores") from error
    if not found or not all(0 <= n < wanted and math.isfinite(score) for n, score in found.items()):
        raise UnusableAnswer(f"{where}: some of its scores are for no document, or are no numbers")
    lowest = min(found.values())
    return [found.get(n, lowest) for n in range(wanted)]


def _vectors(reply: Any, where: str) -> list[list[float]]:
    """The vectors of an answer, in order. Raises UnusableAnswer if there are none in it, or some are no numbers."""
    try:
        found = [list(map(float, d.embedding)) for d in sorted(reply.data, key=lambda d: d.index)]
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UnusableAnswer(f"{where}: the answer holds no vectors") from error
    if not all(vector and all(map(math.isfinite, vector)) for vector in found):
        raise UnusableAnswer(f"{where}: some of its vectors are empty or are no numbers")
    return found
