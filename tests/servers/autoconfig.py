"""A web server on loopback that says what it is told to: the settings of a provider, or anything else."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="{domain}"><domain>{domain}</domain><displayName>Test</displayName>
<incomingServer type="pop3"><hostname>pop.{domain}</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="imap"><hostname>{imap}</hostname><port>{imap_port}</port><socketType>{imap_security}</socketType>
<username>{username}</username><authentication>password-cleartext</authentication></incomingServer>
<outgoingServer type="smtp"><hostname>{smtp}</hostname><port>{smtp_port}</port><socketType>{smtp_security}</socketType>
<username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>"""


def config(domain: str = "acme.example", **values: object) -> str:
    given = {
        "domain": domain, "imap": f"imap.{domain}", "imap_port": 993, "imap_security": "SSL", "smtp": f"smtp.{domain}", "smtp_port": 465,
        "smtp_security": "SSL", "username": "%EMAILADDRESS%",
    }  # fmt: skip
    return CONFIG.format(**{**given, **values})


class WebServer:
    """`pages` maps a path to its content, or to (status, content, seconds to wait). Every path that was asked for is kept."""

    def __init__(self, pages: dict[str, str | bytes | tuple[int, str, float]]) -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        """Everything that was sent to it, to look for what should not be there."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.said.append(f"{self.path} {self.headers}")
                found = pages.get(self.path, (404, "", 0.0))
                status, content, wait = found if isinstance(found, tuple) else (200, found, 0.0)
                time.sleep(wait)
                data = content.encode() if isinstance(content, str) else content
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "http://127.0.0.1:9/elsewhere")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> WebServer:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
