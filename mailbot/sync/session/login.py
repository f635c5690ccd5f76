"""How to log in to an account's servers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailbot.config import state_folder
from mailbot.credentials import secret
from mailbot.errors import ConfigError
from mailbot.mail.server.login import Login
from mailbot.settings import Account, Server

if TYPE_CHECKING:
    from mailbot.oauth.access import Access
    from mailbot.oauth.tokens import TokenStore


def login(account: Account, ends: float = math.inf, access: Access | None = None) -> Login:
    """The login of an account to its IMAP server, whose time is over at `ends`. Its secret is read when it is needed, not before;
    `access` is where its tokens come from, if not from where they are kept."""
    return _login(account, account.imap, ends, access)


def smtp_login(account: Account, ends: float = math.inf, access: Access | None = None) -> Login:
    """The same for its SMTP server. Raises ConfigError if the account has none."""
    if account.smtp is None:
        raise ConfigError(
            f"account {account.name}: it has no `smtp` in accounts.yaml, so nothing can be sent; add it, such as"
            " `smtp: {host: smtp.example.com, port: 465, security: tls}`"
        )
    return _login(account, account.smtp, ends, access)


def access_of(
    account: Account, store: TokenStore | None = None, secret_of: Callable[[], str] | None = None
) -> Access:
    """The access tokens of an account whose settings have `oauth`; kept where they say, unless `store` is given. `secret_of` gives the
    client's secret, if it is not to be had from where the settings say yet."""
    from mailbot.oauth.access import Access
    from mailbot.oauth.endpoints import endpoints
    from mailbot.oauth.tokens import FileStore, KeyringStore, name_of

    wanted, whose = account.oauth, f"account {account.name}"
    assert wanted is not None
    where, folder = endpoints(wanted), state_folder() / "tokens"
    name = name_of(account.name, account.address, where.client_id, where.token_url)
    if store is None:
        store = (
            FileStore(folder / f"{name}.json", whose)
            if wanted.tokens == "file"
            else KeyringStore(name, whose)
        )
    return Access(
        account.name,
        where,
        store,
        folder / f"{name}.lock",
        secret_of or (lambda: client_secret(account)),
    )


def client_secret(account: Account) -> str:
    """The secret of the user's own OAuth client, empty for none. Raises what `secret` raises."""
    wanted = account.oauth
    return (
        secret(wanted.client_secret, f"account {account.name}: oauth.client_secret")
        if wanted and wanted.client_secret
        else ""
    )


def _login(account: Account, server: Server, ends: float, access: Access | None) -> Login:
    def tokens() -> Access:
        return access or access_of(account)

    def given() -> str:
        """A password or an access token."""
        if account.password is None:
            return tokens().token()
        return secret(account.password, f"account {account.name}")

    return Login(
        account=account.name,
        host=server.host,
        port=server.port,
        security=server.security,
        username=account.login_name,
        secret=given,
        token=account.password is None or account.password.token_command is not None,
        again=(lambda refused: tokens().after(refused)) if account.oauth else None,
        ca_file=server.ca_file.expanduser() if server.ca_file else None,
        timeout=server.timeout,
        ends=ends,
    )
