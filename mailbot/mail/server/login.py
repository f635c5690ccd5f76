"""Where and how to log in to a mail server."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TIMEOUT = 60.0

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class Login:
    """Where and how to log in. `secret` is called when it is needed; `token` says it yields an OAuth access token."""

    account: str
    host: str
    port: int
    security: Security
    username: str
    secret: Callable[[], str]
    token: bool = False
    again: Callable[[str], str] | None = None
    """Given the secret that the server refused: another one. None where there is no other."""
    ca_file: Path | None = None
    timeout: float = TIMEOUT
    """Seconds that the server may be silent; an answer that drips has them for the whole."""
    ends: float = math.inf
    """When the account's time is over, as `time.monotonic` counts."""
