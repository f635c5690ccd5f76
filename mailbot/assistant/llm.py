"""The model's client: one question, one answer of a known shape. Only this file and `llm_errors.py` import openai."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic
from urllib.parse import urlsplit

from pydantic import BaseModel

from mailbot.assistant.llm_errors import NotUnderstood, UnusableAnswer, errors_mapped, retrying
from mailbot.assistant.shape import FORMS, Answer, in_words, read
from mailbot.assistant.tokens import tokens
from mailbot.errors import BadData, MailbotError, ServerUnavailable

if TYPE_CHECKING:
    from openai import OpenAI


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
        return urlsplit(self.base_url).netloc


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
        messages: list[dict[str, str]] = [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ]
        spent_in = spent_out = 0
        for attempt in (1, 2):
            text = ""
            try:
                text, used_in, used_out = self._complete(model, messages, shape)
                if not (used_in or used_out):  # a server that does not count must not pass a budget by
                    used_in, used_out = sum(tokens(m["content"]) for m in messages), tokens(text)
                spent_in, spent_out = spent_in + used_in, spent_out + used_out
                return Answered(read(text, shape), model, spent_in, spent_out)
            except UnusableAnswer as error:  # cut off, refused, without a choice
                problem = error.what or str(error)
                spent_in, spent_out = spent_in + error.tokens_in, spent_out + error.tokens_out
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
            f"{self.endpoint.host}, model {model}: two unusable answers in a row ({problem})",
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
                if not self._step_down(str(error), asking):
                    raise ServerUnavailable(
                        f"{self.endpoint.host}, model {model}: the server refused the request: {error}"
                    ) from error

    def _step_down(self, said: str, asked: tuple[int, str]) -> bool:
        """Ask in an older way than was `asked`. False if there is none left. Several mails may learn of it at once."""
        form, limit_name = asked
        with self._lock:
            if self._asking != asked:
                return True
            if "max_completion_tokens" in said and limit_name == "max_tokens":
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
        try:
            reply = self._called(
                where,
                lambda client: client.embeddings.create(
                    model=model, input=list(texts), encoding_format="float"
                ),
            )
        except NotUnderstood as error:
            raise BadData(f"{where}: the server refused to make vectors: {error}") from error
        made = [list(map(float, d.embedding)) for d in sorted(reply.data, key=lambda d: d.index)]
        if len(made) != len(texts):
            raise UnusableAnswer(f"{where}: the server returned {len(made)} vectors for {len(texts)} texts")
        return made, int(getattr(reply.usage, "total_tokens", 0) or 0)

    def _where(self, model: str) -> str:
        return f"{self.endpoint.host}, model {model}"

    def _called(self, where: str, call: Callable[[OpenAI], Any]) -> Any:
        """What a call to the server gives, tried again where that may help."""
        with errors_mapped(where, self.endpoint.timeout):
            return retrying(self.endpoint.retries)(call, self._openai())

    def _openai(self) -> OpenAI:
        if self._client is None:
            import openai

            for name in ("openai", "httpx", "httpx2", "httpcore"):
                logging.getLogger(name).setLevel(
                    logging.WARNING
                )  # below that they log requests, and with them mail text
            self._client = openai.OpenAI(
                base_url=self.endpoint.base_url,
                api_key=self.endpoint.api_key(),
                timeout=self.endpoint.timeout,
                max_retries=0,
            )
        return self._client


def _text_of(reply: Any, where: str) -> tuple[str, int, int]:
    """(text, tokens in, tokens out) of a completion. Raises UnusableAnswer if it is not whole."""
    usage = getattr(reply, "usage", None)
    used = int(getattr(usage, "prompt_tokens", 0) or 0), int(getattr(usage, "completion_tokens", 0) or 0)
    choices = getattr(reply, "choices", None)
    if not choices:
        raise UnusableAnswer(f"{where}: an answer without a choice", *used, what="an answer without a choice")
    choice = choices[0]
    if choice.finish_reason == "length":
        raise UnusableAnswer(
            f"{where}: the answer was cut off; raise `llm.max_output_tokens`",
            *used,
            what="the answer was too long and was cut off; raise `llm.max_output_tokens`",
        )
    if choice.finish_reason == "content_filter" or getattr(choice.message, "refusal", None):
        raise UnusableAnswer(
            f"{where}: the model refused to answer", *used, what="the model refused to answer"
        )
    return choice.message.content or "", *used
