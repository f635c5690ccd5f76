"""Addresses that nobody reads (RFC 2142, RFC 3834 and custom)."""

from __future__ import annotations

import re

from mailbot.mail.message import Address

_ANYWHERE = ("noreply", "no-reply", "donotreply", "do-not-reply")
_NO_REPLY = (
    r"(?:no|not|non|do-?not|ne|nicht)[-_.+]?(?:reply|answer|respond|response|repondre|antworten|respuesta)"
)
_SYSTEM = (
    "mailer-daemon postmaster bounce[sd]? bounce[-+_.] owner- .*-owner$ .*-bounces$ .*-request$ majordomo listserv nobody daemon"
    " www-data root cron notifications? notify notifier alerts? automated auto-?(?:reply|confirm|mailer) newsletters? news marketing"
    " promotions? promo offers deals mailing updates?"
).split()
_ROBOT = re.compile(
    rf"^{_NO_REPLY}|{'|'.join(_ANYWHERE)}|^(?:{'|'.join(_SYSTEM)})(?:[-+_.].*)?$", re.IGNORECASE
)


def is_robot(address: Address) -> bool:
    """Whether nobody reads what is written to this address, by its local part (RFC 2142, RFC 3834 and custom)."""
    return bool(_ROBOT.search(address.email.rpartition("@")[0]))
