"""Whether the account works, tried at once: the same checks as `mailbot doctor`'s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailbot.errors import AuthenticationFailed, ConfigError
from mailbot.mail.discovery.found import MailServer
from mailbot.settings import Server
from mailbot.sync.checks import mail_server
from mailbot.sync.checks.check import Check
from mailbot.sync.setup.logging_in import TRIES, Way, corrected
from mailbot.sync.setup.person import Person
from mailbot.sync.setup.servers import Servers, a_server

MARKS = {"ok": "ok", "warning": "look", "wrong": "WRONG"}


def tried(person: Person, way: Way, servers: Servers) -> tuple[Way, Servers]:
    """Log in, look for the mailboxes, put a draft into Drafts and take it out again, log in for sending. A password that is refused
    may be typed anew. Raises ConfigError if the account does not work: nothing was kept then."""
    for attempt in range(1, TRIES + 1):
        found = list(told(person, mail_server.imap(way.account, way.imap)))
        refused = any(c.code == AuthenticationFailed.exit_code for c in found)
        if not refused or attempt == TRIES or not (other := corrected(person, way)):
            break
        way = other
    wrong = [c for c in found if c.level == "wrong"]
    if any(c.name == "imap" for c in wrong):
        raise ConfigError("the login did not work (see above), so nothing was kept")
    if wrong and not person.agrees("go-on", "Go on anyway?", default=False):
        raise ConfigError(f"nothing was kept: {wrong[0].found}")
    return _sending(person, way, servers)


def _sending(person: Person, way: Way, servers: Servers) -> tuple[Way, Servers]:
    """The login for sending; a server that does not work may be corrected, left out, or kept all the same."""
    if way.account.smtp is None:
        person.say(
            "  There is no SMTP server, so mailbot sends nothing: you send drafts from your mail client."
        )
        return way, servers
    for _ in range(TRIES):
        (check,) = told(person, iter([mail_server.smtp(way.account, way.smtp)]))
        if check.level == "ok":
            return way, servers
        person.say("  Drafts work without it; what you approve can then be sent from your mail client only.")
        ways = [
            ("drop", "leave it out of the settings"),
            ("correct", "write another one"),
            ("keep", "save it anyway"),
        ]
        word = person.choose("keep-smtp", "What to do with this SMTP server?", ways, "drop")
        if word != "correct":
            break
        other = person.ask("smtp-again", "SMTP server (host:port/security)", lambda t: a_server(t, 465))
        way, servers = _with_smtp(way, servers, other)
    return (way, servers) if word == "keep" else _with_smtp(way, servers, None)


def _with_smtp(way: Way, servers: Servers, smtp: MailServer | None) -> tuple[Way, Servers]:
    made = (
        Server(host=smtp.host, port=smtp.port, security=smtp.security, ca_file=servers.ca_file)
        if smtp
        else None
    )
    account = way.account.model_copy(update={"smtp": made})
    return replace(way, account=account), replace(servers, found=replace(servers.found, smtp=smtp))


def told(person: Person, checks: Iterator[Check]) -> Iterator[Check]:
    """Each check, shown as it is made."""
    for check in checks:
        what = check.name.partition(": ")[2]  # of the model several things are looked at
        advice = f"\n        {check.advice}" if check.advice else ""
        person.say(f"  {MARKS[check.level]:5} {f'{what}: ' if what else ''}{check.found}{advice}")
        yield check
