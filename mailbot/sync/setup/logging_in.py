"""How the account logs in: what its servers offer, and no other way."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mailbot.errors import ConfigError, MailbotError
from mailbot.http import checked
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.login import Login
from mailbot.mail.server.outbox import Outbox
from mailbot.oauth.endpoints import endpoints
from mailbot.oauth.tokens import MemoryStore
from mailbot.settings import Account, OAuth, Secret, Server
from mailbot.sync.commands import auth
from mailbot.sync.session.login import access_of, login, smtp_login
from mailbot.sync.setup import keeping
from mailbot.sync.setup.keeping import Kept, Undo, ask_secret
from mailbot.sync.setup.person import Person, anything, given
from mailbot.sync.setup.servers import Servers

BEARER = frozenset({"XOAUTH2", "OAUTHBEARER"})
PLAIN = frozenset({"PLAIN", "LOGIN"})
TRIES = 3


@dataclass(frozen=True, slots=True)
class Way:
    """A way to log in: `setting` is what accounts.yaml says of it; `kept` a secret, `store` what a login by browser gave, and what came
    of it since."""

    account: Account
    setting: dict[str, Any]
    kept: Kept | None = None
    store: MemoryStore | None = None

    @property
    def imap(self) -> Login:
        return self._login(smtp=False)

    @property
    def smtp(self) -> Login:
        return self._login(smtp=True)

    def _login(self, *, smtp: bool) -> Login:
        """Before anything is kept: the secret comes from here."""
        make = smtp_login if smtp else login
        value = self.kept.value if self.kept else ""
        if self.store is not None:
            return make(self.account, access=access_of(self.account, self.store, lambda: value))
        return replace(make(self.account), secret=lambda: value)

    def keep(self, undo: Undo) -> None:
        """Write the secret and the tokens to where they are kept; what takes that back is added to `undo`. Raises OSError or
        AuthenticationFailed."""
        if self.kept:
            self.kept.keep(undo)
        if self.store and self.store.tokens:
            access = access_of(self.account)
            before = access.store.read()
            access.keep(self.store.tokens)
            undo.append(lambda: access.keep(before) if before else access.store.remove())


@dataclass(frozen=True, slots=True)
class Offered:
    """The mechanisms of the servers (RFC 3501 6.1.1, RFC 4954 3); `smtp` is empty where that server was not asked or asks for none."""

    imap: frozenset[str]
    smtp: frozenset[str] = frozenset()

    def has(self, kind: frozenset[str]) -> bool:
        """Whether one can log in so, to read mail and to send it."""
        return bool(self.imap & kind) and (bool(self.smtp & kind) or not self.smtp)


def offered(name: str, servers: Servers) -> Offered:
    """What the servers offer. Raises ServerUnavailable or TryAgain if that of IMAP cannot be reached."""
    imap = ImapAccount(_nobody(name, servers.found.imap, servers)).mechanisms()
    if servers.found.smtp is None:
        return Offered(imap)
    try:
        return Offered(imap, Outbox(_nobody(name, servers.found.smtp, servers)).mechanisms())
    except MailbotError:  # it is tried, and what is wrong said, after the login
        return Offered(imap)


def _nobody(name: str, server: Any, servers: Servers) -> Login:
    """A look at a server before anybody logs in."""
    return Login(
        name, server.host, server.port, server.security, servers.username, lambda: "", ca_file=servers.ca_file
    )


def ask_way(person: Person, name: str, address: str, servers: Servers, offers: Offered, folder: Path) -> Way:
    """Ask how to log in, of what the server offers, and for what that needs. Raises ConfigError if it offers nothing that mailbot
    knows."""
    ways = _ways(servers, offers) or _ways(servers, Offered(offers.imap))
    if not ways:
        raise ConfigError(
            f"{servers.found.imap.host} offers no login that mailbot knows, only {', '.join(sorted(offers.imap)) or 'none'}"
        )
    way = ways[0][0] if len(ways) == 1 else person.choose("login", "How do you log in?", ways, ways[0][0])
    if len(ways) == 1:
        person.say(f"Login: {ways[0][1]}")
    if way in ("password", "app-password"):
        what = "app password" if way == "app-password" else "password"
        provider = servers.found.provider
        if way == "app-password" and provider:
            person.say(f"Make an app password for mailbot here: {provider.app_passwords}")
        kept = ask_secret(person, "password", name, folder)
        return with_password(name, address, servers, kept, what)
    return _by_browser(person, name, address, servers, way, folder)


def _ways(servers: Servers, offers: Offered) -> list[tuple[str, str]]:
    """(word, what it means) of each way that the server offers and the provider allows, in the order of advice."""
    provider = servers.found.provider
    known = provider.logins if provider else ("password", "oauth other")
    meaning = {
        "password": "the password of the account",
        "app password": "an app password: made for mailbot alone, and can be taken back",
        "oauth google": "in the browser (OAuth), with a client of your own; docs/oauth.md takes you there",
        "oauth microsoft": "in the browser (OAuth), with an app registration of your own; docs/oauth.md takes you there",
        "oauth other": "in the browser (OAuth), if you know your provider's OAuth addresses",
    }
    allowed = [w for w in known if offers.has(BEARER if w.startswith("oauth") else PLAIN)]
    return [(w.replace(" ", "-"), meaning[w]) for w in allowed]


def with_password(name: str, address: str, servers: Servers, kept: Kept, what: str = "password") -> Way:
    """A login with a password."""
    account = _account(name, address, servers, {"password": Secret(command=("true",))})
    return Way(account, {"password": kept.setting, "_what": what}, kept)


def corrected(person: Person, way: Way) -> Way | None:
    """The same way with the password typed anew; None where nobody can."""
    if way.kept is None or not keeping.typed(way.kept) or not person.there():
        return None
    return replace(way, kept=keeping.again(way.kept, person, way.setting["_what"]))


def _by_browser(person: Person, name: str, address: str, servers: Servers, way: str, folder: Path) -> Way:
    provider = way.removeprefix("oauth-")
    setting: dict[str, Any] = {"provider": provider}
    setting["client_id"] = person.ask("client-id", "Client id (Application ID)", given)
    if provider == "microsoft":
        tenant = person.ask(
            "tenant", "Tenant (your organisation's id; common for Outlook.com)", given, "common"
        )
        setting |= {"tenant": tenant} if tenant != "common" else {}
    if provider == "other":
        setting["authorize_url"] = person.ask("authorize-url", "Address of the authorization endpoint", _url)
        setting["token_url"] = person.ask("token-url", "Address of the token endpoint", _url)
        if scopes := person.ask("scopes", "Scopes, with spaces between them", anything, "").split():
            setting["scopes"] = scopes
    kept = None
    named = person.ask("client-secret-file", "", str, "")
    if named or (
        provider != "microsoft"
        and person.agrees("client-secret", "Does the client have a secret?", default=provider == "google")
    ):
        kept = ask_secret(person, "client-secret", f"{name}-client", folder)
        setting["client_secret"] = kept.setting
    oauth = OAuth.model_validate({k: v for k, v in setting.items() if k != "client_secret"})
    account = _account(name, address, servers, {"oauth": oauth})
    means: auth.Way = (
        "browser" if person.agrees("browser", "Is there a browser on this machine?") else "paste"
    )
    who = auth.Person(person.say, lambda question: person.ask("address-pasted", question, given))
    tokens = auth.consented(endpoints(oauth), servers.username, kept.value if kept else "", means, who)
    return Way(account, {"oauth": setting}, kept, MemoryStore(tokens))


def _url(text: str) -> str:
    try:
        return checked(given(text))
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _account(name: str, address: str, servers: Servers, how: dict[str, Any]) -> Account:
    def server(found: Any) -> Server:
        return Server(host=found.host, port=found.port, security=found.security, ca_file=servers.ca_file)

    imap, smtp = servers.found.imap, servers.found.smtp
    username = servers.username if servers.username != address else ""
    return Account(
        name=name,
        address=address,
        imap=server(imap),
        smtp=server(smtp) if smtp else None,
        username=username,
        **how,
    )


def a_name(taken: frozenset[str], suggested: str) -> str:
    """An account's name that no other has, from a word that was suggested."""
    word = re.sub(r"[^a-z0-9-]+", "-", suggested.casefold()).strip("-") or "mail"
    number, found = 1, word
    while found in taken:
        number += 1
        found = f"{word}-{number}"
    return found
