"""Addresses that nobody reads (RFC 2142, RFC 3834 and custom)."""

from __future__ import annotations

import re

from mailbot.mail.message import Address

_ROBOT = re.compile(
    r"^(?:no|not|non|do-?not|donot|ne|nicht)[-_.+]?(?:reply|answer|respond|response|repondre|antworten|respuesta)|noreply|no-reply|donotreply|do-not-reply"
    r"|^(?:mailer-daemon|postmaster|bounce[sd]?|bounce[-+_.]|owner-|.*-owner$|.*-bounces$|.*-request$|majordomo|listserv|nobody|daemon|www-data|root|cron"
    r"|notification[s]?|notify|notifier|alert[s]?|automated|auto-?(?:reply|confirm|mailer)|newsletter[s]?|news|marketing|promotion[s]?|promo|offers|deals|mailing|updates?)(?:[-+_.].*)?$",
    re.IGNORECASE,
)


def is_robot(address: Address) -> bool:
    """Whether nobody reads what is written to this address, by its local part (RFC 2142, RFC 3834 and custom)."""
    return bool(_ROBOT.search(address.email.rpartition("@")[0]))
