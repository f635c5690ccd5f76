"""HTTP to a model server: no redirect is followed, and an answer has a size, also after it was decompressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import openai

from mailbot.errors import ConfigError, ServerUnavailable
from mailbot.http import host_of

MOST = 8_000_000
"""Octets of an answer: the vectors of a batch are the longest. As objects they take thirty times that."""
MOST_ERROR = 50_000
"""Octets of an error that are read; the rest is cut off."""
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Client(openai.DefaultHttpxClient):
    """openai's own HTTP client, with bounds. Raises ConfigError for a redirect, ServerUnavailable for what is too large."""

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout=timeout, follow_redirects=False, headers={"accept-encoding": "identity"})

    def send(self, request: Any, **options: Any) -> Any:
        options.update(follow_redirects=False, stream=True)
        response = super().send(request, **options)
        host = host_of(str(request.url))
        try:
            if 300 <= response.status_code < 400 and "location" in response.headers:
                to = host_of(_whole(request.url, response.headers["location"]))
                raise ConfigError(
                    f"{host}: the server points to {to}. No redirect is followed: the prompt goes only where the settings"
                    " say. If that server is the right one, set `base_url` to it"
                )
            coding = response.headers.get("content-encoding", "identity").strip().lower()
            failed = response.status_code >= 400
            content = _bounded(response.iter_raw(), coding, host, MOST_ERROR if failed else MOST, cut=failed)
        finally:
            response.close()
        headers = [(k, v) for k, v in response.headers.multi_items() if k not in ("content-encoding", "content-length", "transfer-encoding")]  # fmt: skip
        return type(response)(response.status_code, headers=headers, content=content, request=request)


def _whole(url: Any, location: str) -> str:
    try:
        return str(url.join(location))
    except Exception:  # noqa: BLE001 - the library's own error, whichever that is in its version
        return location


def _bounded(chunks: Iterable[bytes], coding: str, host: str, most: int, *, cut: bool) -> bytes:
    """The content of an answer, decompressed, at most so many octets of it. Raises ServerUnavailable where there are more and it
    may not be `cut`, or where it is packed in an unknown way."""
    if coding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise ServerUnavailable(f"{host}: the answer is compressed, though mailbot asked for a plain one")
    packed = zlib.decompressobj(_GZIP_OR_ZLIB) if coding not in ("identity", "") else None
    content = bytearray()
    for chunk in chunks:
        try:
            content += packed.decompress(chunk, most - len(content) + 1) if packed else chunk
        except zlib.error as error:
            raise ServerUnavailable(f"{host}: the answer could not be decompressed") from error
        if len(content) > most and cut:
            return bytes(content[:most])
        if len(content) > most:
            raise ServerUnavailable(f"{host}: the answer is larger than {most / 1e6:g} MB and was not read")
    return bytes(content)
