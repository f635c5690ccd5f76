"""Where a prompt goes: the proxy on the way to the host of a URL."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mailbot.http import host_of


def proxy_for(url: str) -> str:
    """The host of the proxy that the environment names for a URL, empty for none."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return ""
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all") or ""
    return host_of(found if "//" in found else f"//{found}") if found else ""
