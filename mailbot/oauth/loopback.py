"""Where the browser comes back to: a socket of this machine (RFC 8252 7.3), bound before its address is told to anybody."""

from __future__ import annotations

import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from mailbot import stopping
from mailbot.errors import AuthenticationFailed
from mailbot.oauth.authorization import Asked, code_in
from mailbot.oauth.token_endpoint import Refused

PATIENCE = 600.0
"""Seconds that the user has for the login in the browser."""
SILENCE = 10
"""Seconds for a request to be complete: browsers open connections in advance and say nothing on them."""
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>mailbot</title>"
    "<body style='font:1.2em sans-serif;margin:4em auto;max-width:30em'><p>{}</p>"
)


class Loopback:
    """A listener for one login; use it in a `with`. `address` is the redirect URI."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._answers: queue.Queue[str | Refused] = queue.Queue()
        self._request: Asked | None = None
        listener = self

        class Handler(BaseHTTPRequestHandler):
            timeout = SILENCE

            def do_GET(self) -> None:
                self.close_connection = True
                status, words = listener._heard(self.path)
                page = _PAGE.format(words).encode()
                self.send_response(status)
                for name, value in (
                    ("Content-Type", "text/html; charset=utf-8"),
                    ("Content-Length", str(len(page))),
                    ("Connection", "close"),
                    ("Cache-Control", "no-store"),
                    ("Referrer-Policy", "no-referrer"),  # the address has the code in it
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                """Nothing is logged: the address has the code in it."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False  # a connection that says nothing is not waited for

            def handle_error(self, *_: object) -> None:
                """A browser that goes away is no failure."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://{host}:{self._server.server_port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def expect(self, request: Asked) -> None:
        """The answer to this request, and no other, is an answer from now on."""
        self._request = request

    def code(self, patience: float = PATIENCE) -> str:
        """Wait for the answer. Raises Refused if it is a no, AuthenticationFailed if none comes in time."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            stopping.check()
            try:
                found = self._answers.get(timeout=stopping.POLL)
            except queue.Empty:
                continue
            if isinstance(found, Refused):
                raise found
            return found
        raise AuthenticationFailed(
            "no answer came from the browser in time; log in again, or use --no-browser and paste the address"
        )

    def _heard(self, path: str) -> tuple[int, str]:
        """(status, words for the page) for a request, which may be anybody's: only one with our state counts."""
        try:
            code = code_in(self._request, path) if self._request else None
        except Refused as error:
            self._answers.put(error)
            return 200, "The login was not completed. You can close this window; the terminal says more."
        if code is None:
            return 404, "Nothing is here. The login goes on in the other window."
        self._answers.put(code)
        return 200, "You are logged in, and can close this window. Return to the terminal."
