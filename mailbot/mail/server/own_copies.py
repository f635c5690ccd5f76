"""Which servers file what goes out in Sent by themselves, told by the host that it is handed to. A second copy would be a double."""

from __future__ import annotations

_FILE_THEMSELVES = (
    "smtp.gmail.com",
    "smtp.googlemail.com",
    "smtp-relay.gmail.com",
    "smtp.office365.com",
    "smtp-mail.outlook.com",
    "smtp.mail.me.com",
    "smtp.protonmail.ch",
)


def files_sent_itself(host: str, port: int = 0) -> bool:
    """Whether the server behind this submission host files sent mail by itself. Proton's bridge, which runs on this machine, is known
    by its port."""
    name = host.casefold().rstrip(".")
    return name in _FILE_THEMSELVES or (name in ("127.0.0.1", "localhost") and port == PROTON_BRIDGE)


PROTON_BRIDGE = 1025
