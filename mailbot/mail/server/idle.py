"""Waiting for news of a mailbox: IDLE (RFC 2177) where the server has it, and a look now and then in any case."""

from __future__ import annotations

import time
from collections.abc import Callable

from mailbot import stopping
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Opened
from mailbot.mail.server.stream import IdleRefused

RENEWED = 60.0
"""Seconds after which IDLE is begun anew: Office 365 and many routers drop a quiet line after five minutes, and say nothing of it. A line
that is dead is noticed by the next beginning, so it is soon."""


class Listener(ImapAccount):
    """One connection that waits. It belongs to the thread that made it."""

    _refused = False
    """The server has refused IDLE."""
    _exists = 0
    """How many messages the mailbox that is open is known to hold."""

    def wait(self, name: str, seconds: float, wanted: Callable[[], bool]) -> bool:
        """Wait for news of a mailbox that is open, for so long at most: True if the server had some. `wanted` is asked several times a
        second whether the waiting goes on. Raises ServerUnavailable where the line is dead."""
        if name and self._open != name:
            return True  # the line was lost and made anew: whatever came meanwhile was not heard
        if not name or self._refused or not self._idles():
            end = time.monotonic() + seconds
            while wanted() and time.monotonic() < end:
                stopping.pause(stopping.POLL)
            return False
        with self._errors("the connection that waits for mail was lost"):
            try:
                heard, self._exists = self._imap.idle_until(min(seconds, RENEWED), wanted, self._exists)
                return heard
            except IdleRefused:
                self._refused = True  # it says that it can, and does not: then the time passes
                return False

    def examine(self, name: str) -> Opened:
        opened = super().examine(name)
        self._exists = opened.exists
        return opened

    def _idles(self) -> bool:
        with self._errors("CAPABILITY failed"):
            return bool(self._imap.has_capability("IDLE"))
