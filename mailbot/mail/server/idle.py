"""Waiting for news of a mailbox: IDLE (RFC 2177) where the server has it, and a look now and then in any case."""

from __future__ import annotations

import time
from collections.abc import Callable

from mailbot import stopping
from mailbot.mail.server.account import ImapAccount

RENEWED = 60.0
"""Seconds after which IDLE is begun anew: Office 365 and many routers drop a quiet line after five minutes, and say nothing of it. A line
that is dead is noticed by the next beginning, so it is soon."""


class Listener(ImapAccount):
    """One connection that waits. It belongs to the thread that made it."""

    def wait(self, name: str, seconds: float, wanted: Callable[[], bool]) -> bool:
        """Wait for news of a mailbox that is open, for so long at most: True if the server had some. `wanted` is asked several times a
        second whether the waiting goes on. Raises ServerUnavailable where the line is dead."""
        if self._open != name:
            return True  # the line was lost and made anew: whatever came meanwhile was not heard
        if not self._idles():
            end = time.monotonic() + seconds
            while wanted() and time.monotonic() < end:
                stopping.pause(stopping.POLL)
            return False
        with self._errors("the connection that waits for mail was lost"):
            return self._imap.idle_until(min(seconds, RENEWED), wanted)

    def _idles(self) -> bool:
        with self._errors("CAPABILITY failed"):
            return bool(self._imap.has_capability("IDLE"))
