"""What a model server may do, and what it may not: answers have a time, a size and a shape, and prompts one destination."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from pydantic import BaseModel

from mailbot import stopping
from mailbot.assistant import transport
from mailbot.assistant.budget import Budget, Day
from mailbot.assistant.host import proxy_for
from mailbot.assistant.llm import Endpoint, Model
from mailbot.assistant.models import Models, Served
from mailbot.errors import BudgetSpent, ConfigError, MailbotError, ServerUnavailable, TryAgain
from mailbot.http import host_of
from mailbot.settings import Limit
from tests.servers.model import ModelServer

PROMPT = "Dear Jo, the merger with Blue Ocean closes on Friday the twelfth."
KEY = "sk-live-0123456789abcdefghij"


class Shape(BaseModel):
    word: str = ""


def client(url: str, timeout: float = 5, retries: int = 0) -> Model:
    from mailbot.hearsay import confidence

    return Model(Endpoint(url, lambda: confidence.secret(KEY), timeout, retries))


def ask(model: Model, prompt: str = PROMPT) -> Any:
    try:
        return model.ask("m", "You answer.", prompt, Shape)
    finally:
        model.close()


def completion(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": '{"word": "yes"}'}
    whole = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }  # fmt: skip
    return {**whole, **changes}


def answering(body: object, status: int = 200, headers: dict[str, str] | None = None) -> ModelServer:
    text = body if isinstance(body, str) else json.dumps(body)
    return ModelServer(lambda _: (status, dict(headers or {}), text))


@contextmanager
def raw_server(act: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that reads a request and then does what it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    act(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with ModelServer() as other:
        with answering("", status, {"location": f"{other.url}/chat/completions"}) as server:
            with pytest.raises(ConfigError, match=r"points to 127\.0\.0\.1:\d+\. No redirect is followed"):
                ask(client(server.url, retries=2))
            assert len(server.requests) == 1
        assert other.requests == []


def test_nor_one_for_vectors() -> None:
    """The texts of the vault go nowhere else either."""
    with ModelServer() as other:
        head = f"HTTP/1.1 308 Permanent\r\nLocation: {other.url}/embeddings\r\nContent-Length: 0\r\n\r\n".encode()
        with raw_server(lambda c: c.sendall(head)) as url:
            model = client(url)
            with pytest.raises(ConfigError, match="No redirect is followed"):
                model.embed("e", [PROMPT])
            model.close()
        assert other.embedded == []


def drip(connection: socket.socket, head: bytes = b"", each: bytes = b" ") -> None:
    connection.sendall(head)
    for _ in range(200):
        connection.sendall(each)
        time.sleep(0.1)


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"],
    ids=["nothing", "the header", "the body"],
)  # fmt: skip
def test_a_whole_answer_has_a_time_whatever_drips(head: bytes) -> None:
    with raw_server(
        lambda c: drip(c, head, b"X: y\r\n" if head[-4:] == b"OK\r\n" else b" " if head else b"")
    ) as url:
        began = time.monotonic()
        with pytest.raises(ServerUnavailable, match="no answer within 1 s"):
            ask(client(url, timeout=1))
        assert time.monotonic() - began < 4


def test_a_run_that_is_to_end_waits_for_no_model() -> None:
    with ModelServer(lambda _: None) as server:
        threading.Timer(0.3, stopping.ask).start()
        began = time.monotonic()
        with pytest.raises(stopping.Stopped):
            ask(client(server.url, timeout=60))
        assert time.monotonic() - began < 2


def test_an_answer_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST", 100_000)
    with (
        answering(completion(padding="x" * 200_000)) as server,
        pytest.raises(ServerUnavailable, match="larger"),
    ):
        ask(client(server.url))


def packed(data: bytes, coding: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: " + coding +
        b"\r\nContent-Length: " + str(len(data)).encode() + b"\r\n\r\n" + data
    )  # fmt: skip


def test_also_after_decompression(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb is small on the way: it is unpacked no further than its bound."""
    monkeypatch.setattr(transport, "MOST", 1_000_000)
    bomb = gzip.compress(b" " * 500_000_000, 9)
    with raw_server(lambda c: c.sendall(packed(bomb, b"gzip"))) as url:
        with pytest.raises(ServerUnavailable, match="larger than"):
            ask(client(url))
    with raw_server(lambda c: c.sendall(packed(gzip.compress(gzip.compress(b"{}")), b"gzip, gzip"))) as url:
        with pytest.raises(ServerUnavailable, match="compressed, though"):
            ask(client(url))


def test_a_server_that_compresses_unasked_is_understood() -> None:
    body = gzip.compress(json.dumps(completion()).encode())
    with raw_server(lambda c: c.sendall(packed(body, b"gzip"))) as url:
        assert ask(client(url)).value == Shape(word="yes")


def message(content: object) -> dict[str, Any]:
    return completion(
        choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}]
    )


def test_an_answer_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": '{"word": '}, {"type": "text", "text": '"yes"}'}]
    with answering(message(parts)) as server:
        assert ask(client(server.url)).value == Shape(word="yes")


