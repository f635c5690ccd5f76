"""How to log in to an account's servers."""

from __future__ import annotations

import math

from mailbot.credentials import secret
from mailbot.errors import ConfigError
from mailbot.mail.server.connection import Login
from mailbot.settings import Account, Server


def login(account: Account, ends: float = math.inf) -> Login:
    """The login of an account to its IMAP server, whose time is over at `ends`. Its secret is read when it is needed, not before."""
    return _login(account, account.imap, ends)


def smtp_login(account: Account, ends: float = math.inf) -> Login:
    """The same for its SMTP server. Raises ConfigError if the account has none."""
    if account.smtp is None:
        raise ConfigError(
            f"account {account.name}: it has no `smtp` in accounts.yaml, so nothing can be sent; add it, such as"
            " `smtp: {host: smtp.example.com, port: 465, security: tls}`"
        )
    return _login(account, account.smtp, ends)


def _login(account: Account, server: Server, ends: float) -> Login:
    return Login(
        account=account.name,
        host=server.host,
        port=server.port,
        security=server.security,
        username=account.login_name,
        secret=lambda: secret(account.password, f"account {account.name}"),
        token=account.password.token_command is not None,
        ca_file=server.ca_file.expanduser() if server.ca_file else None,
        timeout=server.timeout,
        ends=ends,
    )
