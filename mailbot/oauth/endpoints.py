"""Where a provider's authorization server is: two that are known by name, any other by its addresses in the settings."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.http import checked
from mailbot.settings import OAuth

_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """An authorization server and what is asked of it; empty texts for what it does not have.

    `redirect_host` is how this machine is called in the address that the browser is sent back to: Google takes any port of
    127.0.0.1, Microsoft any port of `localhost` (RFC 8252 7.3). `extra` is added to the authorization request.
    """

    client_id: str
    token_url: str
    authorize_url: str = ""
    device_url: str = ""
    revoke_url: str = ""
    scopes: tuple[str, ...] = ()
    redirect_host: str = "127.0.0.1"
    extra: tuple[tuple[str, str], ...] = ()


def endpoints(settings: OAuth) -> Endpoints:
    """The endpoints that the settings name. Raises ConfigError for an address that is neither https nor this machine's."""
    if settings.provider == "google":
        # Google's device flow refuses the scopes of mail.
        return Endpoints(
            settings.client_id,
            "https://oauth2.googleapis.com/token",
            "https://accounts.google.com/o/oauth2/v2/auth",
            revoke_url="https://oauth2.googleapis.com/revoke",
            scopes=settings.scopes or ("https://mail.google.com/",),
            extra=(("access_type", "offline"), ("prompt", "consent")),
        )
    if settings.provider == "microsoft":
        base = _MICROSOFT.format(tenant=settings.tenant)
        return Endpoints(
            settings.client_id,
            f"{base}/token",
            f"{base}/authorize",
            f"{base}/devicecode",
            scopes=settings.scopes
            or (
                "https://outlook.office.com/IMAP.AccessAsUser.All",
                "https://outlook.office.com/SMTP.Send",
                "offline_access",
            ),
            redirect_host="localhost",
            extra=(("prompt", "select_account"),),
        )
    for url in (settings.token_url, settings.authorize_url, settings.device_url, settings.revoke_url):
        if url:
            checked(url)
    return Endpoints(
        settings.client_id,
        settings.token_url,
        settings.authorize_url,
        settings.device_url,
        settings.revoke_url,
        settings.scopes,
    )