STRANGE: dict[str, object] = {
    "content a number": message(7),
    "content an object": message({"word": "yes"}),
    "content null": message(None),
    "content a list of numbers": message([1, 2]),
    "choices a number": completion(choices=7),
    "choices null": completion(choices=None),
    "choices an object": completion(choices={"0": 1}),
    "choices a list of numbers": completion(choices=[1]),
    "message null": completion(choices=[{"index": 0, "finish_reason": "stop", "message": None}]),
    "a list": "[1, 2]",
    "a number": "7",
    "nested 100,000 deep": "[" * 100_000,
    "nested in the content": message('{"word": ' * 100_000),
    "no JSON": "<html>nginx</html>",
    "nothing": "",
    "usage of text": completion(usage="much"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_an_answer_of_another_shape_costs_itself(what: str) -> None:
    """It is never `a bug in mailbot`, and its words say whose it was."""
    with answering(STRANGE[what]) as server:
        try:
            ask(client(server.url))
        except MailbotError as error:
            assert (error.exit_code, "127.0.0.1" in str(error)) == (69, True)
        assert len(server.requests) <= 2


@pytest.mark.parametrize(
    "vectors",
    [None, 7, [], [{"index": 0}], [{"index": 0, "embedding": None}], [{"index": 0, "embedding": ["x"]}], [{"index": 0, "embedding": []}]],
)  # fmt: skip
def test_vectors_of_another_shape_too(vectors: object) -> None:
    body = json.dumps({"object": "list", "data": vectors, "model": "m", "usage": None}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(lambda c: c.sendall(head + body)) as url:
        model = client(url)
        with pytest.raises(ServerUnavailable):
            model.embed("e", ["text"])
        model.close()


@pytest.mark.parametrize("said", [-5, 0, 1, None, "7", [1], 10**30, 1e308, -1e308, True])
def test_a_budget_counts_at_least_what_is_estimated(said: object) -> None:
    """Usage below zero, or beyond all numbers, neither passes a budget nor ends the run."""
    usage = {"prompt_tokens": said, "completion_tokens": said, "total_tokens": said}
    with answering(completion(usage=usage)) as server:
        budget = Budget(Limit(tokens=300), Limit(), Day())
        models = Models([Served(client(server.url), {"draft": "m", "triage": "m"})], None, budget)
        answered = models.ask("draft", "You answer.", PROMPT * 30, Shape)
        assert 400 < answered.tokens_in + answered.tokens_out <= 20_000_000
        with pytest.raises(BudgetSpent):
            models.check()
        models.close()


@pytest.mark.parametrize("after", ["1e400", "inf", "999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "86401"])
def test_nobody_is_obeyed_who_wants_to_be_left_alone_for_years(after: str) -> None:
    with answering({"error": {"message": "busy"}}, 429, {"retry-after": after}) as server:
        with pytest.raises(TryAgain) as caught:
            ask(client(server.url))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after <= 86_400


@pytest.mark.parametrize("after", ["nan", "-7", "soon", ""])
def test_a_wait_that_is_none_is_no_wait(after: str) -> None:
    with answering({"error": {"message": "busy"}}, 429, {"retry-after": after}) as server:
        with pytest.raises(TryAgain) as caught:
            ask(client(server.url))
    assert not caught.value.retry_after


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429, 500, 503])
@pytest.mark.parametrize("quoting", ["json", "text", "escaped", "html"])
def test_no_error_repeats_the_prompt_or_the_key(status: int, quoting: str) -> None:
    said = f"cannot do this with key {KEY}: {PROMPT}"
    body = {
        "json": json.dumps({"error": {"message": said, "type": "x", "param": None, "code": None}}),
        "text": said,
        "escaped": json.dumps({"detail": [{"input": said.replace(" ", "\\n")}]}),
        "html": f"<html><body>{said.replace(' ', '&#32;')}</body></html>",
    }[quoting]
    with answering(body, status) as server, pytest.raises(MailbotError) as caught:
        ask(client(server.url))
    for part in ("merger", "Blue Ocean", "0123456789"):
        assert part not in str(caught.value)


def test_a_base_url_with_a_password_is_named_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host_of("https://jo:hunter2@llm.example:8443/v1") == "llm.example:8443"
    monkeypatch.setenv("https_proxy", "http://jo:hunter2@proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_for("https://llm.example/v1") == "proxy.example:3128"
    assert proxy_for("https://inside.example/v1") == ""
    assert proxy_for("http://llm.example/v1") == ""


def test_no_error_repeats_the_texts_that_vectors_were_asked_for() -> None:
    body = json.dumps({"error": {"message": f"cannot embed: {PROMPT}"}}).encode()
    head = b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(lambda c: c.sendall(head + body)) as url:
        model = client(url)
        with pytest.raises(MailbotError) as caught:
            model.embed("e", [PROMPT])
        model.close()
    assert "merger" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://[::1", "foo://x", "http://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_named_as_that(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    assert proxy_for("http://llm.example/v1")
    with pytest.raises(MailbotError) as caught:
        ask(client("http://llm.example/v1"))
    assert "bug" not in str(caught.value)
    assert "unusable" not in str(caught.value)


def test_what_the_environment_says_of_certificates_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(MailbotError) as caught:
        ask(client("https://127.0.0.1:9/v1"))
    assert "bug" not in str(caught.value)
