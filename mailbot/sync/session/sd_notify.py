"""What a service manager is told: sd_notify(3), spoken without a library."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

WAIT = 0.5
"""Seconds for a manager that does not read what it is told: it may be stuck, and mailbot must not be for that."""


class Notifier:
    """Tells systemd how the service is, where it asked to be told; elsewhere nothing is sent."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        own = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        micros = os.environ.get("WATCHDOG_USEC", "") if own else ""
        self._every = int(micros) / 2_000_000 if micros.isdigit() and int(micros) else 0.0
        self._last = time.monotonic()

    def ready(self, status: str) -> None:
        """The service has started."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """The service is well; said as often as the watchdog wants it."""
        if self._every and time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            sock.settimeout(WAIT)
            sock.sendto(text.encode(), address)
