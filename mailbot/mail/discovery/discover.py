"""From a domain to its mail servers: the table of providers, then the domain's own word, Mozilla's database, the provider behind its
MX, and last its SRV records. All are asked side by side; the best answer that has come by the deadline counts.

Only the domain leaves this machine, never the address.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mailbot import http, stopping
from mailbot.errors import ServerUnavailable
from mailbot.mail.discovery.autoconfig import LARGEST, parse
from mailbot.mail.discovery.dns_records import Nameserver, mx_hosts, srv_servers
from mailbot.mail.discovery.found import MailServers
from mailbot.mail.discovery.providers import by_domain, by_mx, servers_of

DEADLINE = 8.0
"""Seconds for all of it."""
ISPDB = "https://autoconfig.thunderbird.net/v1.1/"
"""Mozilla's database; the domain is appended."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Who is asked. `own` are addresses at the domain itself, in order; `ispdb` is empty for none."""

    own: tuple[str, ...] = (
        "https://autoconfig.{domain}/mail/config-v1.1.xml",
        "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    )
    ispdb: str = ISPDB
    nameserver: Nameserver = field(default_factory=Nameserver)
    deadline: float = DEADLINE


Find = Callable[[str, Sources], MailServers | None]


def discover(domain: str, sources: Sources = Sources()) -> MailServers | None:
    """The mail servers of a domain, None if nobody knows them."""
    domain = domain.casefold().strip().rstrip(".")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if known := by_domain(domain):
        return servers_of(known, "mailbot's own table of providers")
    return _best(domain, sources, (_own, _ispdb, _behind_mx, _srv))


def _best(domain: str, sources: Sources, finders: tuple[Find, ...]) -> MailServers | None:
    """What the first finder says that says anything; a later one only once all before it had nothing, or had their time."""
    told: queue.Queue[tuple[int, MailServers | None]] = queue.Queue()

    def ask(rank: int, find: Find) -> None:
        found = None
        try:
            found = find(domain, sources)
        except Exception:  # noqa: BLE001 - a source that fails says nothing
            found = None
        finally:
            told.put((rank, found))

    for rank, find in enumerate(finders):
        threading.Thread(target=ask, args=(rank, find), daemon=True, name=f"discover-{rank}").start()
    answers: dict[int, MailServers | None] = {}
    end = time.monotonic() + sources.deadline
    while len(answers) < len(finders) and time.monotonic() < end:
        stopping.check()
        try:
            rank, found = told.get(timeout=min(stopping.POLL, max(0.01, end - time.monotonic())))
        except queue.Empty:
            continue
        answers[rank] = found
        first = next((n for n in range(len(finders)) if answers.get(n, True)), None)
        if first is not None and first in answers:
            break
    return next((answers[n] for n in range(len(finders)) if answers.get(n)), None)


def _own(domain: str, sources: Sources) -> MailServers | None:
    return next(
        (f for url in sources.own if (f := _fetched(url.format(domain=domain), domain, sources))), None
    )


def _ispdb(domain: str, sources: Sources) -> MailServers | None:
    return _fetched(sources.ispdb + domain, domain, sources) if sources.ispdb else None


def _behind_mx(domain: str, sources: Sources) -> MailServers | None:
    """Whoever takes the domain's mail most often serves it too: by the table, else by that domain's own word or Mozilla's."""
    from publicsuffixlist import PublicSuffixList

    hosts = mx_hosts(domain, sources.nameserver)
    if known := by_mx(hosts):
        return servers_of(known, f"the mail of {domain} goes to {known.name}")
    behind = PublicSuffixList().privatesuffix(hosts[0].casefold()) if hosts else None
    if not behind or behind == domain:
        return None
    found = _own(behind, sources) or _ispdb(behind, sources)
    return replace(found, guess=True) if found else None  # an MX can be forged as any record can


def _srv(domain: str, sources: Sources) -> MailServers | None:
    return srv_servers(domain, sources.nameserver)


def _fetched(url: str, domain: str, sources: Sources) -> MailServers | None:
    try:
        answer = http.get(http.checked(url), timeout=sources.deadline, most=LARGEST)
    except ServerUnavailable:
        return None
    return parse(answer.content, domain, http.host_of(url)) if answer.status == 200 else None
