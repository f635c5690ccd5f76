"""An authorization server of the tests' own, built on Authlib's server grants: another code base than the client's. It checks PKCE,
shows a page of consent, knows the device flow, rotates refresh tokens, and tells Dovecot which access tokens are good (RFC 7662)."""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2 import AuthorizationServer as Authlib
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import (
    DEVICE_CODE_GRANT_TYPE,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialMixin,
)

SCOPE = "mail offline_access"


class Client(ClientMixin):
    def __init__(self, client_id: str, secret: str) -> None:
        self.client_id, self.secret = client_id, secret

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(s for s in (scope or "").split() if s in SCOPE.split())

    def check_redirect_uri(self, uri: str) -> bool:
        """Any port of this machine (RFC 8252 7.3)."""
        return (urlsplit(uri).hostname or "") in ("127.0.0.1", "localhost")

    def check_client_secret(self, secret: str) -> bool:
        return secrets.compare_digest(self.secret, secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("client_secret_post" if self.secret else "none")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token", DEVICE_CODE_GRANT_TYPE)


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    client_id: str
    user: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    scope: str = SCOPE

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Token(TokenMixin):
    client: Client
    user: str
    access: str
    refresh: str
    expires: float
    scope: str = SCOPE

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return int(self.expires - time.time())

    def is_expired(self) -> bool:
        return self.expires < time.time()


@dataclass
class Device(DeviceCredentialMixin):
    client_id: str
    device_code: str
    user_code: str
    expires: float

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return SCOPE

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.expires < time.time()


@dataclass
class AuthorizationServer:
    """Use it in a `with`. `lasts` is how long an access token is good, `rotates` whether a refresh token is good once only."""

    client_id: str = "mailbot-test"
    secret: str = ""
    lasts: int = 3600
    rotates: bool = True
    fails: Callable[[str], tuple[int, str] | None] = lambda path: None
    """What a path answers in the place of what it should: (status, body)."""
    delay: float = 0.0
    tokens: list[Token] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)
    """Refresh tokens that were used: whoever uses one again is an attacker, and all of their user's tokens end (RFC 9700 4.14)."""
    codes: dict[str, Code] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    granted: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """User code -> (user, whether they said yes)."""
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> AuthorizationServer:
        self.lock = threading.RLock()
        self.authlib = _authlib(self)
        self.server = _http(self)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def settings(self) -> dict[str, Any]:
        """The `oauth` block of an account."""
        return {
            "client_id": self.client_id, "authorize_url": f"{self.url}/authorize", "token_url": f"{self.url}/token",
            "device_url": f"{self.url}/device", "revoke_url": f"{self.url}/revoke", "scopes": SCOPE.split(),
        }  # fmt: skip

    def revoke_all(self, user: str) -> None:
        """What a user does in their account's settings."""
        with self.lock:
            self.tokens = [t for t in self.tokens if t.user != user]

    def expire(self) -> None:
        """Every access token's time is over for the mail server; refresh tokens are good."""
        with self.lock:
            for token in self.tokens:
                token.expires = 0

    def issue(self, user: str, lasts: int | None = None) -> Token:
        """Tokens that somebody consented to earlier."""
        made = Token(
            Client(self.client_id, self.secret),
            user,
            f"at-{secrets.token_urlsafe(24)}",
            f"rt-{secrets.token_urlsafe(24)}",
            time.time() + (self.lasts if lasts is None else lasts),
        )
        with self.lock:
            self.tokens.append(made)
        return made

    def owner(self, access: str) -> str:
        """Whose a good access token is, empty for one that is not."""
        with self.lock:
            return next((t.user for t in self.tokens if t.access == access and not t.is_expired()), "")


