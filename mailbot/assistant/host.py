"""Where a prompt goes: the host of a URL, and the proxy on the way."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mailbot.hearsay import one_line


def host_of(url: str) -> str:
    """The host of a URL, with its port if it names one, and never the user and password that may stand in front of it."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return one_line(f"{parts.hostname or '?'}{port}")[:100]


def proxy_for(url: str) -> str:
    """The host of the proxy that the environment names for a URL, empty for none."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return ""
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all") or ""
    return host_of(found if "//" in found else f"//{found}") if found else ""
