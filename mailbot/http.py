"""One HTTP exchange, with bounds: no redirect is followed, an answer has a size, and the whole has an end, however it drips.

For what is not the model (its client has bounds of its own): servers of settings, token servers, models on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailbot import stopping
from mailbot.errors import ConfigError, ServerUnavailable
from mailbot.hearsay import confidence, one_line

TIMEOUT = 20.0
"""Seconds for a whole exchange."""
MOST = 1_000_000
"""Octets of an answer."""
_LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|::1")


@dataclass(frozen=True, slots=True)
class Response:
    """The status and the content of an answer, whatever its status."""

    status: int
    content: bytes


def host_of(url: str) -> str:
    """The host of a URL as it is shown: with its port if it names one, without user and password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return one_line(f"{parts.hostname or '?'}{port}")[:100]


def is_here(url: str) -> bool:
    """Whether a URL is of this machine."""
    try:
        return bool(_LOOPBACK.fullmatch(urlsplit(url).hostname or ""))
    except ValueError:
        return False


def checked(url: str) -> str:
    """The URL, if what is sent there cannot be read on the way: `https`, or this machine. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_here(url))
    except ValueError:
        safe = None
    if not safe:
        raise ConfigError(
            f"{one_line(url)[:100]}: write a URL that begins with https:// (http:// only for this machine)"
        )
    return url


def get(url: str, *, timeout: float = TIMEOUT, most: int = MOST) -> Response:
    """Raises ServerUnavailable if no whole answer comes in time, or one that is too large, or one that points elsewhere."""
    return _exchanged("GET", url, None, timeout, most)


def post_form(url: str, form: Mapping[str, str] | str, *, timeout: float = TIMEOUT) -> Response:
    """POST of a form. Raises what `get` raises."""
    return _exchanged("POST", url, form, timeout, MOST)


def post_form_unstopped(url: str, form: Mapping[str, str] | str) -> Response:
    """The same in this very thread, whatever the user asks meanwhile: what the server gives once must not be lost. The caller limits
    the time."""
    return _explained(url, lambda: _exchange("POST", url, form, TIMEOUT, MOST))


def _exchanged(
    method: str, url: str, form: Mapping[str, str] | str | None, timeout: float, most: int
) -> Response:
    return _explained(
        url, lambda: stopping.within(timeout, lambda: _exchange(method, url, form, timeout, most))
    )


def _explained(url: str, exchange: Callable[[], Response]) -> Response:
    where = host_of(url)
    try:
        found = exchange()
    except stopping.TookTooLong as error:
        raise ServerUnavailable(f"{where}: {error}") from error
    except ServerUnavailable:
        raise
    except Exception as error:
        raise ServerUnavailable(
            f"{where}: cannot be reached ({confidence.cleaned(error) or type(error).__name__})"
        ) from error
    if 300 <= found.status < 400:
        raise ServerUnavailable(
            f"{where}: the server points elsewhere (status {found.status}), and no redirect is followed"
        )
    return found


def _exchange(
    method: str, url: str, form: Mapping[str, str] | str | None, timeout: float, most: int
) -> Response:
    import httpx2  # 0.1 s, and a run with nothing new never needs it

    headers = {"accept-encoding": "identity", "user-agent": "mailbot"}
    content = None
    if form is not None:
        from urllib.parse import urlencode

        content = form if isinstance(form, str) else urlencode(form)
        headers |= {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    with (
        # What is for this machine goes through no proxy.
        httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=not is_here(url)) as client,
        client.stream(method, url, content=content, headers=headers) as answer,
    ):
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise ServerUnavailable(
                f"{host_of(url)}: the answer is compressed, though a plain one was asked for"
            )
        found = bytearray()
        for chunk in answer.iter_raw():
            found += chunk
            if len(found) > most:
                raise ServerUnavailable(
                    f"{host_of(url)}: the answer is larger than {most / 1000:.0f} kB and was not read"
                )
        return Response(answer.status_code, bytes(found))
