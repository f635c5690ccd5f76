"""The user's consent: who may answer, and what is made of an answer."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from mailbot.errors import AuthenticationFailed, ConfigError, ServerUnavailable, TryAgain
from mailbot.oauth import authorization
from mailbot.oauth.endpoints import Endpoints, endpoints
from mailbot.oauth.loopback import Loopback
from mailbot.oauth.token_endpoint import Refused, granted, refreshed, revoke
from mailbot.settings import OAuth
from tests.servers.authorization import AuthorizationServer

USER = "jo@example.com"


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with AuthorizationServer() as made:
        yield made


def where(server: AuthorizationServer) -> Endpoints:
    return endpoints(OAuth(**server.settings))


def consent(request: authorization.Asked, answer: str = "yes") -> None:
    body = urlencode({"user": USER, "answer": answer}).encode()
    urllib.request.urlopen(request.url, data=body).read()


def asked_of(listener: Loopback, path: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(listener.address.rstrip("/") + path) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_a_login_by_browser_gives_tokens(server: AuthorizationServer) -> None:
    with Loopback() as listener:
        request = authorization.asked(where(server), listener.address, USER)
        listener.expect(request)
        threading.Thread(target=consent, args=(request,)).start()
        tokens = authorization.exchanged(request, listener.code(10))
    assert server.owner(tokens.access) == USER and tokens.refresh.startswith("rt-")
    assert 3500 < tokens.expires - time.time() <= 3600


def test_favicons_preconnects_and_strangers_are_no_answer(server: AuthorizationServer) -> None:
    with Loopback() as listener:
        request = authorization.asked(where(server), listener.address, USER)
        listener.expect(request)
        port = urlsplit(listener.address).port
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
        got: list[str] = []
        waiting = threading.Thread(target=lambda: got.append(listener.code(10)))
        waiting.start()
        time.sleep(0.1)
        for path in ("/favicon.ico", "/", "/?code=theirs", "/?code=theirs&state=guessed", "/?error=access_denied&state=x", "/?state=" + "a" * 5000):  # fmt: skip
            status, _, headers = asked_of(listener, path)
            assert status == 404 and headers["Connection"] == "close"
        assert not got
        status, page, headers = asked_of(listener, f"/?code=mine&state={quote(request.state)}")
        waiting.join(5)
        assert (status, got) == (200, ["mine"])
        assert b"can close this window" in page and headers["Connection"] == "close"
        for connection in silent:
            connection.close()


def test_a_no_is_a_no(server: AuthorizationServer) -> None:
    with Loopback() as listener:
        request = authorization.asked(where(server), listener.address, USER)
        listener.expect(request)
        threading.Thread(target=consent, args=(request, "no")).start()
        with pytest.raises(Refused, match="access_denied"):
            listener.code(10)


def test_nobody_comes_back() -> None:
    with Loopback() as listener:
        made = authorization.asked(
            Endpoints("c", "https://x.example/t", "https://x.example/a"), listener.address
        )
        listener.expect(made)
        with pytest.raises(AuthenticationFailed, match="no answer came"):
            listener.code(0.3)


def test_the_server_checks_pkce_and_a_code_is_good_once(server: AuthorizationServer) -> None:
    request = authorization.asked(where(server), "http://127.0.0.1:9/", USER)
    code = _code(request)
    with pytest.raises(Refused, match="invalid_grant"):
        authorization.exchanged(replace(request, verifier="x" * 64), code)
    request = authorization.asked(where(server), "http://127.0.0.1:9/", USER)
    code = _code(request)
    authorization.exchanged(request, code)
    with pytest.raises(Refused, match="invalid_grant"):
        authorization.exchanged(request, code)


def _code(request: authorization.Asked) -> str:
    """The code that the browser carries back, read off the redirect."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    body = urlencode({"user": USER, "answer": "yes"}).encode()
    try:
        urllib.request.build_opener(Stay).open(request.url, data=body)
    except urllib.error.HTTPError as error:
        code = authorization.code_in(request, error.headers["location"])
        assert code
        return code
    raise AssertionError


def test_a_pasted_address_is_checked_as_any_other(server: AuthorizationServer) -> None:
    request = authorization.asked(where(server), "http://127.0.0.1:9/", USER)
    assert (
        authorization.code_in(request, f"http://127.0.0.1:9/?state={request.state}&code=abc&scope=x") == "abc"
    )
    for other in (
        "",
        "abc",
        "http://[",
        f"http://127.0.0.1:9/?state={request.state}",
        "http://127.0.0.1:9/?code=abc&state=%ff",
    ):
        assert authorization.code_in(request, other) is None


def test_a_confidential_client_shows_its_secret() -> None:
    with AuthorizationServer(secret="s3cret-of-the-client") as server:
        request = authorization.asked(where(server), "http://127.0.0.1:9/", USER)
        tokens = authorization.exchanged(request, _code(request), "s3cret-of-the-client")
        assert refreshed(where(server), "s3cret-of-the-client", tokens).refresh != tokens.refresh
        with pytest.raises(Refused, match="invalid_client"):
            refreshed(where(server), "another", tokens)


