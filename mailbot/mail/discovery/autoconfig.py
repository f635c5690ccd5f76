"""A provider's own word on its servers: Thunderbird's `config-v1.1.xml`, from the domain itself or from Mozilla's database.

It is a stranger's text: of a limited size, without entities, and no more is taken from it than host names, ports and a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from mailbot.mail.discovery.found import MailServer, MailServers, Security

LARGEST = 64_000
"""Octets."""
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,62})?(?:\.[a-z0-9](?:[a-z0-9-]{0,62})?)*")
_USERNAME = re.compile(r"[\w.+@%-]{1,200}")
_SECURITY: dict[str, Security] = {"SSL": "tls", "STARTTLS": "starttls"}


def parse(document: bytes, domain: str, source: str) -> MailServers | None:
    """The IMAP server of a document, with the SMTP server where there is one; None if it names none that is encrypted, or is no such
    document. Raises nothing, whatever it holds."""
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(document) > LARGEST or re.search(
        r"<!(?!--)", text
    ):  # a DOCTYPE, entities, CDATA: none belongs there
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - it has no entities to expand
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None
    imap = next(_servers(root, "incomingServer", "imap", domain), None)
    if imap is None:
        return None
    smtp = next(_servers(root, "outgoingServer", "smtp", domain), None)
    return MailServers(imap[0], smtp[0] if smtp else None, source, imap[1])


def _servers(root: ElementTree.Element, tag: str, kind: str, domain: str) -> Iterator[tuple[MailServer, str]]:
    """(server, pattern of the user name) for each that can be used, TLS from the start first (RFC 8314)."""
    found = []
    for element in root.iter(tag):
        host = _said(element, "hostname").casefold().replace("%emaildomain%", domain).rstrip(".")
        port, security = _said(element, "port"), _SECURITY.get(_said(element, "socketType").upper())
        username = _said(element, "username") or "%EMAILADDRESS%"
        fits = (
            element.get("type", "").casefold() == kind
            and _HOST.fullmatch(host)
            and _USERNAME.fullmatch(username)
        )
        if fits and security and re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536:
            found.append((MailServer(host, int(port), security), username))
    return iter(sorted(found, key=lambda each: each[0].security != "tls"))


def _said(element: ElementTree.Element, tag: str) -> str:
    found = element.find(tag)
    return (found.text or "").strip() if found is not None else ""
