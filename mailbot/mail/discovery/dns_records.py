"""MX and SRV records of a domain. The one importer of dnspython."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailbot.mail.discovery.found import MailServer, MailServers, Security

LIFETIME = 3.0
"""Seconds for one question."""
_IMAP: tuple[tuple[str, Security], ...] = (("_imaps._tcp", "tls"), ("_imap._tcp", "starttls"))
_SMTP: tuple[tuple[str, Security], ...] = (("_submissions._tcp", "tls"), ("_submission._tcp", "starttls"))
"""RFC 6186 and RFC 8314, TLS from the start first."""


@dataclass(frozen=True, slots=True)
class Nameserver:
    """Whom to ask, if not whom this machine asks; for tests."""

    host: str = ""
    port: int = 53


def mx_hosts(domain: str, server: Nameserver = Nameserver()) -> list[str]:
    """The hosts that take a domain's mail, the preferred one first; none where that cannot be told."""
    records = _records(domain, "MX", server)
    return [
        str(r.exchange).rstrip(".")
        for r in sorted(records, key=lambda r: r.preference)
        if str(r.exchange) != "."
    ]


def srv_servers(domain: str, server: Nameserver = Nameserver()) -> MailServers | None:
    """The servers that a domain's SRV records name (RFC 6186). They are a guess: DNS can be forged."""
    imap = _first(domain, _IMAP, server)
    if imap is None:
        return None
    return MailServers(imap, _first(domain, _SMTP, server), f"DNS records of {domain}", guess=True)


def _first(domain: str, services: tuple[tuple[str, Security], ...], server: Nameserver) -> MailServer | None:
    for service, security in services:
        for record in sorted(
            _records(f"{service}.{domain}", "SRV", server), key=lambda r: (r.priority, -r.weight)
        ):
            host = str(record.target).rstrip(".")
            if host and record.port:  # `.` says that there is none
                return MailServer(host.casefold(), int(record.port), security)
    return None


def _records(name: str, kind: str, server: Nameserver) -> list[Any]:
    import dns.exception
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(configure=not server.host)
        if server.host:
            resolver.nameservers, resolver.port = [server.host], server.port
        return list(resolver.resolve(name, kind, lifetime=LIFETIME))
    except (dns.exception.DNSException, OSError, ValueError, UnicodeError):
        return []
