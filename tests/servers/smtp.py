"""A submission server with bad modes: aiosmtpd on a free loopback port. Every mail that it took is kept."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
import warnings
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.dovecot import PASSWORD


@dataclass
class SmtpServer:
    """`mode` says how it behaves: ok, 4xx, 5xx, 4xx-rcpt, 5xx-rcpt, drop (after the mail, without an answer), hang (the same, and the
    line stays open), drop-before (after DATA). `refuse` are recipients that it never takes."""

    mode: str = "ok"
    refuse: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    starttls: ssl.SSLContext | None = None
    auth: tuple[str, ...] = ()
    """Mechanisms that it offers; PASSWORD is right, and as an access token `token`."""
    utf8: bool = True
    eight_bit: bool = True
    size: int = 33_554_432
    mails: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def __enter__(self) -> SmtpServer:
        outer = self

        class Quiet(SMTP):
            async def push(self, status: Any) -> None:
                text = status.decode() if isinstance(status, bytes) else status
                if "8BITMIME" in text and not outer.eight_bit:
                    return
                await super().push(status)

        arguments: dict[str, Any] = {"enable_SMTPUTF8": self.utf8, "data_size_limit": self.size}
        if self.starttls:
            arguments |= {"tls_context": self.starttls, "require_starttls": True}
        if self.auth:
            others = {"PLAIN", "LOGIN"} - set(self.auth)
            arguments |= {
                "authenticator": self._check, "auth_required": True, "auth_require_tls": False, "auth_exclude_mechanism": others,
            }  # fmt: skip
        self.loop = asyncio.new_event_loop()

        def made() -> SMTP:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Quiet(self, hostname="test.example", loop=self.loop, **arguments)

        self.server = self.loop.run_until_complete(
            self.loop.create_server(made, "127.0.0.1", 0, ssl=self.tls)
        )
        self.port: int = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        def stop() -> None:
            self.server.close()
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.call_later(0.05, self.loop.stop)

        self.loop.call_soon_threadsafe(stop)
        self.thread.join(5)
        self.loop.close()

    def _check(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(mechanism)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    async def auth_XOAUTH2(self, server: Any, arguments: list[str]) -> AuthResult:
        said = base64.b64decode(arguments[1]).decode()
        self.logins.append("XOAUTH2")
        if "auth=Bearer token\1\1" in said:
            return AuthResult(success=True)
        await server.challenge_auth(b'{"status":"400"}', encode_to_b64=True)
        return AuthResult(success=False, handled=False)

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuse or self.mode == "5xx-rcpt":
            return "550 5.1.1 no such user here"
        if self.mode == "4xx-rcpt":
            return "450 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.mode == "4xx":
            return "451 4.3.0 not now"
        if self.mode == "5xx":
            return "554 5.7.1 looks like spam"
        self.mails.append(envelope)
        if self.mode == "drop":
            server.transport.abort()
            await asyncio.sleep(0.05)
        if self.mode == "hang":
            await asyncio.sleep(20)
        return "250 OK"
