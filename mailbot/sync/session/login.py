"""How to log in to an account's IMAP server."""

from __future__ import annotations

import math

from mailbot.credentials import secret
from mailbot.mail.server.connection import Login
from mailbot.settings import Account


def login(account: Account, ends: float = math.inf) -> Login:
    """The login of an account, whose time is over at `ends`. Its secret is read when it is needed, not before."""
    server = account.imap
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
