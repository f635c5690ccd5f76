"""The token endpoint (RFC 6749 3.2): a grant in, tokens out. The one importer of oauthlib, beside `authorization.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from oauthlib.oauth2 import MissingTokenError, OAuth2Error, WebApplicationClient

from mailbot import http
from mailbot.errors import AuthenticationFailed, ServerUnavailable, TryAgain
from mailbot.hearsay import confidence
from mailbot.oauth.endpoints import Endpoints
from mailbot.oauth.tokens import Tokens

Post = Callable[[str, str], http.Response]
LONGEST = 20_000
"""Characters of a token."""


class Refused(AuthenticationFailed):
    """The server refuses the grant: `code` is its error (RFC 6749 5.2), such as `invalid_grant`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def refreshed(endpoints: Endpoints, secret: str, tokens: Tokens) -> Tokens:
    """New tokens for a refresh token (RFC 6749 6). A server that gives no new refresh token lets the old one live. It is not stopped
    in the middle: the caller gives it a thread and a time. Raises Refused, ServerUnavailable or TryAgain."""
    client = WebApplicationClient(endpoints.client_id)
    body = client.prepare_refresh_body(
        refresh_token=tokens.refresh, client_id=endpoints.client_id, **_secret(secret)
    )
    return granted(endpoints, body, tokens.refresh, http.post_form_unstopped)


def granted(endpoints: Endpoints, body: str, refresh: str = "", post: Post = http.post_form) -> Tokens:
    """The tokens for a request in the form that oauthlib prepares. Raises Refused, ServerUnavailable or TryAgain."""
    where = http.host_of(endpoints.token_url)
    answer = post(endpoints.token_url, body)
    if answer.status == 429:
        raise TryAgain(f"{where}: the server asks to wait before the next login")
    if answer.status >= 500:
        raise ServerUnavailable(f"{where}: the login server fails (status {answer.status})")
    client = WebApplicationClient(endpoints.client_id)
    try:
        # Without a scope of ours: where the one returned is another, oauthlib raises a warning.
        said: Mapping[str, Any] = client.parse_request_body_response(
            answer.content.decode("utf-8", "replace")
        )
        access, given = said["access_token"], said.get("refresh_token") or refresh
        lasts = max(0.0, float(said.get("expires_in") or 0))
        usable = isinstance(access, str) and isinstance(given, str) and 0 < len(access) < LONGEST > len(given)
        if not usable or answer.status >= 300:
            raise ValueError
    except MissingTokenError as error:
        raise _no_token(where) from error
    except OAuth2Error as error:
        code = confidence.cleaned(error.error or "refused", 60)
        told = confidence.cleaned(error.description or "")
        raise Refused(
            f"{where}: the server refused ({code}{f': {told}' if told else ''})", str(error.error)
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, Warning) as error:
        raise _no_token(where) from error
    for secret in (access, given):
        confidence.secret(secret)
    return Tokens(access, given, time.time() + lasts if lasts else 0.0, lasts)


def _no_token(where: str) -> ServerUnavailable:
    return ServerUnavailable(f"{where}: the answer holds no token; is it the right `token_url`?")


def revoke(endpoints: Endpoints, secret: str, tokens: Tokens) -> bool:
    """Tell the server that the tokens are not wanted any more (RFC 7009), where it has an endpoint for that. False where it has
    none. Raises ServerUnavailable."""
    if not endpoints.revoke_url:
        return False
    form = {"token": tokens.refresh or tokens.access, "client_id": endpoints.client_id, **_secret(secret)}
    answer = http.post_form(endpoints.revoke_url, form)
    if answer.status != 200:
        raise ServerUnavailable(
            f"{http.host_of(endpoints.revoke_url)}: the token could not be revoked (status {answer.status})"
        )
    return True


def _secret(secret: str) -> dict[str, str]:
    return {"client_secret": secret} if secret else {}
