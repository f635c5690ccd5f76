"""The user's consent: the authorization request with PKCE (RFC 6749 4.1, RFC 7636), its answer, and the device flow (RFC 8628)."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import DeviceClient, WebApplicationClient

from mailbot import http, stopping
from mailbot.errors import AuthenticationFailed, ConfigError, ServerUnavailable
from mailbot.hearsay import confidence
from mailbot.oauth.endpoints import Endpoints
from mailbot.oauth.token_endpoint import Refused, granted
from mailbot.oauth.tokens import Tokens

LONGEST_DEVICE = 1800.0
"""Seconds that a device flow may take, whatever the server says."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that waits for its answer. `url` is for the browser."""

    endpoints: Endpoints
    url: str
    redirect: str
    state: str
    verifier: str


def asked(endpoints: Endpoints, redirect: str, address: str = "") -> Asked:
    """An authorization request. `redirect` is where the browser is sent back to; `address` saves the user from choosing among
    several logins. Raises ConfigError if the server has no authorization endpoint."""
    if not endpoints.authorize_url:
        raise ConfigError("this provider has no login by browser (`oauth.authorize_url`); use --device")
    client = WebApplicationClient(endpoints.client_id)
    state, verifier = secrets.token_urlsafe(32), client.create_code_verifier(64)
    confidence.secret(verifier)
    parameters = [
        ("response_type", "code"),
        ("client_id", endpoints.client_id),
        ("redirect_uri", redirect),
        ("scope", " ".join(endpoints.scopes)),
        ("state", state),
        ("code_challenge", client.create_code_challenge(verifier, "S256")),
        ("code_challenge_method", "S256"),
        *([("login_hint", address)] if address else []),
        *endpoints.extra,
    ]
    return Asked(endpoints, add_params_to_uri(endpoints.authorize_url, parameters), redirect, state, verifier)


def code_in(request: Asked, address: str) -> str | None:
    """The code in the address that the browser was sent back to; None where it is no answer to this request: state is looked at
    first. Raises Refused if the user or the server said no."""
    try:
        said = parse_qs(urlsplit(address).query)
    except ValueError:
        return None
    (state,) = said.get("state", [""])[:1]
    if not hmac.compare_digest(state.encode(), request.state.encode()):
        return None
    if error := said.get("error", [""])[0]:
        told = confidence.cleaned(said.get("error_description", [""])[0])
        raise Refused(
            f"the login was not completed ({confidence.cleaned(error, 60)}{f': {told}' if told else ''})",
            error,
        )
    return said.get("code", [""])[0] or None


def exchanged(request: Asked, code: str, secret: str = "") -> Tokens:
    """Tokens for a code. Raises what `granted` raises, and AuthenticationFailed if no refresh token came with them: the login would
    end within the hour."""
    client = WebApplicationClient(request.endpoints.client_id)
    body = client.prepare_request_body(
        confidence.secret(code),
        request.redirect,
        code_verifier=request.verifier,
        client_secret=secret or None,
    )
    return _lasting(granted(request.endpoints, body))


@dataclass(frozen=True, slots=True)
class Device:
    """What the user types in on any device, and where."""

    code: str
    url: str
    device_code: str
    interval: float
    expires: float


def device(endpoints: Endpoints) -> Device:
    """Begin a device flow. Raises ConfigError if the provider has none for mail, ServerUnavailable, Refused."""
    if not endpoints.device_url:
        raise ConfigError(
            "this provider has no device flow for mail; log in by browser, with --no-browser on another machine"
        )
    form = {"client_id": endpoints.client_id, "scope": " ".join(endpoints.scopes)}
    answer = http.post_form(endpoints.device_url, form)
    where = http.host_of(endpoints.device_url)
    try:
        said = json.loads(answer.content)
        if "error" in said:
            told = confidence.cleaned(said.get("error_description") or said["error"])
            raise Refused(f"{where}: the server refused ({told})", str(said["error"]))
        url = str(said.get("verification_uri") or said["verification_url"])
        return Device(
            confidence.cleaned(said["user_code"], 40),
            confidence.cleaned(url),
            confidence.secret(str(said["device_code"])),
            min(60.0, max(1.0, float(said.get("interval") or 5))),
            min(LONGEST_DEVICE, float(said.get("expires_in") or LONGEST_DEVICE)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServerUnavailable(
            f"{where}: the answer holds no code; is it the right `device_url`?"
        ) from error


def device_tokens(
    endpoints: Endpoints, begun: Device, secret: str = "", pause: Callable[[float], None] = stopping.pause
) -> Tokens:
    """Wait until the user has typed the code in (RFC 8628 3.4, 3.5). Raises Refused if they said no or took too long."""
    client = DeviceClient(endpoints.client_id)
    body = client.prepare_request_body(
        begun.device_code, include_client_id=True, **({"client_secret": secret} if secret else {})
    )
    interval, end = begun.interval, time.monotonic() + begun.expires
    while time.monotonic() < end:
        pause(interval)
        try:
            return _lasting(granted(endpoints, body))
        except Refused as error:
            if error.code == "slow_down":
                interval += 5
            elif error.code != "authorization_pending":
                raise
        except ServerUnavailable:
            interval *= 2  # RFC 8628 3.5: after a time-out, less often
    raise Refused("the code was not typed in in time; begin anew", "expired_token")


def _lasting(tokens: Tokens) -> Tokens:
    if not tokens.refresh:
        raise AuthenticationFailed(
            "the server gave no refresh token, so the login would end within the hour; docs/oauth.md says what to switch on"
        )
    return tokens