def test_the_request_says_what_providers_want() -> None:
    google = authorization.asked(
        endpoints(OAuth(provider="google", client_id="id")), "http://127.0.0.1:9/", USER
    )
    said = parse_qs(urlsplit(google.url).query)
    assert said["scope"] == ["https://mail.google.com/"] and said["code_challenge_method"] == ["S256"]
    assert (said["access_type"], said["prompt"], said["login_hint"]) == (["offline"], ["consent"], [USER])
    microsoft = endpoints(OAuth(provider="microsoft", client_id="id", tenant="acme.example"))
    assert microsoft.redirect_host == "localhost" and "/acme.example/" in microsoft.token_url
    assert "offline_access" in microsoft.scopes and microsoft.device_url
    with pytest.raises(ConfigError, match="device flow"):
        authorization.device(endpoints(OAuth(provider="google", client_id="id")))
    with pytest.raises(ConfigError, match="https"):
        endpoints(
            OAuth(client_id="id", token_url="http://example.com/t", authorize_url="https://example.com/a")
        )


def test_the_device_flow_waits_for_the_code(server: AuthorizationServer) -> None:
    begun = authorization.device(where(server))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            server.granted[begun.code] = (USER, True)

    tokens = authorization.device_tokens(where(server), begun, pause=pause)
    assert server.owner(tokens.access) == USER and pauses == [1, 1, 1]


def test_a_device_that_is_refused_too_late_or_too_eager(server: AuthorizationServer) -> None:
    begun = authorization.device(where(server))
    server.granted[begun.code] = (USER, False)
    with pytest.raises(Refused, match="access_denied"):
        authorization.device_tokens(where(server), begun, pause=lambda _: None)
    begun = authorization.device(where(server))
    server.devices[begun.device_code].expires = 0
    with pytest.raises(Refused, match="expired_token"):
        authorization.device_tokens(where(server), begun, pause=lambda _: None)
    begun = authorization.device(where(server))
    answers = iter([(400, '{"error":"slow_down"}'), (503, ""), (400, '{"error":"authorization_pending"}')])
    server.fails = lambda path: next(answers, None) if path == "/token" else None
    server.granted[begun.code] = (USER, True)
    pauses: list[float] = []
    authorization.device_tokens(where(server), begun, pause=pauses.append)
    assert pauses == [1, 6, 12, 12]


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (
            200,
            '{"access_token":"at-1","token_type":"Bearer","expires_in":60}',
            AuthenticationFailed,
            "no refresh token",
        ),
        (200, "no json", ServerUnavailable, "no token"),
        (200, "[1]", ServerUnavailable, "no token"),
        (200, '{"access_token":"' + "a" * 30000 + '","refresh_token":"x"}', ServerUnavailable, "no token"),
        (200, "x" * 2_000_000, ServerUnavailable, "larger than"),
        (302, "", ServerUnavailable, "points elsewhere"),
        (429, "", TryAgain, "asks to wait"),
        (500, "{}", ServerUnavailable, "fails"),
        (
            400,
            json.dumps({"error": "invalid_grant", "error_description": "\x1b[31mred"}),
            Refused,
            "invalid_grant",
        ),
    ],
)
def test_what_a_token_server_may_say(
    server: AuthorizationServer, status: int, body: str, error: type[Exception], says: str
) -> None:
    server.fails = lambda path: (status, body) if path == "/token" else None
    request = authorization.asked(where(server), "http://127.0.0.1:9/", USER)
    with pytest.raises(error, match=says) as told:
        authorization.exchanged(request, "code")
    assert "\x1b" not in str(told.value)


def test_another_scope_than_the_one_asked_for_is_no_failure(server: AuthorizationServer) -> None:
    body = json.dumps(
        {"access_token": "at-1", "refresh_token": "rt-1", "expires_in": "3600", "scope": "another thing"}
    )
    server.fails = lambda path: (200, body) if path == "/token" else None
    assert granted(where(server), "grant_type=x").access == "at-1"


def test_a_token_can_be_revoked(server: AuthorizationServer) -> None:
    tokens = server.issue(USER)
    assert revoke(where(server), "", authorization.Tokens(tokens.access, tokens.refresh))
    assert server.owner(tokens.access) == ""
    assert not revoke(replace(where(server), revoke_url=""), "", authorization.Tokens("a", "b"))


def test_what_is_for_this_machine_goes_through_no_proxy(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(Refused, match="invalid_grant"):
        granted(
            where(server),
            "grant_type=authorization_code&code=x&redirect_uri=http%3A%2F%2F127.0.0.1%2F&client_id=mailbot-test",
        )


@pytest.mark.parametrize(
    "body",
    [
        '{"access_token": null}',
        '{"access_token": 5}',
        '{"access_token": "a", "refresh_token": ["x"]}',
        '{"access_token": ""}',
    ],
)
def test_a_token_is_a_text(server: AuthorizationServer, body: str) -> None:
    server.fails = lambda path: (200, body)
    with pytest.raises(ServerUnavailable, match="no token"):
        granted(where(server), "grant_type=x")
