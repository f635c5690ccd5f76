"""The model's client against servers of the OpenAI kind, good and bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import BaseModel

from mailbot.assistant.llm import Answered, Endpoint, Model
from mailbot.assistant.llm_errors import UnusableAnswer
from mailbot.errors import AuthenticationFailed, ConfigError, ServerUnavailable, TryAgain
from tests.servers.model import Answer, ModelServer


class Shape(BaseModel):
    word: str
    number: int = 1


def ask(
    answer: Callable[[dict[str, Any]], Answer], **more: Any
) -> tuple[Answered[Shape], list[dict[str, Any]]]:
    with ModelServer(answer) as server:
        model = Model(Endpoint(server.url, lambda: "key", timeout=2, retries=1, **more))
        try:
            return model.ask("m", "system", "user", Shape), server.requests
        finally:
            model.close()


def test_a_schema_is_asked_for_and_tokens_are_counted() -> None:
    answered, (request,) = ask(lambda _: {"word": "yes", "number": 2})
    assert (answered.value, answered.tokens_in, answered.tokens_out) == (
        Shape(word="yes", number=2),
        1000,
        200,
    )
    schema = request["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["required"] == ["word", "number"]
    assert schema["schema"]["additionalProperties"] is False
    assert request["stream"] is False


@pytest.mark.parametrize("knows", ["json_object", "none"])
def test_servers_that_know_no_schema_are_asked_in_an_older_way(knows: str) -> None:
    def answer(request: dict[str, Any]) -> Answer:
        kind = request.get("response_format", {}).get("type", "none")
        if kind != knows and kind != "none":
            return 400, {}, '{"error": {"message": "response_format is not supported"}}'
        return {"word": "yes"}

    answered, requests = ask(answer)
    assert answered.value.word == "yes"
    assert "JSON schema" in requests[-1]["messages"][0]["content"]


def test_max_completion_tokens_is_used_where_the_server_wants_it() -> None:
    def answer(request: dict[str, Any]) -> Answer:
        if "max_tokens" in request:
            return (
                400,
                {},
                '{"error": {"message": "Unsupported parameter: use max_completion_tokens instead"}}',
            )
        return {"word": "yes"}

    _, requests = ask(answer)
    assert requests[-1]["max_completion_tokens"] == 2000
    assert requests[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    "text",
    [
        '<think>hm {"word": "no"}</think>{"word": "yes"}',
        '```json\n{"word": "yes"}\n```',
        'Sure! {"word": "yes"} Bye.',
        'I think {the sender} asks.\n</think>\n{"word": "yes"}',
        '{"word": "yes"}\nLet me know if {this} helps.',
        '<think>\n{"word": "yes"}',
    ],
)
def test_thinking_and_wrapping_are_taken_off(text: str) -> None:
    assert ask(lambda _: text)[0].value.word == "yes"


def test_a_wrong_shape_is_asked_again_once_with_what_was_wrong() -> None:
    answers = iter([{"number": "x"}, {"word": "yes"}])
    answered, requests = ask(lambda _: next(answers))
    assert answered.value.word == "yes"
    assert answered.tokens_in == 2000
    assert "word" in requests[1]["messages"][-1]["content"]
    with pytest.raises(UnusableAnswer, match="two unusable answers in a row") as caught:
        ask(lambda _: "no")
    assert caught.value.tokens_in == 2000


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((401, {}, '{"error": {"message": "bad key sk-x"}}'), AuthenticationFailed, "llm.api_key"),
        ((404, {}, '{"error": {"message": "no model"}}'), ConfigError, "llm.model"),
        ((429, {"retry-after": "3600"}, "{}"), TryAgain, "later run"),
        ((503, {}, "{}"), ServerUnavailable, "503"),
        ((200, {}, "<html>a proxy</html>"), ServerUnavailable, "m"),
        ((200, {}, '{"id": "x", "choices": []}'), UnusableAnswer, "without a choice"),
        (None, ServerUnavailable, "no answer within"),
    ],
)
def test_failures_say_what_happened_and_what_to_do(answer: Answer, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        ask(lambda _: answer)
    assert "127.0.0.1" in str(caught.value) and "model m" in str(caught.value)
    assert "sk-x" not in str(caught.value)


def test_5xx_is_tried_again() -> None:
    answers = iter([(500, {}, "{}"), {"word": "yes"}])
    assert ask(lambda _: next(answers))[0].value.word == "yes"  # type: ignore[arg-type, return-value]


def test_no_server_says_so() -> None:
    model = Model(Endpoint("http://127.0.0.1:1/v1", lambda: "key", timeout=1, retries=0))
    with pytest.raises(ServerUnavailable, match="cannot be reached"):
        model.ask("m", "s", "u", Shape)
    model.close()


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_cut_off_or_refused_answer_is_asked_for_once_more_with_what_was_wrong(reason: str) -> None:
    """Then it is left for the next run; what both cost is known."""
    with ModelServer() as server:
        server.finish_reason = reason
        model = Model(Endpoint(server.url, lambda: "none"))
        with pytest.raises(UnusableAnswer) as caught:
            model.ask("m", "s", "u", Shape)
        model.close()
    assert len(server.requests) == 2
    assert "was not usable" in server.requests[1]["messages"][-1]["content"]
    assert (caught.value.tokens_in, caught.value.tokens_out) == (2000, 400)


@pytest.mark.parametrize(
    "refused", ["response_format json_schema is not supported", "Use 'max_completion_tokens' instead"]
)
def test_several_that_are_asked_at_once_learn_together_what_a_server_knows(refused: str) -> None:
    """A step down is made once, not once for each that was refused."""
    ready = threading.Barrier(4, timeout=10)

    def answer(request: dict[str, Any]) -> Answer:
        old = (
            "max_tokens" in request
            if "max_" in refused
            else request.get("response_format", {}).get("type") == "json_schema"
        )
        if old:
            ready.wait()
            return 400, {}, json.dumps({"error": {"message": refused}})
        return {"word": "yes"}

    with ModelServer(answer) as server:
        model = Model(Endpoint(server.url, lambda: "none"))
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(model.ask, "m", "s", "u", Shape) for _ in range(4)]
            assert [a.result().value.word for a in asked] == ["yes"] * 4
        model.close()
    assert len(server.requests) == 8
    assert all("response_format" in r for r in server.requests)


def test_a_server_that_does_not_count_is_counted_for() -> None:
    said = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"word": "yes"}'}}]}  # fmt: skip
    answered = ask(lambda _: (200, {}, json.dumps(said)))[0]
    assert answered.tokens_in > 0
    assert answered.tokens_out > 0


def test_what_was_paid_before_a_failure_is_told() -> None:
    answers: Iterator[Answer] = iter(["no json", (503, {}, "{}"), (503, {}, "{}")])
    with pytest.raises(ServerUnavailable) as failed:
        ask(lambda _: next(answers))
    assert (failed.value.tokens_in, failed.value.tokens_out) == (1000, 200)
