"""The logins of accounts that have `oauth`: begun, shown, ended. The only place where somebody is asked for one."""

from __future__ import annotations

import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mailbot.errors import AuthenticationFailed, ConfigError, MailbotError
from mailbot.mail.server.account import ImapAccount
from mailbot.oauth import authorization
from mailbot.oauth.endpoints import Endpoints, endpoints
from mailbot.oauth.loopback import Loopback
from mailbot.oauth.token_endpoint import revoke
from mailbot.oauth.tokens import MemoryStore, Tokens
from mailbot.settings import Account, Settings
from mailbot.sync.session.login import access_of, client_secret, login
from mailbot.sync.session.opening import chosen

Way = Literal["browser", "paste", "device"]
State = Literal["good", "ended", "missing", "password"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who logs in: is told things, and pastes an address where no browser can come back."""

    say: Callable[[str], None]
    ask: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Login:
    """How an account logs in, and whether it can. `until` is when its access token ends, which is refreshed by itself."""

    account: str
    state: State
    kept: str = ""
    until: datetime | None = None
    why: str = ""


def log_in(settings: Settings, name: str, way: Way, person: Person) -> Account:
    """Log an account in and keep its tokens. Raises ConfigError for an account without `oauth`, AuthenticationFailed if the login was
    not completed or the mail server does not take it, ServerUnavailable."""
    account = account_with_oauth(settings, name)
    tokens = consented(endpoints_of(account), account.login_name, client_secret(account), way, person)
    access_of(account).keep(tried(account, tokens))
    return account


def consented(where: Endpoints, user: str, secret: str, way: Way, person: Person) -> Tokens:
    """The tokens that the user has consented to, which are not kept yet; `secret` is the client's, empty for none. Raises what
    `log_in` raises."""
    if way == "device":
        begun = authorization.device(where)
        person.say(f"Open {begun.url} on any device, and type in the code {begun.code}")
        return authorization.device_tokens(where, begun, secret)
    if way == "paste":
        request = authorization.asked(where, f"http://{where.redirect_host}:8400/", user)
        person.say(
            f"Open this address in a browser, on any machine, and log in:\n\n{request.url}\n\nAt the end the browser shows a page"
            " that cannot be reached. That is right: copy its address from the address bar."
        )
        code = authorization.code_in(request, person.ask("The address").strip())
        if code is None:
            raise AuthenticationFailed(
                "that address is not the answer to this login; begin anew, and copy all of it"
            )
        return authorization.exchanged(request, code, secret)
    with Loopback(where.redirect_host) as listener:
        request = authorization.asked(where, listener.address, user)
        listener.expect(request)
        person.say(f"Log in as {user} in your browser. If none opens, go to:\n\n{request.url}\n")
        threading.Thread(
            target=webbrowser.open, args=(request.url,), daemon=True
        ).start()  # some wait until they end
        return authorization.exchanged(request, listener.code(), secret)


def tried(account: Account, tokens: Tokens) -> Tokens:
    """Log in to the mail server with new tokens; returns those that are good then, which may be newer. Raises AuthenticationFailed if
    it does not take them: most often the browser was logged in as somebody else."""
    store = MemoryStore(tokens)
    server = ImapAccount(login(account, access=access_of(account, store)))
    try:
        with server:
            pass
    except AuthenticationFailed as error:
        raise AuthenticationFailed(
            f"{error}. Was the browser logged in as somebody else than {account.login_name}? Nothing was kept"
        ) from error
    return store.tokens or tokens


def endpoints_of(account: Account) -> Endpoints:
    """Where an account logs in. Raises ConfigError."""
    assert account.oauth is not None
    return endpoints(account.oauth)


def logins(settings: Settings) -> list[Login]:
    """How each account logs in, as far as this machine knows: no server is asked."""
    return [_login(account) for account in settings.accounts]


def _login(account: Account) -> Login:
    if account.oauth is None:
        return Login(account.name, "password")
    try:
        tokens = access_of(account).store.read()
    except MailbotError as error:
        return Login(account.name, "missing", account.oauth.tokens, why=str(error))
    if tokens is None:
        return Login(account.name, "missing", account.oauth.tokens, why="nobody has logged in yet")
    until = (
        datetime.fromtimestamp(min(tokens.expires, time.time() + 1e9), UTC) if tokens.expires > 0 else None
    )
    return Login(account.name, "ended" if tokens.dead else "good", account.oauth.tokens, until, tokens.dead)


def log_out(settings: Settings, name: str) -> str:
    """Take the tokens of an account away, here and where the server can be told; returns what is left to know, empty for nothing.
    Raises ConfigError for an account without `oauth`."""
    account = account_with_oauth(settings, name)
    access = access_of(account)
    tokens = access.forget()
    if tokens is None:
        return "it was not logged in"
    try:
        told = revoke(access.endpoints, client_secret(account), tokens)
    except MailbotError as error:
        return f"the tokens are gone here, but the server could not be told: {error}"
    return (
        ""
        if told
        else "the tokens are gone here; to end the login at the provider too, remove mailbot in your account's settings there"
    )


def account_with_oauth(settings: Settings, name: str) -> Account:
    """The account of a name. Raises ConfigError if there is none, or if it logs in with a password."""
    (account,) = chosen(settings, [name])
    if account.oauth is None:
        raise ConfigError(
            f"account {name}: it logs in with a password, not by browser; to change that, put `oauth:` in the place"
            " of `password:` in accounts.yaml (docs/oauth.md)"
        )
    return account
