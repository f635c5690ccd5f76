"""The table of well-known providers, `mailbot/providers.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from mailbot.mail.discovery.found import MailServer, MailServers, Provider, Security

_TLS = (993, 465)
"""Ports that speak TLS from the start (RFC 8314)."""
BRIDGE_PORT = 1025
"""Where Proton's bridge takes mail, on this machine."""


@cache
def providers() -> tuple[Provider, ...]:
    """Every row of the table."""
    table = tomllib.loads(files("mailbot").joinpath("providers.toml").read_text(encoding="utf-8"))
    return tuple(_row(key, row) for key, row in table.items())


def by_domain(domain: str) -> Provider | None:
    """The provider whose own addresses end so."""
    return next((p for p in providers() if domain.casefold() in p.domains), None)


def by_mx(hosts: Iterable[str]) -> Provider | None:
    """The provider that takes the mail of a domain, told by the hosts of its MX records (RFC 5321 5.1), the first ones first."""
    for host in hosts:
        name = host.casefold().rstrip(".")
        for provider in providers():
            if any(name == end or name.endswith(f".{end}") for end in provider.mx):
                return provider
    return None


def by_imap_host(host: str) -> Provider | None:
    """The provider whose IMAP server this is; none for this machine, which may be anybody's."""
    return next((p for p in providers() if p.imap.host == host.casefold() and not p.ca_file), None)


def servers_of(provider: Provider, source: str) -> MailServers:
    """A provider's servers as something that was found."""
    return MailServers(provider.imap, provider.smtp, source, provider=provider)


def files_sent_itself(host: str, port: int = 0) -> bool:
    """Whether the server behind this submission host puts what goes out into Sent by itself: a second copy would be a double.
    Proton's bridge, which runs on this machine, is known by its port."""
    name = host.casefold().rstrip(".")
    if name in ("127.0.0.1", "localhost"):
        return port == BRIDGE_PORT
    return any(p.files_sent and name in (p.smtp.host, *_ALSO.get(p.key, ())) for p in providers())


_ALSO = {"gmail": ("smtp.googlemail.com", "smtp-relay.gmail.com"), "proton": ("smtp.protonmail.ch",)}
"""Other names of their submission hosts."""


def _row(key: str, row: dict[str, Any]) -> Provider:
    security = row.get("security")
    return Provider(
        key,
        row["name"],
        _server(row["imap"], security),
        _server(row["smtp"], security),
        tuple(row.get("domains", ())),
        tuple(row.get("mx", ())),
        tuple(row["logins"]),
        row.get("app_passwords", ""),
        row.get("files_sent", False),
        row.get("ca_file", False),
        row.get("note", ""),
    )


def _server(text: str, security: Security | None) -> MailServer:
    host, _, port = text.rpartition(":")
    return MailServer(host, int(port), security or ("tls" if int(port) in _TLS else "starttls"))
