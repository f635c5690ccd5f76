"""What was found out about the mail servers of a domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Security = Literal["tls", "starttls", "none"]
LoginKind = Literal["password", "app password", "oauth google", "oauth microsoft"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """A host, its port, and how the line to it is secured."""

    host: str
    port: int
    security: Security = "tls"

    def __str__(self) -> str:
        return f"{self.host}:{self.port} ({self.security})"


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of the table of well-known providers. `logins` are in the order of advice."""

    key: str
    name: str
    imap: MailServer
    smtp: MailServer
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    logins: tuple[LoginKind, ...] = ("password",)
    app_passwords: str = ""
    files_sent: bool = False
    ca_file: bool = False
    """Its server has a certificate of its own, which must be named."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MailServers:
    """The servers of a domain, and who says so. `username` may hold `%EMAILADDRESS%`, `%EMAILLOCALPART%` and `%EMAILDOMAIN%`;
    `guess` marks what anybody on the way could have forged."""

    imap: MailServer
    smtp: MailServer | None
    source: str
    username: str = "%EMAILADDRESS%"
    guess: bool = False
    provider: Provider | None = None

    def login_name(self, address: str) -> str:
        """The user name for the login of an address."""
        local, _, domain = address.rpartition("@")
        filled = self.username.replace("%EMAILADDRESS%", address).replace("%EMAILLOCALPART%", local)
        return filled.replace("%EMAILDOMAIN%", domain)