def _authlib(state: AuthorizationServer) -> Authlib:
    client = Client(state.client_id, state.secret)

    class Server(Authlib):
        def query_client(self, client_id: str) -> Client | None:
            return client if client_id == client.client_id else None

        def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
            old = request.refresh_token
            refresh = token.get("refresh_token") or (old.refresh if old else "")
            made = Token(
                client, request.user, token["access_token"], refresh, time.time() + token["expires_in"]
            )
            with state.lock:
                state.tokens.append(made)

        def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
            return request

        def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
            return status, body, headers

        def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
            pass

    class CodeGrant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post", "none"]  # noqa: RUF012

        def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
            said = request.payload.data
            state.codes[code] = Code(
                code, client.client_id, request.user, said["redirect_uri"], said.get("code_challenge", ""),
                said.get("code_challenge_method", ""),
            )  # fmt: skip

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return state.codes.get(code)

        def delete_authorization_code(self, code: Code) -> None:
            state.codes.pop(code.code, None)

        def authenticate_user(self, code: Code) -> str:
            return code.user

    class RefreshGrant(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post", "none"]  # noqa: RUF012

        def authenticate_refresh_token(self, refresh: str) -> Token | None:
            with state.lock:
                if refresh in state.spent:
                    state.tokens.clear()
                return next((t for t in state.tokens if t.refresh == refresh), None)

        def authenticate_user(self, token: Token) -> str:
            return token.user

        def revoke_old_credential(self, token: Token) -> None:
            if state.rotates:
                with state.lock:
                    state.spent.add(token.refresh)
                    state.tokens = [t for t in state.tokens if t.refresh != token.refresh]

    RefreshGrant.INCLUDE_NEW_REFRESH_TOKEN = state.rotates

    class DeviceEndpoint(DeviceAuthorizationEndpoint):
        INTERVAL = 1

        def get_verification_uri(self) -> str:
            return f"{state.url}/activate"

        def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
            made = Device(client_id, data["device_code"], data["user_code"], time.time() + data["expires_in"])
            state.devices[made.device_code] = made

    class DeviceGrant(DeviceCodeGrant):
        def query_device_credential(self, device_code: str) -> Device | None:
            return state.devices.get(device_code)

        def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
            return state.granted.get(user_code)

        def should_slow_down(self, credential: Device) -> bool:
            return False

    made = Server()
    generator = BearerTokenGenerator(
        lambda *a, **k: f"at-{secrets.token_urlsafe(24)}",
        lambda *a, **k: f"rt-{secrets.token_urlsafe(24)}",
        lambda *a, **k: state.lasts,
    )
    made.register_token_generator("default", generator)
    made.register_grant(CodeGrant, [CodeChallenge(required=True)])
    made.register_grant(RefreshGrant)
    made.register_grant(DeviceGrant)
    made.register_endpoint(DeviceEndpoint)
    return made


class _Request(OAuth2Request):
    def __init__(self, method: str, uri: str, form: dict[str, str], headers: Any) -> None:
        super().__init__(method, uri, headers=headers)
        self._args = dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True))
        self._form = form
        self.payload = BasicOAuth2Payload({**self._args, **form})

    @property
    def args(self) -> dict[str, str]:
        return self._args

    @property
    def form(self) -> dict[str, str]:
        return self._form


_CONSENT = """<!doctype html><html lang=en><meta charset=utf-8><title>Sign in - Test Mail</title><link rel=icon href=/favicon.ico>
<body style="font:1.1em sans-serif;margin:4em auto;max-width:26em"><h1>Test Mail</h1><form method=post>
<p><b>{client}</b> wants to read your mail, write drafts, and send mail that you approve.</p>
<p>Sign in as <input name=user size=32 value="{hint}"></p>
<p><button name=answer value=yes>Allow</button> <button name=answer value=no>Deny</button></p></form>"""


def _http(state: AuthorizationServer) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET", {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
            self._answer("POST", dict(parse_qsl(body, keep_blank_values=True)))

        def _answer(self, method: str, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            state.requests.append(f"{method} {path} {form.get('grant_type', '')}".strip())
            if failure := state.fails(path):
                self._send(failure[0], failure[1])
                return
            time.sleep(state.delay if path == "/token" else 0)
            request = _Request(method, f"https://test.example{self.path}", form, dict(self.headers.items()))
            if path == "/authorize":
                self._authorize(request)
            elif path == "/token":
                with state.lock:
                    self._reply(state.authlib.create_token_response(request))
            elif path == "/device":
                self._reply(state.authlib.create_endpoint_response("device_authorization", request))
            elif path == "/introspect":
                token = form.get("token", "")
                owner = next(
                    (
                        o
                        for t in state.tokens
                        if t.access in (token, *form.values()) and (o := state.owner(t.access))
                    ),
                    "",
                )
                self._send(200, json.dumps({"active": bool(owner), "email": owner}), "application/json")
            elif path == "/revoke":
                with state.lock:
                    state.tokens = [t for t in state.tokens if form.get("token") not in (t.access, t.refresh)]
                self._send(200, "")
            else:
                self._send(404, "")

        def _authorize(self, request: _Request) -> None:
            try:
                if request.method == "GET":
                    state.authlib.get_consent_grant(request, end_user="somebody")
                    hint = html.escape(request.args.get("login_hint", ""))
                    self._send(
                        200, _CONSENT.format(client=html.escape(state.client_id), hint=hint), "text/html"
                    )
                    return
            except OAuth2Error as error:
                self._send(400, str(error))
                return
            user = request.form["user"] if request.form["answer"] == "yes" else None
            request.user = user
            request.payload = BasicOAuth2Payload(request.args)
            self._reply(
                state.authlib.create_authorization_response(
                    request, grant_user=user, grant=state.authlib.get_consent_grant(request, end_user=user)
                )
            )

        def _reply(self, answer: tuple[int, Any, Any]) -> None:
            status, body, headers = answer
            self.send_response(status)
            data = (json.dumps(body) if isinstance(body, dict) else str(body or "")).encode()
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _send(self, status: int, body: str, kind: str = "text/plain") -> None:
            self._reply((status, body, [("Content-Type", f"{kind}; charset=utf-8")]))

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    return Server(("127.0.0.1", 0), Handler)
