"""The address, and the mail servers behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from publicsuffixlist import PublicSuffixList

from mailbot.mail.discovery.discover import Sources, discover
from mailbot.mail.discovery.found import MailServer, MailServers, Security
from mailbot.sync.setup.person import Person, given

_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\".]{2,}|[^@\s<>\"]+@localhost")
_SERVER = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?(?:/(tls|starttls|none))?")
_BY_PORT: dict[int, Security] = {993: "tls", 465: "tls", 143: "starttls", 587: "starttls", 25: "starttls", 1143: "starttls", 1025: "starttls"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Servers:
    """Where an account's mail is. `ca_file` is the certificate of a server of the user's own, None for a public one."""

    found: MailServers
    username: str
    ca_file: Path | None = None


def an_address(text: str) -> str:
    """A mail address. Raises ValueError."""
    if not _ADDRESS.fullmatch(text.strip()):
        raise ValueError("write your mail address, such as jo@example.com")
    return text.strip()


def a_server(text: str, port: int) -> MailServer:
    """`host`, `host:port` or `host:port/security`. Raises ValueError."""
    match = _SERVER.fullmatch(text.strip())
    if not match or not 0 < int(match[2] or port) < 65536:
        raise ValueError(
            f"write a host, or host:port/security, such as mail.example.com:{port}/tls (tls, starttls or none)"
        )
    number = int(match[2] or port)
    security: Security = match[3] or _BY_PORT.get(number, "tls")  # type: ignore[assignment]
    return MailServer(match[1], number, security)


def ask_servers(person: Person, address: str, sources: Sources) -> Servers:
    """Find the servers of an address, have them confirmed where they are not the address's own, or ask for them."""
    domain = address.rpartition("@")[2]
    found = None
    if not person.ask("imap", "", _maybe_server, "none"):
        person.say(f"Looking for the mail servers of {domain} (only the domain leaves this machine)…")
        found = discover(domain, sources)
    if found is None or not _agreed(person, domain, found):
        found = _by_hand(person, domain)
    if (wanted := person.ask("smtp", "", str, "")) and found.source != "you":
        found = replace(
            found, smtp=None if wanted == "none" else person.ask("smtp", "", lambda t: a_server(t, 465))
        )
    provider = found.provider
    if provider and provider.note:
        person.say(f"{provider.name}: {provider.note}")
    ca_file = None
    if (provider and provider.ca_file) or person.ask("ca-file", "", str, "") or _is_local(found):
        ca_file = person.ask(
            "ca-file", "Certificate file, for a server of your own (Enter for none)", _file, ""
        )
    username = person.ask("username", "User name", given, found.login_name(address))
    return Servers(found, username, ca_file)


def ask_by_hand(person: Person, before: Servers) -> Servers:
    """The servers once more, from the user, where those before do not answer."""
    imap = person.ask(
        "imap-again",
        "IMAP server (host:port/security)",
        lambda t: a_server(t, 993),
        _written(before.found.imap),
    )
    return replace(before, found=replace(before.found, imap=imap, source="you"))


def _written(server: MailServer) -> str:
    return f"{server.host}:{server.port}/{server.security}"


def _maybe_server(text: str) -> MailServer | None:
    return None if text == "none" else a_server(text, 993)


def _is_local(found: MailServers) -> bool:
    return found.imap.host in ("127.0.0.1", "localhost", "::1") and found.imap.security != "none"


def _file(text: str) -> Path | None:
    path = Path(text).expanduser().absolute() if text.strip() else None
    if path and not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _agreed(person: Person, domain: str, found: MailServers) -> bool:
    smtp = str(found.smtp) if found.smtp else "none"
    told = f"  IMAP  {found.imap}\n  SMTP  {smtp}\n  according to {found.source}"
    if found.guess:
        told += "\n  This is a guess: DNS can be forged on the way. Look at the names before you go on."
    person.say(told)
    foreign = [s.host for s in (found.imap, found.smtp) if s and not _belongs(s.host, domain)]
    if not foreign and not found.guess:
        return True
    if found.provider and found.provider.domains and domain.casefold() in found.provider.domains:
        return True  # our own table knows them
    named = list(dict.fromkeys(foreign))
    whose = (
        f"{', '.join(named)} {'does' if len(named) == 1 else 'do'} not belong to {domain}. " if named else ""
    )
    return person.agrees(
        "trust-servers", f"{whose}Send your login there?", default=person.there() and not found.guess
    )


def _belongs(host: str, domain: str) -> bool:
    """Whether a host lies at the address's own domain, as whoever registers domains sees it."""
    registered = PublicSuffixList().privatesuffix
    return (registered(host.casefold()) or host) == (registered(domain.casefold()) or domain)


def _by_hand(person: Person, domain: str) -> MailServers:
    if person.there() and not person.ask("imap", "", _maybe_server, "none"):
        person.say("Nobody knows them. Your provider's help pages do: look for “IMAP”.")
    imap = person.ask(
        "imap",
        "IMAP server (host:port/security)",
        lambda t: a_server(t, 993),
        f"imap.{domain}:993/tls" if person.there() else None,
    )
    here = imap.host in ("127.0.0.1", "localhost") or not person.there()
    suggested = "none" if here else f"{re.sub(r'^imap', 'smtp', imap.host)}:465/tls"
    smtp = person.ask(
        "smtp",
        "SMTP server (host:port/security, or none)",
        lambda t: None if t == "none" else a_server(t, 465),
        suggested,
    )
    return MailServers(imap, smtp, "you")
